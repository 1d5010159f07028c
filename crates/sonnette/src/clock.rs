//! The clock: the only place that reads the time.

use jiff::Timestamp;

/// Reads the time. Pure functions take an instant instead.
pub trait Clock: Send + Sync + 'static {
    /// The current time in whole microseconds, which is what the store keeps.
    fn now(&self) -> Timestamp;
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where time enters")]
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }
}
