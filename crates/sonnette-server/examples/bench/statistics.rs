//! Medians, ranges and percentiles of measured values.

use std::time::Duration;

/// The values of one figure in several rounds.
#[derive(Default, Clone)]
pub(crate) struct Rounds(Vec<f64>);

impl Rounds {
    pub(crate) fn push(&mut self, value: f64) {
        self.0.push(value);
        self.0.sort_by(f64::total_cmp);
    }

    /// The middle value, or the mean of the two in the middle; NaN if there are none.
    pub(crate) fn median(&self) -> f64 {
        match self.0.len() {
            0 => f64::NAN,
            count => f64::midpoint(self.0[(count - 1) / 2], self.0[count / 2]),
        }
    }

    pub(crate) fn min(&self) -> f64 {
        self.0.first().copied().unwrap_or(f64::NAN)
    }

    pub(crate) fn max(&self) -> f64 {
        self.0.last().copied().unwrap_or(f64::NAN)
    }

    /// Median and range with so many decimals: `0.31 (0.28–0.36)`.
    pub(crate) fn format(&self, decimals: usize) -> String {
        format!(
            "{:.decimals$} ({:.decimals$}–{:.decimals$})",
            self.median(),
            self.min(),
            self.max()
        )
    }

    /// The same for large numbers, with separators of thousands.
    pub(crate) fn format_counts(&self) -> String {
        format!(
            "{} ({}–{})",
            thousands(self.median()),
            thousands(self.min()),
            thousands(self.max())
        )
    }
}

impl FromIterator<f64> for Rounds {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        let mut rounds = Self::default();
        for value in values {
            rounds.push(value);
        }
        rounds
    }
}

/// Times of one operation, in microseconds.
#[derive(Default, Clone)]
pub(crate) struct Latencies(Vec<u32>);

impl Latencies {
    pub(crate) fn record(&mut self, time: Duration) {
        self.record_micros(u32::try_from(time.as_micros()).unwrap_or(u32::MAX));
    }

    pub(crate) fn record_micros(&mut self, micros: u32) {
        self.0.push(micros);
    }

    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The percentile in milliseconds; NaN if nothing was recorded.
    pub(crate) fn percentile_ms(&mut self, percent: usize) -> f64 {
        if self.0.is_empty() {
            return f64::NAN;
        }
        self.0.sort_unstable();
        f64::from(self.0[(self.0.len() - 1) * percent / 100]) / 1e3
    }
}

/// A number without decimals, with separators of thousands.
pub(crate) fn thousands(value: f64) -> String {
    if !value.is_finite() {
        return "—".to_owned();
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time in milliseconds with decimals that fit its size.
pub(crate) fn format_ms(value: f64) -> String {
    match value {
        value if value < 1.0 => format!("{value:.2} ms"),
        value if value < 100.0 => format!("{value:.1} ms"),
        value => format!("{} ms", thousands(value)),
    }
}

/// Bytes in mebibytes.
pub(crate) fn format_mebibytes(bytes: u64) -> String {
    format!("{} MiB", thousands(bytes as f64 / f64::from(1 << 20)))
}
