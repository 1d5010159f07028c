//! Permits that are limited in total and per key.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::Mutex;

/// A semaphore with a limit in total and one per key.
pub struct KeyedSemaphore<K: Eq + Hash + Copy>(Arc<Inner<K>>);

struct Inner<K> {
    max_total: usize,
    max_per_key: usize,
    counts: Mutex<PermitCounts<K>>,
}

struct PermitCounts<K> {
    total: usize,
    /// Only keys that hold a permit.
    by_key: HashMap<K, usize>,
}

/// A permit. It is returned when dropped.
pub struct Permit<K: Eq + Hash + Copy> {
    key: K,
    semaphore: Arc<Inner<K>>,
}

impl<K: Eq + Hash + Copy> KeyedSemaphore<K> {
    /// A semaphore with `max_total` permits, of which one key may hold `max_per_key`.
    pub fn new(max_total: usize, max_per_key: usize) -> Self {
        Self(Arc::new(Inner {
            max_total,
            max_per_key,
            counts: Mutex::new(PermitCounts {
                total: 0,
                by_key: HashMap::new(),
            }),
        }))
    }

    /// A permit for `key`, if one is left.
    pub fn try_acquire(&self, key: K) -> Option<Permit<K>> {
        let mut counts = self.0.counts.lock();
        let held = counts.by_key.get(&key).copied().unwrap_or_default();
        if counts.total >= self.0.max_total || held >= self.0.max_per_key {
            return None;
        }
        counts.total += 1;
        counts.by_key.insert(key, held + 1);
        Some(Permit {
            key,
            semaphore: self.0.clone(),
        })
    }
}

impl<K: Eq + Hash + Copy> Drop for Permit<K> {
    fn drop(&mut self) {
        let mut counts = self.semaphore.counts.lock();
        counts.total -= 1;
        match counts.by_key.get_mut(&self.key) {
            Some(held) if *held > 1 => *held -= 1,
            _ => drop(counts.by_key.remove(&self.key)),
        }
    }
}

impl<K: Eq + Hash + Copy> fmt::Debug for Permit<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Permit")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permits_are_limited_in_total_and_per_key() {
        let semaphore = KeyedSemaphore::new(3, 2);
        let first = semaphore.try_acquire('a');
        let second = semaphore.try_acquire('a');
        assert!(first.is_some() && second.is_some());
        assert!(semaphore.try_acquire('a').is_none());
        let third = semaphore.try_acquire('b');
        assert!(third.is_some());
        assert!(semaphore.try_acquire('c').is_none());
        drop(first);
        assert!(semaphore.try_acquire('c').is_some());
        assert!(semaphore.try_acquire('a').is_some());
        drop((second, third));
        assert!(semaphore.0.counts.lock().by_key.is_empty());
    }
}
