//! The last day in buckets of half an hour, from which charts are drawn.

use jiff::{SignedDuration, Timestamp};
use sonnette::domain::LatencyHistogram;
use sonnette::store::AttemptStats;

/// Bucket hours of a plot.
const BUCKETS_PER_DAY: i64 = 48;
const BUCKET_SECONDS: i64 = 1_800;

/// The attempts of half an hour.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Bucket {
    pub(crate) start: Timestamp,
    pub(crate) succeeded: u64,
    pub(crate) failed: u64,
    /// The response times.
    pub(crate) times: LatencyHistogram,
}

impl Bucket {
    /// The number of attempts.
    pub(crate) fn attempts(&self) -> u64 {
        self.succeeded + self.failed
    }

    /// The end of the bucket.
    pub(crate) fn end(&self) -> Timestamp {
        self.start + SignedDuration::from_secs(BUCKET_SECONDS)
    }
}

/// The start of the first bucket of the last day.
pub(crate) fn first_start(now: Timestamp) -> Timestamp {
    let current = now.as_second().div_euclid(BUCKET_SECONDS);
    let first = (current - BUCKETS_PER_DAY + 1) * BUCKET_SECONDS;
    Timestamp::from_second(first).unwrap_or(now)
}

/// The buckets of the last day, oldest first; the last one is the current half hour. The statistics are those of one
/// webhook.
pub(crate) fn last_day(now: Timestamp, stats: &[AttemptStats]) -> Vec<Bucket> {
    let first = first_start(now);
    let start = |index: i64| first + SignedDuration::from_secs(index * BUCKET_SECONDS);
    let mut buckets: Vec<_> = (0..BUCKETS_PER_DAY)
        .map(|index| Bucket {
            start: start(index),
            ..Bucket::default()
        })
        .collect();
    for stats_row in stats {
        if let Some(bucket) = buckets
            .iter_mut()
            .find(|bucket| bucket.start == stats_row.start)
        {
            bucket.succeeded += stats_row.succeeded;
            bucket.failed += stats_row.failed;
            bucket.times.merge(&stats_row.latencies);
        }
    }
    buckets
}

/// The sum of several buckets.
pub(crate) fn sum<'a>(buckets: impl IntoIterator<Item = &'a Bucket>) -> Bucket {
    let mut sum = Bucket::default();
    for bucket in buckets {
        sum.succeeded += bucket.succeeded;
        sum.failed += bucket.failed;
        sum.times.merge(&bucket.times);
    }
    sum
}

/// The share of successful attempts; `None` without attempts.
#[expect(clippy::cast_precision_loss, reason = "it is shown with one decimal")]
pub(crate) fn success_rate(bucket: &Bucket) -> Option<f64> {
    let attempts = bucket.attempts();
    (attempts > 0).then(|| bucket.succeeded as f64 / attempts as f64)
}

#[cfg(test)]
mod tests {
    use sonnette::domain::WebhookId;

    use super::*;

    #[test]
    fn a_day_ends_with_the_current_bucket() {
        let now: Timestamp = "2026-11-21T18:47:00Z".parse().unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let stats_row = |start, succeeded, failed| AttemptStats {
            webhook: WebhookId(1),
            start: at(start),
            succeeded,
            failed,
            latencies: LatencyHistogram::default(),
        };
        let stats = [
            stats_row("2026-11-20T18:30:00Z", 9, 9),
            stats_row("2026-11-20T19:00:00Z", 1, 0),
            stats_row("2026-11-21T18:30:00Z", 2, 2),
        ];
        let day = last_day(now, &stats);
        assert_eq!(day.len(), 48);
        assert_eq!((day[0].start, day[0].succeeded), (first_start(now), 1));
        assert_eq!(day[47].start, at("2026-11-21T18:30:00Z"));
        assert_eq!(day[47].end(), at("2026-11-21T19:00:00Z"));
        assert_eq!(sum(&day).attempts(), 5);
        assert_eq!(success_rate(&sum(&day)), Some(0.6));
        assert_eq!(success_rate(&Bucket::default()), None);
    }
}
