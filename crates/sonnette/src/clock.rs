//! The source of time: the only code that asks the machine for it.

use std::time::Instant;

use jiff::Timestamp;

/// Tells the time. Decisions take a time as an argument instead.
pub trait Clock: Send + Sync + 'static {
    /// The time of day in whole microseconds, which is the precision of the store.
    fn now(&self) -> Timestamp;

    /// A point on the machine's monotonic clock, to measure durations and to wait. It has no relation to [`Clock::now`],
    /// which may be set back.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the monotonic clock"
    )]
    fn instant(&self) -> Instant {
        Instant::now()
    }
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the time of day"
    )]
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }
}
