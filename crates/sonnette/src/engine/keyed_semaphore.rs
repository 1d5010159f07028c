//! Room for only so many at a time, and for only so many of them on behalf of one.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::Mutex;

/// A semaphore with a limit in all and a limit for each key.
pub struct KeyedSemaphore<K: Eq + Hash + Copy>(Arc<Inner<K>>);

struct Inner<K> {
    all: usize,
    each: usize,
    taken: Mutex<Taken<K>>,
}

struct Taken<K> {
    all: usize,
    /// By whom; nobody with none is in here.
    by: HashMap<K, usize>,
}

/// A seat that somebody has; dropped, it is given back.
pub struct Permit<K: Eq + Hash + Copy> {
    whose: K,
    seats: Arc<Inner<K>>,
}

impl<K: Eq + Hash + Copy> KeyedSemaphore<K> {
    /// So many in `all`, of which one may have `each`.
    pub fn new(all: usize, each: usize) -> Self {
        let by = HashMap::new();
        Self(Arc::new(Inner {
            all,
            each,
            taken: Mutex::new(Taken { all: 0, by }),
        }))
    }

    /// One for `whose`, if there is one left for them.
    pub fn take(&self, whose: K) -> Option<Permit<K>> {
        let mut taken = self.0.taken.lock();
        let own = taken.by.get(&whose).copied().unwrap_or_default();
        if taken.all >= self.0.all || own >= self.0.each {
            return None;
        }
        taken.all += 1;
        taken.by.insert(whose, own + 1);
        Some(Permit {
            whose,
            seats: self.0.clone(),
        })
    }
}

impl<K: Eq + Hash + Copy> Drop for Permit<K> {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock();
        taken.all -= 1;
        match taken.by.get_mut(&self.whose) {
            Some(own) if *own > 1 => *own -= 1,
            _ => drop(taken.by.remove(&self.whose)),
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
    fn there_are_only_so_many_for_one_and_for_all() {
        let seats = KeyedSemaphore::new(3, 2);
        let first = seats.take('a');
        let second = seats.take('a');
        assert!(first.is_some() && second.is_some());
        assert!(seats.take('a').is_none());
        let third = seats.take('b');
        assert!(third.is_some());
        assert!(seats.take('c').is_none());
        drop(first);
        assert!(seats.take('c').is_some());
        assert!(seats.take('a').is_some());
        drop((second, third));
        assert!(seats.0.taken.lock().by.is_empty());
    }
}
