//! The only caller of "now".

use jiff::Timestamp;

/// Tells the time. Pure code is given an instant instead.
pub trait Clock: Send + Sync + 'static {
    /// The time of day, in whole microseconds: what is answered now is the same when it is read back.
    fn now(&self) -> Timestamp;
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where time enters")]
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }
}
