//! When tokens were used, to the minute: collected in memory, written down every now and then, off the request path.

use std::collections::HashMap;

use jiff::Timestamp;
use parking_lot::Mutex;
use sonnette::domain::TokenId;

/// Uses of tokens that the store may not know yet.
#[derive(Debug, Default)]
pub(crate) struct TokenUse(Mutex<Uses>);

#[derive(Debug, Default)]
struct Uses {
    /// The minute of the last use, and whether the store was told.
    minutes: HashMap<TokenId, (i64, bool)>,
    flushed_at: Option<Timestamp>,
}

impl TokenUse {
    /// Notes a use. Says whether it is time to tell the store.
    pub(crate) fn note(&self, token: TokenId, now: Timestamp, every: std::time::Duration) -> bool {
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
        let due = waited.is_none_or(|waited| waited >= every);
        if due {
            uses.flushed_at = Some(now);
        }
        due
    }

    /// What the store does not know yet; it counts as told.
    pub(crate) fn take(&self) -> Vec<(TokenId, Timestamp)> {
        let mut uses = self.0.lock();
        let fresh = uses.minutes.iter_mut().filter(|(_, (_, told))| !told);
        fresh
            .filter_map(|(id, (minute, told))| {
                *told = true;
                Timestamp::from_second(*minute * 60)
                    .ok()
                    .map(|at| (*id, at))
            })
            .collect()
    }

    /// The last use that is known here.
    pub(crate) fn last(&self, token: TokenId) -> Option<Timestamp> {
        let (minute, _) = *self.0.lock().minutes.get(&token)?;
        Timestamp::from_second(minute * 60).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn tells_each_minute_once() {
        let uses = TokenUse::default();
        let every = Duration::from_secs(30);
        let at = |second| Timestamp::from_second(second).unwrap();
        assert!(uses.note(TokenId(1), at(61), every));
        assert!(!uses.note(TokenId(1), at(62), every));
        assert_eq!(uses.take(), [(TokenId(1), at(60))]);
        assert!(uses.note(TokenId(1), at(95), every));
        assert_eq!(uses.take(), []);
        assert!(uses.note(TokenId(1), at(130), every));
        assert_eq!(uses.take(), [(TokenId(1), at(120))]);
        assert_eq!(uses.last(TokenId(1)), Some(at(120)));
    }
}
