//! What other threads pass to a sending thread. Everything here is a hint: losing it delays a delivery, because the
//! store knows all of them, and never loses one.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use crate::domain::{Attempt, Notification, NotificationId, OrganizerId, Webhook, WebhookId};
use crate::engine::keyed_semaphore::Permit;
use crate::store::PendingDelivery;

/// Deliveries in an inbox. The thread reads further ones from the store.
const MAX_QUEUED_DELIVERIES: usize = 16_384;

/// A command to a sending thread.
#[derive(Debug)]
pub(crate) enum LaneCommand {
    /// The registry has new versions of these webhooks.
    ApplyChanges(Vec<WebhookId>),
    /// The store has new deliveries for this lane. With `probe_now` a failing lane sends its next probe at once.
    ReloadLane { webhook: WebhookId, probe_now: bool },
    /// Send this delivery now, whatever the lane's health.
    SendNow(WebhookId, PendingDelivery),
    /// Start no request in this lane, drop what is in memory, and confirm.
    PauseLane(WebhookId, oneshot::Sender<()>),
    /// The deliveries of this lane up to this notification have been changed in the store.
    ResumeLane(WebhookId, NotificationId),
    /// The webhook of this lane was to be disabled, and the store could not write that: it goes on.
    ReopenLane(WebhookId),
    /// Send a test to a webhook.
    TestWebhook(WebhookId, WebhookTest),
    /// Send a test to a webhook that is not saved.
    TestDraft(Box<DraftTest>),
    /// Start no further request, and end.
    Stop,
}

/// A test to be sent to a webhook.
#[derive(Debug)]
pub(crate) struct WebhookTest {
    pub(crate) notification: Notification,
    pub(crate) reply: oneshot::Sender<Arc<Attempt>>,
}

/// A test of a webhook that is not saved. It belongs to no lane and is not recorded.
#[derive(Debug)]
pub(crate) struct DraftTest {
    pub(crate) draft: Webhook,
    pub(crate) notification: Notification,
    pub(crate) reply: oneshot::Sender<Arc<Attempt>>,
    /// Held until the test has ended, because the client may disconnect earlier.
    pub(crate) permit: Permit<OrganizerId>,
}

/// Everything that has arrived since the inbox was last read.
#[derive(Debug, Default)]
pub(crate) struct InboxContents {
    pub(crate) deliveries: Vec<(WebhookId, PendingDelivery)>,
    /// Lanes whose newest deliveries did not fit and must be read from the store.
    pub(crate) overflowed: BTreeSet<WebhookId>,
    pub(crate) commands: Vec<LaneCommand>,
}

/// The inbox of one sending thread.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    contents: Mutex<InboxContents>,
    arrived: Notify,
    /// The thread has ended. Changes only while `contents` is locked.
    closed: AtomicBool,
}

impl Inbox {
    pub(crate) fn send(&self, command: LaneCommand) {
        let mut contents = self.contents.lock();
        if self.closed.load(Ordering::Relaxed) {
            // Dropping the command drops its reply channel, which tells the waiting side.
            return;
        }
        contents.commands.push(command);
        drop(contents);
        self.arrived.notify_one();
    }

    /// Hands over deliveries that were just committed.
    pub(crate) fn hand_over(&self, items: Vec<(WebhookId, PendingDelivery)>) {
        let mut contents = self.contents.lock();
        if self.closed.load(Ordering::Relaxed) {
            return;
        }
        let is_full = contents.deliveries.len() + items.len() > MAX_QUEUED_DELIVERIES;
        // After an overflow, later deliveries must not overtake the ones that did not fit.
        if is_full || !contents.overflowed.is_empty() {
            let webhooks = items.iter().map(|(webhook, _)| *webhook);
            contents.overflowed.extend(webhooks);
        } else if contents.deliveries.is_empty() {
            contents.deliveries = items;
        } else {
            contents.deliveries.extend(items);
        }
        drop(contents);
        self.arrived.notify_one();
    }

    /// Refuses everything from now on and drops what has not been read.
    pub(crate) fn close(&self) {
        let mut contents = self.contents.lock();
        self.closed.store(true, Ordering::Relaxed);
        *contents = InboxContents::default();
    }

    /// Takes everything, without waiting.
    pub(crate) fn take_all(&self) -> InboxContents {
        std::mem::take(&mut self.contents.lock())
    }

    /// Waits until something has arrived since the last time this returned.
    pub(crate) async fn wait_for_arrival(&self) {
        self.arrived.notified().await;
    }
}

/// The inboxes of all sending threads.
#[derive(Debug, Clone)]
pub(crate) struct Inboxes(Arc<[Inbox]>);

impl Inboxes {
    pub(crate) fn new(threads: usize) -> Self {
        Self((0..threads.max(1)).map(|_| Inbox::default()).collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn get(&self, thread: usize) -> &Inbox {
        &self.0[thread % self.0.len()]
    }

    /// Which thread sends for this webhook.
    pub(crate) fn thread_of(&self, webhook: WebhookId) -> usize {
        usize::try_from(webhook.0).unwrap_or_default() % self.0.len()
    }

    pub(crate) fn of(&self, webhook: WebhookId) -> &Inbox {
        self.get(self.thread_of(webhook))
    }

    /// Tells each thread which of its webhooks have changed.
    pub(crate) fn send_changes(&self, changed: &[WebhookId]) {
        for thread in 0..self.len() {
            let own: Vec<_> = changed
                .iter()
                .copied()
                .filter(|w| self.thread_of(*w) == thread)
                .collect();
            if !own.is_empty() {
                self.get(thread).send(LaneCommand::ApplyChanges(own));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{DeliveryProgress, PayloadShape};
    use jiff::Timestamp;

    fn deliveries(webhook: WebhookId, count: usize) -> Vec<(WebhookId, PendingDelivery)> {
        let delivery = PendingDelivery {
            notification: Arc::new(Notification {
                id: NotificationId(1),
                organizer: OrganizerId(1),
                action_type: "test.happened".parse().unwrap(),
                event: None,
                published_at: Timestamp::UNIX_EPOCH,
                shape: PayloadShape::Custom,
                body: "{}".into(),
            }),
            progress: DeliveryProgress::new(Timestamp::UNIX_EPOCH),
        };
        vec![(webhook, delivery); count]
    }

    #[test]
    fn deliveries_beyond_a_full_inbox_are_read_from_the_store() {
        let inbox = Inbox::default();
        let [first, second, third] = [1, 2, 3].map(WebhookId);
        inbox.hand_over(deliveries(first, 16_383));
        inbox.hand_over(deliveries(second, 1));
        inbox.hand_over(deliveries(third, 1));
        let contents = inbox.take_all();
        assert_eq!(contents.deliveries.len(), 16_384);
        assert_eq!(contents.overflowed, BTreeSet::from([third]));
        inbox.hand_over(deliveries(third, 1));
        assert_eq!(inbox.take_all().deliveries.len(), 1);
    }
}
