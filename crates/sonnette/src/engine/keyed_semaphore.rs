//! Permits that are limited in total and per key, and granted to the keys in turn.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;

/// A semaphore with a limit in total and one per key. If requests wait, each key gets one permit after the other key, so
/// that a key with many requests delays the others by few.
pub struct KeyedSemaphore<K: Eq + Hash + Copy>(Arc<Inner<K>>);

struct Inner<K: Eq + Hash + Copy> {
    max_total: usize,
    max_per_key: usize,
    max_waiting_per_key: usize,
    state: Mutex<State<K>>,
}

struct State<K: Eq + Hash + Copy> {
    total: usize,
    /// Only keys that hold a permit.
    by_key: HashMap<K, usize>,
    /// The keys that wait, in the order of their turns, each with its requests.
    waiting: VecDeque<(K, VecDeque<oneshot::Sender<Permit<K>>>)>,
}

/// A permit. It is returned when dropped.
pub struct Permit<K: Eq + Hash + Copy> {
    key: K,
    semaphore: Arc<Inner<K>>,
}

impl<K: Eq + Hash + Copy> KeyedSemaphore<K> {
    /// A semaphore with `max_total` permits, of which one key may hold `max_per_key`. No request waits.
    pub fn new(max_total: usize, max_per_key: usize) -> Self {
        Self::with_queue(max_total, max_per_key, 0)
    }

    /// The same, with room for `max_waiting_per_key` requests of a key that wait for a permit.
    pub fn with_queue(max_total: usize, max_per_key: usize, max_waiting_per_key: usize) -> Self {
        Self(Arc::new(Inner {
            max_total,
            max_per_key,
            max_waiting_per_key,
            state: Mutex::new(State {
                total: 0,
                by_key: HashMap::new(),
                waiting: VecDeque::new(),
            }),
        }))
    }

    /// A permit for `key`, if one is left.
    pub fn try_acquire(&self, key: K) -> Option<Permit<K>> {
        let mut state = self.0.state.lock();
        self.0.has_permit(&state, key).then(|| {
            state.take(key);
            Permit {
                key,
                semaphore: self.0.clone(),
            }
        })
    }

    /// Waits for a permit. `None`: too many requests of the key wait. Dropping the future gives up the place in the queue.
    pub async fn acquire(&self, key: K) -> Option<Permit<K>> {
        let (sender, permit) = oneshot::channel();
        {
            let mut state = self.0.state.lock();
            let has_permit = self.0.has_permit(&state, key);
            let requests = state.requests_of(key);
            requests.retain(|request| !request.is_closed());
            // Without a permit to come at once, the request needs room in the queue.
            if requests.len() >= self.0.max_waiting_per_key && !(has_permit && requests.is_empty())
            {
                return None;
            }
            requests.push_back(sender);
        }
        self.0.grant_permits();
        permit.await.ok()
    }
}

impl<K: Eq + Hash + Copy> Inner<K> {
    fn has_permit(&self, state: &State<K>, key: K) -> bool {
        let held = state.by_key.get(&key).copied().unwrap_or_default();
        state.total < self.max_total && held < self.max_per_key
    }

    /// Grants permits for as long as there are any.
    fn grant_permits(self: &Arc<Self>) {
        loop {
            // The lock is not held while a permit may be dropped.
            let next = self.next_request(&mut self.state.lock());
            let Some((key, request)) = next else {
                return;
            };
            let permit = Permit {
                key,
                semaphore: self.clone(),
            };
            // If nobody waits for it any more, the permit is dropped here, and the next request gets it.
            let _ = request.send(permit);
        }
    }

    /// Takes a permit for the next request, if there is one. Its key goes to the end of the queue.
    fn next_request(&self, state: &mut State<K>) -> Option<(K, oneshot::Sender<Permit<K>>)> {
        if state.total >= self.max_total {
            return None;
        }
        state.waiting.retain_mut(|(_, requests)| {
            requests.retain(|request| !request.is_closed());
            !requests.is_empty()
        });
        let mut keys = state.waiting.iter().map(|(key, _)| *key);
        let place = keys.position(|key| self.has_permit(state, key))?;
        let (key, mut requests) = state.waiting.remove(place)?;
        let request = requests.pop_front()?;
        if !requests.is_empty() {
            state.waiting.push_back((key, requests));
        }
        state.take(key);
        Some((key, request))
    }
}

impl<K: Eq + Hash + Copy> State<K> {
    fn take(&mut self, key: K) {
        self.total += 1;
        *self.by_key.entry(key).or_default() += 1;
    }

    fn requests_of(&mut self, key: K) -> &mut VecDeque<oneshot::Sender<Permit<K>>> {
        let found = self.waiting.iter().position(|(other, _)| *other == key);
        let place = found.unwrap_or_else(|| {
            self.waiting.push_back((key, VecDeque::new()));
            self.waiting.len() - 1
        });
        &mut self.waiting[place].1
    }
}

impl<K: Eq + Hash + Copy> Drop for Permit<K> {
    fn drop(&mut self) {
        let has_waiting = {
            let mut state = self.semaphore.state.lock();
            state.total -= 1;
            match state.by_key.get_mut(&self.key) {
                Some(held) if *held > 1 => *held -= 1,
                _ => drop(state.by_key.remove(&self.key)),
            }
            !state.waiting.is_empty()
        };
        if has_waiting {
            self.semaphore.grant_permits();
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
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn poll<F: Future>(future: Pin<&mut F>) -> Option<F::Output> {
        match future.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }

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
        assert!(semaphore.0.state.lock().by_key.is_empty());
    }

    #[test]
    fn a_key_with_many_requests_lets_others_have_their_turns() {
        let semaphore = KeyedSemaphore::with_queue(4, 3, 100);
        let held: Vec<_> = (0..3)
            .map(|_| semaphore.try_acquire('a').unwrap())
            .collect();
        let mut more: Vec<_> = (0..100).map(|_| Box::pin(semaphore.acquire('a'))).collect();
        for request in &mut more {
            assert!(poll(request.as_mut()).is_none(), "three of a key at most");
        }
        let other = poll(pin!(semaphore.acquire('b'))).flatten().unwrap();
        let mut second = pin!(semaphore.acquire('b'));
        let mut third = pin!(semaphore.acquire('c'));
        assert!(poll(second.as_mut()).is_none() && poll(third.as_mut()).is_none());
        drop(other);
        assert!(poll(second).flatten().is_some(), "before the hundred of a");
        assert!(poll(third).flatten().is_some());
        drop((held, more));
        let state = semaphore.0.state.lock();
        assert!(state.total == 0 && state.by_key.is_empty());
    }

    #[test]
    fn keys_take_turns() {
        let semaphore = KeyedSemaphore::with_queue(2, 1, 9);
        let first = poll(pin!(semaphore.acquire('a'))).flatten().unwrap();
        let mut second = pin!(semaphore.acquire('a'));
        assert!(poll(second.as_mut()).is_none(), "one at a time");
        let other = poll(pin!(semaphore.acquire('b'))).flatten().unwrap();
        let mut third = pin!(semaphore.acquire('c'));
        assert!(poll(third.as_mut()).is_none(), "two in all");
        drop(other);
        let third = poll(third).flatten().unwrap();
        drop(first);
        let second = poll(second).flatten().unwrap();
        drop((second, third));
        assert!(semaphore.0.state.lock().by_key.is_empty());
    }

    #[test]
    fn cancelled_requests_are_skipped() {
        let semaphore = KeyedSemaphore::with_queue(1, 1, 9);
        let first = poll(pin!(semaphore.acquire('a'))).flatten().unwrap();
        {
            let mut left = Box::pin(semaphore.acquire('a'));
            assert!(poll(left.as_mut()).is_none());
        }
        let mut last = pin!(semaphore.acquire('a'));
        assert!(poll(last.as_mut()).is_none());
        drop(first);
        assert!(poll(last).flatten().is_some());
    }

    #[test]
    fn the_queue_of_each_key_is_bounded() {
        let semaphore = KeyedSemaphore::with_queue(1, 1, 3);
        let held = poll(pin!(semaphore.acquire('a'))).flatten();
        assert!(held.is_some());
        let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(semaphore.acquire('a'))).collect();
        for request in &mut waiting {
            assert!(poll(request.as_mut()).is_none());
        }
        assert!(poll(pin!(semaphore.acquire('a'))).unwrap().is_none());
        assert!(poll(pin!(semaphore.acquire('b'))).is_none(), "it waits");
        drop((waiting, held));
        assert!(poll(pin!(semaphore.acquire('a'))).flatten().is_some());
    }
}
