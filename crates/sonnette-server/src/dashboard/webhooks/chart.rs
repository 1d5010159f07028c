//! The geometry of charts, for the templates that write the SVG. Browsers stretch charts to the width of the page, so they
//! contain no text.

use std::fmt::Write as _;
use std::time::Duration;

use super::buckets::Bucket;

/// The width of one bucket, in SVG units.
const BUCKET_WIDTH: f64 = 10.0;
/// The width of a bar.
const BAR_WIDTH: f64 = 8.0;
/// The height of a chart.
const HEIGHT: f64 = 100.0;
/// The height of the smallest bar, so that it is visible.
const MIN_BAR_HEIGHT: f64 = 3.0;

/// Bars of outcomes.
#[derive(Debug, PartialEq)]
pub(crate) struct BarChart {
    /// The `d` of the path of successful attempts.
    pub(crate) succeeded: String,
    /// The `d` of the path of failed attempts, which are stacked on the others.
    pub(crate) failed: String,
    /// The value at the top of the chart.
    pub(crate) max: u64,
}

/// Lines of response times.
#[derive(Debug, PartialEq)]
pub(crate) struct LineChart {
    /// The `points` of the polylines of the median.
    pub(crate) median: Vec<String>,
    /// The `points` of the polylines of the 95th percentile.
    pub(crate) percentile_95: Vec<String>,
    /// The value at the top of the chart.
    pub(crate) max: Duration,
}

/// The bars of some buckets.
#[expect(
    clippy::cast_precision_loss,
    reason = "a chart needs no more precision"
)]
pub(crate) fn bars(buckets: &[Bucket]) -> BarChart {
    let max = round_up(
        buckets
            .iter()
            .map(Bucket::attempts)
            .max()
            .unwrap_or_default(),
    );
    let height = |count: u64| match count {
        0 => 0.0,
        count => (count as f64 * HEIGHT / max as f64).max(MIN_BAR_HEIGHT),
    };
    let mut bars = BarChart {
        succeeded: String::new(),
        failed: String::new(),
        max,
    };
    for (index, bucket) in buckets.iter().enumerate() {
        let x = index as f64 * BUCKET_WIDTH + 1.0;
        let failed = height(bucket.failed);
        let succeeded = height(bucket.succeeded).min(HEIGHT - failed);
        add_bar(&mut bars.succeeded, x, HEIGHT - succeeded, succeeded);
        add_bar(&mut bars.failed, x, HEIGHT - succeeded - failed, failed);
    }
    bars
}

/// Adds a bar to a path, if it has a height.
fn add_bar(path: &mut String, x: f64, top: f64, height: f64) {
    let (top, height) = (tenths(top), tenths(height));
    if height > 0.0 {
        // Writing to a string cannot fail.
        let _ = write!(path, "M{x} {top}h{BAR_WIDTH}v{height}h-{BAR_WIDTH}z");
    }
}

/// The median and the 95th percentile of some buckets.
pub(crate) fn lines(buckets: &[Bucket]) -> LineChart {
    let quantiles = |percent| -> Vec<_> {
        let each = buckets.iter();
        each.map(|bucket| bucket.times.quantile(percent)).collect()
    };
    let (median, percentile_95) = (quantiles(50), quantiles(95));
    let max = percentile_95
        .iter()
        .flatten()
        .max()
        .copied()
        .unwrap_or_default();
    let max = round_up(u64::try_from(max.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX));
    let max = Duration::from_millis(max);
    LineChart {
        median: line_segments(&median, max),
        percentile_95: line_segments(&percentile_95, max),
        max,
    }
}

/// The segments of a line, which has gaps where there are no values. A single value becomes a dash.
#[expect(clippy::cast_precision_loss, reason = "the index is at most 48")]
fn line_segments(values: &[Option<Duration>], max: Duration) -> Vec<String> {
    let height = |value: Duration| {
        let share = value.as_secs_f64() / max.as_secs_f64();
        tenths(HEIGHT - (share * HEIGHT).min(HEIGHT))
    };
    let mut found = Vec::new();
    for (index, value) in values.iter().enumerate() {
        let Some(value) = value else { continue };
        let (x, y) = (index as f64 * BUCKET_WIDTH, height(*value));
        let continues = index > 0 && values[index - 1].is_some();
        if !continues {
            found.push(String::new());
        }
        if let Some(points) = found.last_mut() {
            let is_single = !continues && values.get(index + 1).is_none_or(Option::is_none);
            // Writing to a string cannot fail.
            let _ = if is_single {
                write!(points, "{},{y} {},{y}", x + 1.0, x + BUCKET_WIDTH - 1.0)
            } else {
                write!(
                    points,
                    "{}{},{y}",
                    if continues { " " } else { "" },
                    x + BUCKET_WIDTH / 2.0
                )
            };
        }
    }
    found
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// The next of 1, 2, 5, 10, 20, 50, …: the value at the top of a chart.
fn round_up(max: u64) -> u64 {
    let mut power = 1_u64;
    loop {
        for step in [1, 2, 5] {
            let top = power.saturating_mul(step);
            if top >= max {
                return top;
            }
        }
        power = power.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(succeeded: u64, failed: u64, millis: &[u64]) -> Bucket {
        let mut bucket = Bucket {
            succeeded,
            failed,
            ..Bucket::default()
        };
        for millis in millis {
            bucket.times.add(Duration::from_millis(*millis));
        }
        bucket
    }

    #[test]
    fn bars_are_stacked_and_small_ones_are_visible() {
        let bars = bars(&[
            bucket(0, 0, &[]),
            bucket(1_500, 1, &[]),
            bucket(0, 1_000, &[]),
        ]);
        assert_eq!(bars.max, 2_000);
        assert_eq!(bars.succeeded, "M11 25h8v75h-8z");
        assert_eq!(bars.failed, "M11 22h8v3h-8zM21 50h8v50h-8z");
        assert_eq!(
            (super::bars(&[]).max, super::bars(&[]).succeeded),
            (1, String::new())
        );
    }

    #[test]
    fn lines_have_gaps_where_there_are_no_responses() {
        let buckets = [
            bucket(1, 0, &[10]),
            bucket(1, 0, &[10]),
            bucket(0, 1, &[]),
            bucket(1, 0, &[90]),
        ];
        let lines = lines(&buckets);
        assert_eq!(lines.max, Duration::from_millis(100));
        assert_eq!(lines.median.len(), 2);
        assert_eq!(lines.median[0].split(' ').count(), 2);
        assert!(lines.median[1].starts_with("31,") && lines.median[1].contains(" 39,"));
        assert_eq!(super::lines(&[]).percentile_95, Vec::<String>::new());
    }

    #[test]
    fn the_top_of_a_chart_is_a_round_number() {
        let tops: Vec<_> = [0, 1, 2, 3, 7, 11, 501].map(round_up).into();
        assert_eq!(tops, [1, 1, 2, 5, 10, 20, 1_000]);
        assert_eq!(round_up(u64::MAX), u64::MAX);
    }
}
