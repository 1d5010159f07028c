//! A clock that a test sets.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

use crate::clock::{Clock, SystemClock};

/// A clock that stands still until it is set or advanced. Clones share their time.
#[derive(Debug, Clone)]
pub struct MockClock(Arc<Mutex<MockTime>>);

#[derive(Debug)]
struct MockTime {
    now: Timestamp,
    /// The monotonic clock, which only [`MockClock::advance`] moves.
    instant: Instant,
}

impl MockClock {
    /// A clock at `now`.
    pub fn at(now: Timestamp) -> Self {
        let instant = SystemClock.instant();
        Self(Arc::new(Mutex::new(MockTime { now, instant })))
    }

    /// Sets the time of day to `now`, which may be earlier. No time passes.
    pub fn set(&self, now: Timestamp) {
        self.0.lock().now = now;
    }

    /// Lets time pass, at most to the last representable instant.
    pub fn advance(&self, by: SignedDuration) {
        let mut time = self.0.lock();
        time.now = time.now.saturating_add(by).unwrap_or(Timestamp::MAX);
        let passed = Duration::try_from(by).unwrap_or_default();
        time.instant = time.instant.checked_add(passed).unwrap_or(time.instant);
    }
}

impl Default for MockClock {
    /// A clock at noon of 1 March 2026, UTC.
    fn default() -> Self {
        Self::at(Timestamp::constant(1_772_366_400, 0))
    }
}

impl Clock for MockClock {
    fn now(&self) -> Timestamp {
        self.0.lock().now
    }

    fn instant(&self) -> Instant {
        self.0.lock().instant
    }
}
