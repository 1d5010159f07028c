//! How often somebody may try to log in.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

/// What is remembered at most; when it is full, those who failed longest ago are forgotten.
const REMEMBERED: usize = 10_000;

/// Failures by name, over a sliding time: each name has so many at once, and gets them back one by one.
pub(crate) struct Throttle {
    failures: u32,
    over: Duration,
    /// When the last failure of a name will have been forgiven.
    forgiven: Mutex<HashMap<String, Timestamp>>,
}

impl Throttle {
    /// Lets so many failures pass in this time.
    pub(crate) fn new(failures: u32, over: Duration) -> Self {
        Self {
            failures,
            over,
            forgiven: Mutex::new(HashMap::new()),
        }
    }

    /// Counts a try of this name as failed before it is known to be: whoever tries many at once, or leaves before the
    /// answer, is counted all the same. Else, how long the name has to wait; then nothing was counted.
    ///
    /// # Errors
    /// The wait.
    pub(crate) fn attempt(&self, name: &str, now: Timestamp) -> Result<(), Duration> {
        let mut all = self.forgiven.lock();
        let forgiven = all.get(name).copied().unwrap_or(now).max(now);
        let owed = Duration::try_from(forgiven.duration_since(now)).unwrap_or_default();
        let wait = owed.saturating_sub(self.over.saturating_sub(self.each()));
        if !wait.is_zero() {
            return Err(wait);
        }
        if all.len() >= REMEMBERED && !all.contains_key(name) {
            forget_some(&mut all, now);
        }
        all.insert(name.to_owned(), forgiven + self.each());
        Ok(())
    }

    /// Takes one try back: it did not fail.
    pub(crate) fn give_back(&self, name: &str) {
        if let Some(forgiven) = self.forgiven.lock().get_mut(name) {
            *forgiven = forgiven.saturating_sub(self.each()).unwrap_or(*forgiven);
        }
    }

    /// Forgets what a name did wrong.
    pub(crate) fn forgive(&self, name: &str) {
        self.forgiven.lock().remove(name);
    }

    fn each(&self) -> Duration {
        self.over / self.failures
    }
}

/// Makes room: first whoever is forgiven, then whoever failed longest ago.
fn forget_some(all: &mut HashMap<String, Timestamp>, now: Timestamp) {
    all.retain(|_, forgiven| *forgiven > now);
    while all.len() >= REMEMBERED {
        let Some(oldest) = all.iter().min_by_key(|(_, t)| **t).map(|(n, _)| n.clone()) else {
            break;
        };
        all.remove(&oldest);
    }
}

/// What stands between a guesser and a password.
pub(crate) struct Throttles {
    /// Log-ins of a user from one network address: few.
    pub(crate) pairs: Throttle,
    /// Log-ins of a user from anywhere: more, so that a stranger does not lock out whoever else it is.
    pub(crate) users: Throttle,
    /// Log-ins from one network address.
    pub(crate) addresses: Throttle,
    /// Letters asked for from one network address.
    pub(crate) letters: Throttle,
    /// Passwords hashed at a time: each takes 20 MB.
    pub(crate) hashing: Arc<Semaphore>,
    /// Log-ins that wait for it; more are turned away.
    pub(crate) queue: Semaphore,
}

impl Default for Throttles {
    fn default() -> Self {
        let quarter = Duration::from_mins(15);
        Self {
            pairs: Throttle::new(10, quarter),
            users: Throttle::new(100, quarter),
            addresses: Throttle::new(50, quarter),
            letters: Throttle::new(20, quarter),
            hashing: Arc::new(Semaphore::new(2)),
            queue: Semaphore::new(20),
        }
    }
}

impl Throttles {
    /// Counts a log-in of a user from an address. `false`: too many have failed, or too many wait.
    pub(crate) fn attempt(&self, email: &str, address: &str, now: Timestamp) -> bool {
        self.pairs.attempt(&pair(email, address), now).is_ok()
            && self.users.attempt(email, now).is_ok()
            && self.addresses.attempt(address, now).is_ok()
    }

    /// The log-in was right.
    pub(crate) fn succeeded(&self, email: &str, address: &str) {
        self.pairs.forgive(&pair(email, address));
        self.users.give_back(email);
        self.addresses.give_back(address);
    }
}

fn pair(email: &str, address: &str) -> String {
    format!("{email} {address}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn lets_a_few_pass_and_then_one_by_one() {
        let throttle = Throttle::new(5, Duration::from_secs(100));
        for _ in 0..5 {
            assert_eq!(throttle.attempt("a", at(0)), Ok(()));
        }
        assert_eq!(throttle.attempt("a", at(0)), Err(Duration::from_secs(20)));
        assert_eq!(throttle.attempt("b", at(0)), Ok(()));
        assert_eq!(throttle.attempt("a", at(20)), Ok(()));
        assert_eq!(throttle.attempt("a", at(21)), Err(Duration::from_secs(19)));
        throttle.give_back("a");
        assert_eq!(throttle.attempt("a", at(21)), Ok(()));
        throttle.forgive("a");
        for _ in 0..5 {
            assert_eq!(throttle.attempt("a", at(21)), Ok(()));
        }
    }

    #[test]
    fn remembers_only_so_many() {
        let throttle = Throttle::new(1, Duration::from_secs(100));
        for number in 0..REMEMBERED + 5 {
            assert_eq!(throttle.attempt(&number.to_string(), at(0)), Ok(()));
        }
        assert_eq!(throttle.forgiven.lock().len(), REMEMBERED);
    }

    #[test]
    fn a_stranger_does_not_lock_out_whoever_logs_in_elsewhere() {
        let throttles = Throttles::default();
        let tries = (0..60).filter(|_| throttles.attempt("ada", "stranger", at(0)));
        assert_eq!(tries.count(), 10);
        assert!(throttles.attempt("ada", "home", at(0)));
    }
}
