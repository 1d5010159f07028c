//! The last day in half hours: what plots are drawn from.

use jiff::{SignedDuration, Timestamp};
use sonnette::domain::LatencyHistogram;
use sonnette::store::AttemptStats;

/// Half hours of a plot.
const HALVES: i64 = 48;
const HALF_HOUR: i64 = 1_800;

/// One half hour.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Half {
    /// When it began.
    pub(crate) start: Timestamp,
    /// Attempts that succeeded.
    pub(crate) succeeded: u64,
    /// Attempts that did not.
    pub(crate) failed: u64,
    /// How long those took that were answered.
    pub(crate) times: LatencyHistogram,
}

impl Half {
    /// All attempts.
    pub(crate) fn attempts(&self) -> u64 {
        self.succeeded + self.failed
    }

    /// When it ends.
    pub(crate) fn end(&self) -> Timestamp {
        self.start + SignedDuration::from_secs(HALF_HOUR)
    }
}

/// When the first half hour of the last day begins.
pub(crate) fn beginning(now: Timestamp) -> Timestamp {
    let current = now.as_second().div_euclid(HALF_HOUR);
    let first = (current - HALVES + 1) * HALF_HOUR;
    Timestamp::from_second(first).unwrap_or(now)
}

/// The last day, oldest first; the last half hour is the one that has begun. The sums are of one webhook.
pub(crate) fn day(now: Timestamp, tallies: &[AttemptStats]) -> Vec<Half> {
    let first = beginning(now);
    let start = |index: i64| first + SignedDuration::from_secs(index * HALF_HOUR);
    let mut halves: Vec<_> = (0..HALVES)
        .map(|index| Half {
            start: start(index),
            ..Half::default()
        })
        .collect();
    for tally in tallies {
        if let Some(half) = halves.iter_mut().find(|half| half.start == tally.start) {
            half.succeeded += tally.succeeded;
            half.failed += tally.failed;
            half.times.merge(&tally.times);
        }
    }
    halves
}

/// Several half hours in sum.
pub(crate) fn sum<'a>(halves: impl IntoIterator<Item = &'a Half>) -> Half {
    let mut sum = Half::default();
    for half in halves {
        sum.succeeded += half.succeeded;
        sum.failed += half.failed;
        sum.times.merge(&half.times);
    }
    sum
}

/// Which share succeeded; none without attempts.
#[expect(clippy::cast_precision_loss, reason = "it is shown with one decimal")]
pub(crate) fn rate(half: &Half) -> Option<f64> {
    let attempts = half.attempts();
    (attempts > 0).then(|| half.succeeded as f64 / attempts as f64)
}

#[cfg(test)]
mod tests {
    use sonnette::domain::WebhookId;

    use super::*;

    #[test]
    fn a_day_ends_with_the_half_hour_that_has_begun() {
        let now: Timestamp = "2026-11-21T18:47:00Z".parse().unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let tally = |start, succeeded, failed| AttemptStats {
            webhook: WebhookId(1),
            start: at(start),
            succeeded,
            failed,
            times: LatencyHistogram::default(),
        };
        let tallies = [
            tally("2026-11-20T18:30:00Z", 9, 9),
            tally("2026-11-20T19:00:00Z", 1, 0),
            tally("2026-11-21T18:30:00Z", 2, 2),
        ];
        let day = day(now, &tallies);
        assert_eq!(day.len(), 48);
        assert_eq!((day[0].start, day[0].succeeded), (beginning(now), 1));
        assert_eq!(day[47].start, at("2026-11-21T18:30:00Z"));
        assert_eq!(day[47].end(), at("2026-11-21T19:00:00Z"));
        assert_eq!(sum(&day).attempts(), 5);
        assert_eq!(rate(&sum(&day)), Some(0.6));
        assert_eq!(rate(&Half::default()), None);
    }
}
