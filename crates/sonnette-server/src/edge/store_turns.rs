//! Whose turn it is to use the store.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::Mutex;
use sonnette::domain::OrganizerId;
use tokio::sync::oneshot;

use super::client_key::ClientKey;

tokio::task_local! {
    /// For whom the request of this task is answered.
    static REQUESTER: Requester;
}

/// For whom the store is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Requester {
    /// The organizer of the token.
    Organizer(OrganizerId),
    /// A client without the token of an organizer.
    Client(ClientKey),
    /// The server itself.
    Server,
}

impl Requester {
    /// Runs `request` on behalf of this requester.
    pub(super) async fn scope<F: Future>(self, request: F) -> F::Output {
        REQUESTER.scope(self, request).await
    }

    /// For whom the current task runs.
    pub(super) fn current() -> Self {
        REQUESTER
            .try_with(|requester| *requester)
            .unwrap_or(Self::Server)
    }
}

/// Grants turns: so many at a time, and if some wait, one to each requester after the other. A requester has three quarters
/// of the turns at most, so that the others do not wait for the end of long work.
pub(super) struct StoreTurns<K: Eq + Hash + Copy>(Arc<Mutex<State<K>>>);

struct State<K: Eq + Hash + Copy> {
    free_turns: usize,
    max_per_requester: usize,
    /// Only requesters that have a turn.
    running: HashMap<K, usize>,
    /// The requesters that wait, in the order of their turns.
    waiting: VecDeque<(K, VecDeque<oneshot::Sender<StoreTurn<K>>>)>,
}

/// A turn. It ends when this is dropped.
pub(super) struct StoreTurn<K: Eq + Hash + Copy> {
    requester: K,
    state: Arc<Mutex<State<K>>>,
}

impl<K: Eq + Hash + Copy> StoreTurns<K> {
    /// `max` turns at a time.
    pub(super) fn new(max: usize) -> Self {
        Self(Arc::new(Mutex::new(State {
            free_turns: max,
            max_per_requester: (max * 3).div_ceil(4),
            running: HashMap::new(),
            waiting: VecDeque::new(),
        })))
    }

    /// Waits for a turn. Dropping the future gives up the place in the queue.
    pub(super) async fn acquire(&self, requester: K) -> Option<StoreTurn<K>> {
        let (sender, turn) = oneshot::channel();
        {
            let mut state = self.0.lock();
            let queue = state.waiting.iter_mut().find(|(key, _)| *key == requester);
            match queue {
                Some((_, requests)) => {
                    requests.retain(|request| !request.is_closed());
                    requests.push_back(sender);
                }
                None => state.waiting.push_back((requester, [sender].into())),
            }
        }
        grant_turns(&self.0);
        turn.await.ok()
    }
}

impl<K: Eq + Hash + Copy> Drop for StoreTurn<K> {
    fn drop(&mut self) {
        {
            let mut state = self.state.lock();
            state.free_turns += 1;
            match state.running.get_mut(&self.requester) {
                Some(running) if *running > 1 => *running -= 1,
                _ => drop(state.running.remove(&self.requester)),
            }
        }
        grant_turns(&self.state);
    }
}

/// Grants turns for as long as there are any.
fn grant_turns<K: Eq + Hash + Copy>(state: &Arc<Mutex<State<K>>>) {
    loop {
        // The lock is not held while a turn may be dropped.
        let next = state.lock().next();
        let Some((requester, request)) = next else {
            return;
        };
        let turn = StoreTurn {
            requester,
            state: state.clone(),
        };
        // If the client has left, the turn is dropped here, and the next request gets it.
        let _ = request.send(turn);
    }
}

impl<K: Eq + Hash + Copy> State<K> {
    /// The next request that gets a turn, if one can. Its requester goes to the end of the queue.
    fn next(&mut self) -> Option<(K, oneshot::Sender<StoreTurn<K>>)> {
        if self.free_turns == 0 {
            return None;
        }
        let has_share = |(key, _): &(K, _)| {
            self.running.get(key).copied().unwrap_or_default() < self.max_per_requester
        };
        let place = self.waiting.iter().position(has_share)?;
        let (requester, mut requests) = self.waiting.remove(place)?;
        let request = requests.pop_front()?;
        if !requests.is_empty() {
            self.waiting.push_back((requester, requests));
        }
        self.free_turns -= 1;
        *self.running.entry(requester).or_default() += 1;
        Some((requester, request))
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Option<F::Output> {
        match future.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_requester_with_many_requests_lets_others_have_their_turns() {
        let turns = StoreTurns::new(4);
        let take = |key: char| poll(pin!(turns.acquire(key))).flatten();
        let held: Vec<_> = (0..3).map(|_| take('a').unwrap()).collect();
        let mut more: Vec<_> = (0..100).map(|_| Box::pin(turns.acquire('a'))).collect();
        for request in &mut more {
            assert!(poll(request.as_mut()).is_none(), "three quarters at most");
        }
        let other = take('b').unwrap();
        let mut second = pin!(turns.acquire('b'));
        let mut third = pin!(turns.acquire('c'));
        assert!(poll(second.as_mut()).is_none() && poll(third.as_mut()).is_none());
        drop(other);
        assert!(poll(second).flatten().is_some(), "before the hundred of a");
        assert!(poll(third).flatten().is_some());
        drop((held, more));
        let state = turns.0.lock();
        assert_eq!(state.free_turns, 4);
        assert!(state.running.is_empty());
    }

    #[test]
    fn cancelled_requests_are_skipped() {
        let turns = StoreTurns::new(1);
        let first = poll(pin!(turns.acquire('a'))).flatten().unwrap();
        {
            let mut left = Box::pin(turns.acquire('a'));
            assert!(poll(left.as_mut()).is_none());
        }
        let mut last = pin!(turns.acquire('a'));
        assert!(poll(last.as_mut()).is_none());
        drop(first);
        assert!(poll(last).flatten().is_some());
    }
}
