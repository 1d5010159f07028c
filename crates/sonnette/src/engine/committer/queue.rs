//! What waits for the commit thread: publications with whoever waits for the answer, and settlements.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::publication_queue::{PublicationQueue, ReplySender};
use crate::clock::{Clock as _, SystemClock};
use crate::engine::{PublishError, PublishedNotification};
use crate::store::{PublicationGroup, Settlement};

/// This many settlements are committed without further delay.
const IMMEDIATE_COMMIT_SETTLEMENTS: usize = 256;
/// Settlements per transaction.
const MAX_BATCH_SETTLEMENTS: usize = 4_096;
/// Settlements in the queue; beyond it sending pauses.
const MAX_QUEUED_SETTLEMENTS: usize = 20_000;
/// How long the thread waits when the queue is empty: the registry is polled this often.
pub(super) const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// How long the commit thread waits, and for what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CommitDelays {
    /// For something to commit, when the queue is empty.
    pub(crate) idle: Duration,
    /// How long settlements wait for a publication to share a transaction with. A crash sends again what waits here.
    pub(crate) settlement: Duration,
    /// After a failed commit.
    pub(crate) retry: Duration,
}

impl Default for CommitDelays {
    fn default() -> Self {
        Self {
            idle: POLL_INTERVAL,
            settlement: Duration::from_millis(5),
            retry: Duration::from_millis(250),
        }
    }
}

type ReplyReceiver = oneshot::Receiver<Result<Vec<PublishedNotification>, PublishError>>;

/// What is committed in one transaction.
pub(super) struct PendingBatch {
    pub(super) groups: Vec<(PublicationGroup, ReplySender)>,
    /// The registry version that the oldest of `groups` was matched against.
    pub(super) registry_version: i64,
    pub(super) settlements: Vec<Settlement>,
}

/// The queue before the commit thread. Any thread may add to it; one takes from it.
pub(super) struct CommitQueue {
    delays: CommitDelays,
    state: Mutex<QueueState>,
    changed: Condvar,
    has_settlement_backlog: AtomicBool,
}

#[derive(Default)]
struct QueueState {
    publications: PublicationQueue,
    /// The registry version that the oldest of `publications` was matched against.
    registry_version: i64,
    settlements: Vec<Settlement>,
    /// How many settlements were ever added.
    submitted: u64,
    /// The registry has changed: the thread wakes to publish the changes of webhooks.
    registry_changed: bool,
    closed: bool,
}

impl CommitQueue {
    pub(super) fn new(delays: CommitDelays) -> Self {
        Self {
            delays,
            state: Mutex::default(),
            changed: Condvar::new(),
            has_settlement_backlog: AtomicBool::new(false),
        }
    }

    /// Adds the publications of one request, matched against this version of the registry. None: there is no room, or
    /// the queue is closed.
    pub(super) fn push_group(
        &self,
        group: PublicationGroup,
        registry_version: i64,
    ) -> Option<ReplyReceiver> {
        let (reply, answer) = oneshot::channel();
        {
            let mut state = self.state.lock();
            if state.closed || state.publications.is_full(group.organizer) {
                return None;
            }
            state.registry_version = if state.publications.is_empty() {
                registry_version
            } else {
                state.registry_version.min(registry_version)
            };
            state.publications.push(group, reply);
        }
        self.changed.notify_one();
        Some(answer)
    }

    /// Adds a settlement and returns its number, counted from 1.
    pub(super) fn push_settlement(&self, settlement: Settlement) -> u64 {
        let mut state = self.state.lock();
        state.settlements.push(settlement);
        state.submitted += 1;
        let number = state.submitted;
        let queued = state.settlements.len();
        drop(state);
        if queued > MAX_QUEUED_SETTLEMENTS {
            self.has_settlement_backlog.store(true, Ordering::Relaxed);
        }
        if queued == 1 || queued == IMMEDIATE_COMMIT_SETTLEMENTS {
            self.changed.notify_one();
        }
        number
    }

    #[cfg(test)]
    pub(super) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    #[cfg(test)]
    pub(super) fn last_submitted_number(&self) -> u64 {
        self.state.lock().submitted
    }

    /// Whether so many settlements wait that sending should pause.
    pub(super) fn has_settlement_backlog(&self) -> bool {
        self.has_settlement_backlog.load(Ordering::Relaxed)
    }

    pub(super) fn clear_settlement_backlog(&self) {
        self.has_settlement_backlog.store(false, Ordering::Relaxed);
    }

    /// Wakes the thread because the registry has changed.
    pub(super) fn notify_registry_change(&self) {
        self.state.lock().registry_changed = true;
        self.changed.notify_one();
    }

    /// Refuses further publications. What is queued is still committed.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.changed.notify_one();
    }

    /// Refuses further publications and drops what is queued: nothing will be committed any more. Dropping the replies
    /// answers the publishers.
    pub(super) fn abandon(&self) {
        let mut state = self.state.lock();
        *state = QueueState {
            submitted: state.submitted,
            closed: true,
            ..QueueState::default()
        };
    }

    /// Waits for something to commit, and takes it. None: closed and empty.
    pub(super) fn wait_for_batch(&self) -> Option<PendingBatch> {
        let mut state = self.state.lock();
        let mut now = SystemClock.instant();
        state.publications.end_transaction(now);
        if state.settlements.is_empty()
            && !state.has_ready_publication(now)
            && !state.closed
            && !state.registry_changed
        {
            let idle = now + self.delays.idle;
            let until = state
                .publications
                .ready_at(now)
                .map_or(idle, |at| at.min(idle));
            self.changed.wait_until(&mut state, until);
        }
        if !state.settlements.is_empty() {
            let until = SystemClock.instant() + self.delays.settlement;
            while !state.has_ready_publication(SystemClock.instant())
                && state.settlements.len() < IMMEDIATE_COMMIT_SETTLEMENTS
                && !state.closed
            {
                if self.changed.wait_until(&mut state, until).timed_out() {
                    break;
                }
            }
        }
        now = SystemClock.instant();
        state.take_batch(now)
    }

    /// Puts settlements back whose commit failed, and waits a moment. They are never discarded while the engine runs:
    /// the store may be full or unreachable for a while.
    pub(super) fn requeue_settlements(&self, mut settlements: Vec<Settlement>) {
        let mut state = self.state.lock();
        settlements.append(&mut state.settlements);
        state.settlements = settlements;
        if state.closed {
            tracing::warn!(
                settlements = state.settlements.len(),
                "the engine stops without {} settlements on disk: their deliveries are sent again",
                state.settlements.len()
            );
            state.settlements.clear();
            return;
        }
        self.changed.wait_for(&mut state, self.delays.retry);
    }
}

impl QueueState {
    fn is_empty(&self) -> bool {
        self.publications.is_empty() && self.settlements.is_empty()
    }

    fn has_ready_publication(&self, now: Instant) -> bool {
        self.publications.ready_at(now) == Some(now)
    }

    fn take_batch(&mut self, now: Instant) -> Option<PendingBatch> {
        self.registry_changed = false;
        if self.closed {
            if self.is_empty() {
                return None;
            }
            self.publications.end_pause();
        }
        let groups = self.publications.take_batch(now);
        let count = self.settlements.len().min(MAX_BATCH_SETTLEMENTS);
        Some(PendingBatch {
            groups,
            registry_version: self.registry_version,
            settlements: take_front(&mut self.settlements, count),
        })
    }
}

/// Takes the first `count` items; taking all of them copies nothing.
fn take_front<T>(items: &mut Vec<T>, count: usize) -> Vec<T> {
    if count == items.len() {
        std::mem::take(items)
    } else {
        items.drain(..count).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{FailurePolicy, NotificationId, WebhookId};

    fn push_settlements(queue: &CommitQueue, count: usize) {
        let notification = NotificationId(1);
        let settlement = Settlement::expired(WebhookId(1), 0, notification, FailurePolicy::Never);
        for _ in 0..count {
            queue.push_settlement(settlement.clone());
        }
    }

    #[test]
    fn sending_pauses_while_many_settlements_wait() {
        let queue = CommitQueue::new(CommitDelays::default());
        push_settlements(&queue, 20_000);
        assert!(!queue.has_settlement_backlog());
        push_settlements(&queue, 1);
        assert!(queue.has_settlement_backlog());
    }

    #[test]
    fn one_transaction_has_few_settlements() {
        let queue = CommitQueue::new(CommitDelays::default());
        push_settlements(&queue, 4_097);
        let take_batch = || queue.wait_for_batch().unwrap().settlements.len();
        assert_eq!(take_batch(), 4_096);
        queue.close();
        assert_eq!(take_batch(), 1);
        assert!(queue.wait_for_batch().is_none());
    }
}
