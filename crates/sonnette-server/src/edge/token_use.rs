//! When tokens were used, to the minute. Uses are collected in memory and stored from time to time, off the request path.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use sonnette::domain::TokenId;

/// The latest use of each token.
#[derive(Debug, Default)]
pub(crate) struct TokenUses(Mutex<Uses>);

#[derive(Debug, Default)]
struct Uses {
    /// By token: the minute of the last use since 1970, and whether it is stored.
    minutes: HashMap<TokenId, (i64, bool)>,
    /// When a flush was last due.
    flushed_at: Option<Timestamp>,
}

impl TokenUses {
    /// Records a use. Returns whether a flush is due: `interval` has passed since the one before.
    pub(crate) fn record(&self, token: TokenId, now: Timestamp, interval: Duration) -> bool {
        let minute = now.as_second().div_euclid(60);
        let mut uses = self.0.lock();
        if uses
            .minutes
            .get(&token)
            .is_none_or(|(known, _)| *known != minute)
        {
            uses.minutes.insert(token, (minute, false));
        }
        let waited = uses
            .flushed_at
            .map(|at| now.duration_since(at).unsigned_abs());
        let due = waited.is_none_or(|waited| waited >= interval);
        if due {
            uses.flushed_at = Some(now);
        }
        due
    }

    /// The uses that are not stored; they count as stored from now on.
    pub(crate) fn take_unstored(&self) -> Vec<(TokenId, Timestamp)> {
        let mut uses = self.0.lock();
        let fresh = uses
            .minutes
            .iter_mut()
            .filter(|(_, (_, is_stored))| !*is_stored);
        fresh
            .filter_map(|(id, (minute, is_stored))| {
                *is_stored = true;
                Timestamp::from_second(*minute * 60)
                    .ok()
                    .map(|at| (*id, at))
            })
            .collect()
    }

    /// The last use since the server started.
    pub(crate) fn last(&self, token: TokenId) -> Option<Timestamp> {
        let (minute, _) = *self.0.lock().minutes.get(&token)?;
        Timestamp::from_second(minute * 60).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_minute_is_stored_once() {
        let uses = TokenUses::default();
        let interval = Duration::from_secs(30);
        let at = |second| Timestamp::from_second(second).unwrap();
        assert!(uses.record(TokenId(1), at(61), interval));
        assert!(!uses.record(TokenId(1), at(62), interval));
        assert_eq!(uses.take_unstored(), [(TokenId(1), at(60))]);
        assert!(uses.record(TokenId(1), at(95), interval));
        assert_eq!(uses.take_unstored(), []);
        assert!(uses.record(TokenId(1), at(130), interval));
        assert_eq!(uses.take_unstored(), [(TokenId(1), at(120))]);
        assert_eq!(uses.last(TokenId(1)), Some(at(120)));
    }
}
