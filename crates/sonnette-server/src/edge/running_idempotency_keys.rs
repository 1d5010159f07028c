//! The idempotency keys whose first request is running.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;

/// SHA-256 of a key and of the `Authorization` header that it came with.
pub(crate) type KeyHash = [u8; 32];

/// The keys whose first request is running.
#[derive(Debug, Clone, Default)]
pub(crate) struct RunningKeys(Arc<Mutex<HashSet<KeyHash>>>);

/// A running key; dropping it ends the run.
pub(crate) struct RunningKey {
    keys: RunningKeys,
    key: KeyHash,
}

impl RunningKeys {
    /// Starts the run of a key, unless it is running.
    pub(crate) fn start(&self, key: KeyHash) -> Option<RunningKey> {
        // A `RunningKey` must exist only for a key that is inserted: dropping it removes the key.
        self.0.lock().insert(key).then(|| RunningKey {
            keys: self.clone(),
            key,
        })
    }

    /// Whether a request with this key is running.
    pub(crate) fn contains(&self, key: &KeyHash) -> bool {
        self.0.lock().contains(key)
    }
}

impl Drop for RunningKey {
    fn drop(&mut self) {
        self.keys.0.lock().remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_runs_once_at_a_time() {
        let keys = RunningKeys::default();
        let key = keys.start([1; 32]);
        assert!(key.is_some());
        assert!(keys.start([1; 32]).is_none());
        drop(key);
        assert!(!keys.contains(&[1; 32]));
    }
}
