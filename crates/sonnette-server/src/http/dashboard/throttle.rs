//! How often somebody may try to log in.

use std::collections::HashMap;
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

    /// How long this name has to wait before it may try; none: it may now.
    pub(crate) fn wait(&self, name: &str, now: Timestamp) -> Option<Duration> {
        let forgiven = *self.forgiven.lock().get(name)?;
        let owed = Duration::try_from(forgiven.duration_since(now)).ok()?;
        let patience = self.over.saturating_sub(self.each());
        owed.checked_sub(patience).filter(|wait| !wait.is_zero())
    }

    /// Notes a failure.
    pub(crate) fn fail(&self, name: &str, now: Timestamp) {
        let mut all = self.forgiven.lock();
        if all.len() >= REMEMBERED && !all.contains_key(name) {
            all.retain(|_, forgiven| *forgiven > now);
            while all.len() >= REMEMBERED {
                let Some(oldest) = all.iter().min_by_key(|(_, t)| **t).map(|(n, _)| n.clone())
                else {
                    break;
                };
                all.remove(&oldest);
            }
        }
        let forgiven = all.entry(name.to_owned()).or_insert(now);
        *forgiven = (*forgiven).max(now) + self.each();
    }

    /// Forgets what a name did wrong.
    pub(crate) fn forgive(&self, name: &str) {
        self.forgiven.lock().remove(name);
    }

    fn each(&self) -> Duration {
        self.over / self.failures
    }
}

/// What stands between a guesser and a password.
pub(crate) struct Throttles {
    /// Failed log-ins by e-mail address.
    pub(crate) users: Throttle,
    /// Failed log-ins, and letters asked for, by the address they came from.
    pub(crate) addresses: Throttle,
    /// Passwords hashed at a time: each takes 20 MB.
    pub(crate) hashing: Semaphore,
}

impl Default for Throttles {
    fn default() -> Self {
        let quarter = Duration::from_mins(15);
        Self {
            users: Throttle::new(10, quarter),
            addresses: Throttle::new(50, quarter),
            hashing: Semaphore::new(2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lets_a_few_pass_and_then_one_by_one() {
        let throttle = Throttle::new(5, Duration::from_secs(100));
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        for _ in 0..5 {
            assert_eq!(throttle.wait("a", at(0)), None);
            throttle.fail("a", at(0));
        }
        assert_eq!(throttle.wait("a", at(0)), Some(Duration::from_secs(20)));
        assert_eq!(throttle.wait("b", at(0)), None);
        assert_eq!(throttle.wait("a", at(20)), None);
        throttle.fail("a", at(20));
        assert_eq!(throttle.wait("a", at(21)), Some(Duration::from_secs(19)));
        throttle.forgive("a");
        assert_eq!(throttle.wait("a", at(21)), None);
    }

    #[test]
    fn remembers_only_so_many() {
        let throttle = Throttle::new(1, Duration::from_secs(100));
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        for number in 0..REMEMBERED + 5 {
            throttle.fail(&number.to_string(), at(0));
        }
        assert_eq!(throttle.forgiven.lock().len(), REMEMBERED);
    }
}
