//! A clock that a test sets.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

use crate::clock::Clock;

/// A clock that stands still until it is set or advanced. Clones share their time.
#[derive(Debug, Clone)]
pub struct MockClock(Arc<Mutex<Timestamp>>);

impl MockClock {
    /// A clock at `now`.
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(now)))
    }

    /// Sets the clock to `now`, which may be earlier.
    pub fn set(&self, now: Timestamp) {
        *self.0.lock() = now;
    }

    /// Advances the clock, at most to the last representable instant.
    pub fn advance(&self, by: SignedDuration) {
        let mut now = self.0.lock();
        *now = now.saturating_add(by).unwrap_or(Timestamp::MAX);
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
        *self.0.lock()
    }
}
