//! Limits how often a client may try something that can fail, such as logging in.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use ring::digest::{Context, SHA256};
use tokio::sync::Semaphore;

/// Names that are remembered. If there are more, those that failed longest ago are dropped.
const MAX_NAMES: usize = 10_000;
/// Names that are dropped at a time from a full table, so that not every attempt sorts it.
const NAMES_PER_EVICTION: usize = MAX_NAMES / 8;

/// SHA-256 of a name. Clients choose the names, so the table must not hold their text.
type NameHash = [u8; 32];

/// A token bucket for each name: a failure takes a token, and tokens come back one by one.
pub(crate) struct Throttle {
    /// Failures in a row.
    max_failures: u32,
    /// The time in which all tokens come back.
    window: Duration,
    /// By name: when all its tokens are back.
    refilled_at: Mutex<HashMap<NameHash, Timestamp>>,
}

impl Throttle {
    /// Allows `max_failures` in a row, and as many in every window.
    pub(crate) fn new(max_failures: u32, window: Duration) -> Self {
        Self {
            max_failures,
            window,
            refilled_at: Mutex::new(HashMap::new()),
        }
    }

    /// Counts an attempt as failed before it is made, so that concurrent and abandoned attempts count as well.
    ///
    /// # Errors
    /// How long the name has to wait; the attempt is not counted.
    pub(crate) fn record_attempt(&self, name: &str, now: Timestamp) -> Result<(), Duration> {
        let name = hash(name);
        let mut names = self.refilled_at.lock();
        let refilled_at = names.get(&name).copied().unwrap_or(now).max(now);
        let missing = Duration::try_from(refilled_at.duration_since(now)).unwrap_or_default();
        let wait = missing.saturating_sub(self.window.saturating_sub(self.interval()));
        if !wait.is_zero() {
            return Err(wait);
        }
        if names.len() >= MAX_NAMES && !names.contains_key(&name) {
            drop_oldest(&mut names, now);
        }
        names.insert(name, refilled_at + self.interval());
        Ok(())
    }

    /// Takes back an attempt that did not fail.
    pub(crate) fn undo(&self, name: &str) {
        if let Some(refilled_at) = self.refilled_at.lock().get_mut(&hash(name)) {
            *refilled_at = refilled_at
                .saturating_sub(self.interval())
                .unwrap_or(*refilled_at);
        }
    }

    /// Forgets all failures of a name.
    pub(crate) fn reset(&self, name: &str) {
        self.refilled_at.lock().remove(&hash(name));
    }

    fn interval(&self) -> Duration {
        self.window / self.max_failures
    }
}

fn hash(name: &str) -> NameHash {
    let mut context = Context::new(&SHA256);
    context.update(name.as_bytes());
    let mut hash = NameHash::default();
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// Drops the names with all tokens and, if the table is still full, those that failed longest ago.
fn drop_oldest(names: &mut HashMap<NameHash, Timestamp>, now: Timestamp) {
    names.retain(|_, refilled_at| *refilled_at > now);
    if names.len() < MAX_NAMES {
        return;
    }
    let mut times: Vec<_> = names.iter().map(|(name, at)| (*at, *name)).collect();
    times.sort_unstable();
    for (_, name) in times.iter().take(NAMES_PER_EVICTION) {
        names.remove(name);
    }
}

/// The limits that protect passwords from being guessed.
pub(crate) struct Throttles {
    /// Log-ins of a user from one network.
    pub(crate) user_and_network: Throttle,
    /// Log-ins of a user from anywhere: more, so that a stranger does not lock out the user.
    pub(crate) users: Throttle,
    /// Log-ins from one network.
    pub(crate) networks: Throttle,
    /// E-mails with a link that are requested from one network.
    pub(crate) account_emails: Throttle,
    /// Passwords that are hashed at the same time; each takes 20 MB.
    pub(crate) hashing_permits: Arc<Semaphore>,
    /// Log-ins that wait for a hashing permit; more are refused.
    pub(crate) hashing_queue: Semaphore,
}

impl Default for Throttles {
    fn default() -> Self {
        let quarter = Duration::from_mins(15);
        Self {
            user_and_network: Throttle::new(10, quarter),
            users: Throttle::new(100, quarter),
            networks: Throttle::new(50, quarter),
            account_emails: Throttle::new(20, quarter),
            hashing_permits: Arc::new(Semaphore::new(2)),
            hashing_queue: Semaphore::new(20),
        }
    }
}

impl Throttles {
    /// Counts a log-in of a user from a network. Returns whether it may be tried. The network is counted first: one that
    /// has used up its attempts adds no name to the tables of users.
    pub(crate) fn record_attempt(&self, email: &str, address: &str, now: Timestamp) -> bool {
        self.networks.record_attempt(address, now).is_ok()
            && self
                .user_and_network
                .record_attempt(&user_network_name(email, address), now)
                .is_ok()
            && self.users.record_attempt(email, now).is_ok()
    }

    /// Records that the log-in succeeded.
    pub(crate) fn record_success(&self, email: &str, address: &str) {
        self.user_and_network
            .reset(&user_network_name(email, address));
        self.users.undo(email);
        self.networks.undo(address);
    }
}

fn user_network_name(email: &str, address: &str) -> String {
    format!("{email} {address}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn tokens_come_back_one_by_one() {
        let throttle = Throttle::new(5, Duration::from_secs(100));
        for _ in 0..5 {
            assert_eq!(throttle.record_attempt("a", at(0)), Ok(()));
        }
        assert_eq!(
            throttle.record_attempt("a", at(0)),
            Err(Duration::from_secs(20))
        );
        assert_eq!(throttle.record_attempt("b", at(0)), Ok(()));
        assert_eq!(throttle.record_attempt("a", at(20)), Ok(()));
        assert_eq!(
            throttle.record_attempt("a", at(21)),
            Err(Duration::from_secs(19))
        );
        throttle.undo("a");
        assert_eq!(throttle.record_attempt("a", at(21)), Ok(()));
        throttle.reset("a");
        for _ in 0..5 {
            assert_eq!(throttle.record_attempt("a", at(21)), Ok(()));
        }
    }

    #[test]
    fn the_number_of_names_is_bounded() {
        let throttle = Throttle::new(1, Duration::from_secs(100));
        for number in 0..MAX_NAMES + 5 {
            assert_eq!(throttle.record_attempt(&number.to_string(), at(0)), Ok(()));
        }
        let names = throttle.refilled_at.lock();
        assert!(names.len() <= MAX_NAMES && names.len() > MAX_NAMES - NAMES_PER_EVICTION);
        // The one that failed last is still known.
        assert!(names.contains_key(&hash(&(MAX_NAMES + 4).to_string())));
    }

    #[test]
    fn a_refused_network_adds_no_user() {
        let throttles = Throttles::default();
        for number in 0..200 {
            throttles.record_attempt(&format!("{number}@example.org"), "stranger", at(0));
        }
        assert_eq!(throttles.users.refilled_at.lock().len(), 50);
        assert_eq!(throttles.user_and_network.refilled_at.lock().len(), 50);
    }

    #[test]
    fn a_user_has_a_hundred_attempts_over_all_networks() {
        let throttles = Throttles::default();
        for number in 0..100 {
            assert!(throttles.record_attempt("ada", &format!("network {number}"), at(0)));
        }
        assert!(!throttles.record_attempt("ada", "another network", at(0)));
        assert!(throttles.record_attempt("bob", "another network", at(0)));
        // One attempt comes back every nine seconds.
        assert!(!throttles.record_attempt("ada", "another network", at(8)));
        assert!(throttles.record_attempt("ada", "another network", at(9)));
        assert!(!throttles.record_attempt("ada", "another network", at(9)));
    }

    #[test]
    fn a_network_asks_for_twenty_emails() {
        let emails = Throttles::default().account_emails;
        for _ in 0..20 {
            assert_eq!(emails.record_attempt("network", at(0)), Ok(()));
        }
        let wait = Duration::from_secs(45);
        assert_eq!(emails.record_attempt("network", at(0)), Err(wait));
        assert_eq!(emails.record_attempt("elsewhere", at(0)), Ok(()));
        assert_eq!(emails.record_attempt("network", at(45)), Ok(()));
    }

    #[test]
    fn a_stranger_does_not_lock_out_a_user_elsewhere() {
        let throttles = Throttles::default();
        let tries = (0..60).filter(|_| throttles.record_attempt("ada", "stranger", at(0)));
        assert_eq!(tries.count(), 10);
        assert!(throttles.record_attempt("ada", "home", at(0)));
    }
}
