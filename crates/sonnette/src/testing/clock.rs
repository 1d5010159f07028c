//! A clock that a test moves by hand.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

use crate::clock::Clock;

/// Stands still unless moved. Clones are the same clock.
#[derive(Debug, Clone)]
pub struct MockClock(Arc<Mutex<Timestamp>>);

impl MockClock {
    /// Stands at `now`.
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(now)))
    }

    /// Moves it to `now`, which may lie in its past.
    pub fn set(&self, now: Timestamp) {
        *self.0.lock() = now;
    }

    /// Moves it on; stops at the end of time.
    pub fn advance(&self, by: SignedDuration) {
        let mut now = self.0.lock();
        *now = now.saturating_add(by).unwrap_or(Timestamp::MAX);
    }
}

impl Default for MockClock {
    /// Stands at noon of 1 March 2026, UTC.
    fn default() -> Self {
        Self::at(Timestamp::constant(1_772_366_400, 0))
    }
}

impl Clock for MockClock {
    fn now(&self) -> Timestamp {
        *self.0.lock()
    }
}
