//! Plots as numbers: where bars and lines are, for the templates that write the SVG. Widths are stretched to the page, so
//! there is no text in them.

use std::fmt::Write as _;
use std::time::Duration;

use super::buckets::Half;

/// How wide one half hour is.
const STEP: f64 = 10.0;
/// How wide a bar in it is.
const WIDE: f64 = 8.0;
/// How high a plot is.
const HIGH: f64 = 100.0;
/// The least that is seen.
const LEAST: f64 = 3.0;

/// Bars of outcomes, as the `d` of two paths, and what the top stands for.
#[derive(Debug, PartialEq)]
pub(crate) struct Bars {
    /// What succeeded.
    pub(crate) ok: String,
    /// What failed, which stands on it.
    pub(crate) ko: String,
    pub(crate) most: u64,
}

/// Lines of how long answers took, as `points` of polylines, and what their top stands for.
#[derive(Debug, PartialEq)]
pub(crate) struct Lines {
    pub(crate) median: Vec<String>,
    pub(crate) tail: Vec<String>,
    pub(crate) most: Duration,
}

/// The outcomes of some half hours.
#[expect(clippy::cast_precision_loss, reason = "a plot is not that fine")]
pub(crate) fn bars(halves: &[Half]) -> Bars {
    let most = nice(halves.iter().map(Half::attempts).max().unwrap_or_default());
    let height = |count: u64| match count {
        0 => 0.0,
        count => (count as f64 * HIGH / most as f64).max(LEAST),
    };
    let mut bars = Bars {
        ok: String::new(),
        ko: String::new(),
        most,
    };
    for (index, half) in halves.iter().enumerate() {
        let x = index as f64 * STEP + 1.0;
        let ko = height(half.failed);
        let ok = height(half.succeeded).min(HIGH - ko);
        draw(&mut bars.ok, x, HIGH - ok, ok);
        draw(&mut bars.ko, x, HIGH - ok - ko, ko);
    }
    bars
}

/// A bar; none if it has no height.
fn draw(path: &mut String, x: f64, top: f64, high: f64) {
    let (top, high) = (tenths(top), tenths(high));
    if high > 0.0 {
        // Writing to a string cannot fail.
        let _ = write!(path, "M{x} {top}h{WIDE}v{high}h-{WIDE}z");
    }
}

/// Median and 95th percentile of some half hours.
pub(crate) fn lines(halves: &[Half]) -> Lines {
    let quantiles = |percent| -> Vec<_> {
        let each = halves.iter();
        each.map(|half| half.times.quantile(percent)).collect()
    };
    let (median, tail) = (quantiles(50), quantiles(95));
    let most = tail.iter().flatten().max().copied().unwrap_or_default();
    let most = nice(u64::try_from(most.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX));
    let most = Duration::from_millis(most);
    Lines {
        median: stretches(&median, most),
        tail: stretches(&tail, most),
        most,
    }
}

/// A line breaks where there is nothing; what stands alone is a dash.
#[expect(clippy::cast_precision_loss, reason = "there are 48")]
fn stretches(values: &[Option<Duration>], most: Duration) -> Vec<String> {
    let height = |value: Duration| {
        let share = value.as_secs_f64() / most.as_secs_f64();
        tenths(HIGH - (share * HIGH).min(HIGH))
    };
    let mut found = Vec::new();
    for (index, value) in values.iter().enumerate() {
        let Some(value) = value else { continue };
        let (x, y) = (index as f64 * STEP, height(*value));
        let goes_on = index > 0 && values[index - 1].is_some();
        if !goes_on {
            found.push(String::new());
        }
        if let Some(points) = found.last_mut() {
            let alone = !goes_on && values.get(index + 1).is_none_or(Option::is_none);
            // Writing to a string cannot fail.
            let _ = if alone {
                write!(points, "{},{y} {},{y}", x + 1.0, x + STEP - 1.0)
            } else {
                write!(
                    points,
                    "{}{},{y}",
                    if goes_on { " " } else { "" },
                    x + STEP / 2.0
                )
            };
        }
    }
    found
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// The next of 1, 2, 5, 10, 20, 50, …: what the top of a plot stands for.
fn nice(most: u64) -> u64 {
    let mut power = 1_u64;
    loop {
        for step in [1, 2, 5] {
            let top = power.saturating_mul(step);
            if top >= most {
                return top;
            }
        }
        power = power.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn half(succeeded: u64, failed: u64, millis: &[u64]) -> Half {
        let mut half = Half {
            succeeded,
            failed,
            ..Half::default()
        };
        for millis in millis {
            half.times.add(Duration::from_millis(*millis));
        }
        half
    }

    #[test]
    fn bars_are_stacked_and_the_rare_are_seen() {
        let bars = bars(&[half(0, 0, &[]), half(1_500, 1, &[]), half(0, 1_000, &[])]);
        assert_eq!(bars.most, 2_000);
        assert_eq!(bars.ok, "M11 25h8v75h-8z");
        assert_eq!(bars.ko, "M11 22h8v3h-8zM21 50h8v50h-8z");
        assert_eq!(
            (super::bars(&[]).most, super::bars(&[]).ok),
            (1, String::new())
        );
    }

    #[test]
    fn lines_break_where_nothing_was_answered() {
        let halves = [
            half(1, 0, &[10]),
            half(1, 0, &[10]),
            half(0, 1, &[]),
            half(1, 0, &[90]),
        ];
        let lines = lines(&halves);
        assert_eq!(lines.most, Duration::from_millis(100));
        assert_eq!(lines.median.len(), 2);
        assert_eq!(lines.median[0].split(' ').count(), 2);
        assert!(lines.median[1].starts_with("31,") && lines.median[1].contains(" 39,"));
        assert_eq!(super::lines(&[]).tail, Vec::<String>::new());
    }

    #[test]
    fn tops_are_round() {
        let tops: Vec<_> = [0, 1, 2, 3, 7, 11, 501].map(nice).into();
        assert_eq!(tops, [1, 1, 2, 5, 10, 20, 1_000]);
        assert_eq!(nice(u64::MAX), u64::MAX);
    }
}
