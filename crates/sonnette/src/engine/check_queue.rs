//! Who may check publications that cost much: a few at a time, and the organizers in turn.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::domain::OrganizerId;

/// Checks at a time. Each takes a thread that may block.
const MAX_RUNNING_CHECKS: usize = 2;
/// Requests of one organizer that wait.
const MAX_WAITING_PER_ORGANIZER: usize = 64;

/// Grants [`CheckPermit`]s: two at a time, one to an organizer.
#[derive(Default)]
pub(super) struct CheckQueue(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    running: HashSet<OrganizerId>,
    /// The organizers that wait, in turn, each with its requests.
    waiting: VecDeque<(OrganizerId, VecDeque<oneshot::Sender<CheckPermit>>)>,
}

/// The right to check. Dropping it passes the right on.
pub(super) struct CheckPermit {
    organizer: OrganizerId,
    state: Arc<Mutex<State>>,
}

impl CheckQueue {
    /// Waits for a permit. `None`: too many requests of the organizer wait.
    pub(super) async fn acquire(&self, organizer: OrganizerId) -> Option<CheckPermit> {
        let (sender, permit) = oneshot::channel();
        {
            let mut state = self.0.lock();
            let waiting = state.waiting.iter_mut().find(|(id, _)| *id == organizer);
            match waiting {
                Some((_, requests)) => {
                    requests.retain(|request| !request.is_closed());
                    if requests.len() >= MAX_WAITING_PER_ORGANIZER {
                        return None;
                    }
                    requests.push_back(sender);
                }
                None => state.waiting.push_back((organizer, [sender].into())),
            }
        }
        grant(&self.0);
        permit.await.ok()
    }
}

impl Drop for CheckPermit {
    fn drop(&mut self) {
        self.state.lock().running.remove(&self.organizer);
        grant(&self.state);
    }
}

/// Grants permits for as long as there are any.
fn grant(state: &Arc<Mutex<State>>) {
    loop {
        // The lock is not held while a permit may be dropped.
        let next = state.lock().next();
        let Some((organizer, request)) = next else {
            return;
        };
        let permit = CheckPermit {
            organizer,
            state: state.clone(),
        };
        // If the client has left, the permit is dropped here, and the next request gets it.
        let _ = request.send(permit);
    }
}

impl State {
    /// The next request that gets a permit, if one can. Its organizer goes to the end of the row.
    fn next(&mut self) -> Option<(OrganizerId, oneshot::Sender<CheckPermit>)> {
        if self.running.len() >= MAX_RUNNING_CHECKS {
            return None;
        }
        for (_, requests) in &mut self.waiting {
            requests.retain(|request| !request.is_closed());
        }
        self.waiting.retain(|(_, requests)| !requests.is_empty());
        let is_idle = |(id, _): &(OrganizerId, _)| !self.running.contains(id);
        let place = self.waiting.iter().position(is_idle)?;
        let (organizer, mut requests) = self.waiting.remove(place)?;
        let request = requests.pop_front()?;
        if !requests.is_empty() {
            self.waiting.push_back((organizer, requests));
        }
        self.running.insert(organizer);
        Some((organizer, request))
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
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
    fn organizers_take_turns() {
        let queue = CheckQueue::default();
        let [a, b, c] = [1, 2, 3].map(OrganizerId);
        let first = poll(pin!(queue.acquire(a))).unwrap().unwrap();
        let mut second = pin!(queue.acquire(a));
        assert!(poll(second.as_mut()).is_none(), "one at a time");
        let other = poll(pin!(queue.acquire(b))).unwrap().unwrap();
        let mut third = pin!(queue.acquire(c));
        assert!(poll(third.as_mut()).is_none(), "two in all");
        drop(other);
        let third = poll(third).unwrap().unwrap();
        drop(first);
        let second = poll(second).unwrap().unwrap();
        drop((second, third));
        assert!(queue.0.lock().running.is_empty());
    }

    #[test]
    fn cancelled_requests_are_skipped() {
        let queue = CheckQueue::default();
        let organizer = OrganizerId(1);
        let first = poll(pin!(queue.acquire(organizer))).unwrap().unwrap();
        {
            let mut left = Box::pin(queue.acquire(organizer));
            assert!(poll(left.as_mut()).is_none());
        }
        let mut last = pin!(queue.acquire(organizer));
        assert!(poll(last.as_mut()).is_none());
        drop(first);
        assert!(poll(last).unwrap().is_some());
    }

    #[test]
    fn the_queue_of_each_organizer_is_bounded() {
        let queue = CheckQueue::default();
        let organizer = OrganizerId(1);
        let running = poll(pin!(queue.acquire(organizer)));
        let mut waiting: Vec<_> = (0..MAX_WAITING_PER_ORGANIZER)
            .map(|_| Box::pin(queue.acquire(organizer)))
            .collect();
        for request in &mut waiting {
            assert!(poll(request.as_mut()).is_none());
        }
        assert!(poll(pin!(queue.acquire(organizer))).unwrap().is_none());
        drop((waiting, running));
    }
}
