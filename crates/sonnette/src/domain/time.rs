//! Arithmetic on time that cannot panic.

use jiff::{Timestamp, TimestampArithmetic};

/// `at` and `by` later, or the last representable instant: 9999-12-30T22:00:00.999999999Z.
pub fn saturating_add(at: Timestamp, by: impl Into<TimestampArithmetic>) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}
