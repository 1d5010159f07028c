//! What the sending threads are told. A hint each: losing one costs time, never a delivery.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use crate::domain::{Attempt, Notification, NotificationId, OrganizerId, Webhook, WebhookId};
use crate::engine::keyed_semaphore::Permit;
use crate::store::PendingDelivery;

/// Deliveries handed over that a thread has not looked at yet; what comes beyond it finds in the store.
const HANDED: usize = 16_384;

/// To a sending thread.
#[derive(Debug)]
pub(crate) enum Message {
    /// These webhooks have changed.
    Changed(Vec<WebhookId>),
    /// There is something new in the store; a failing lane looks at its receiver at once if so told.
    Look { webhook: WebhookId, probe_now: bool },
    /// Send this now.
    Hurry(WebhookId, PendingDelivery),
    /// Begin nothing in this lane, forget what is in memory, and say so.
    Pause(WebhookId, oneshot::Sender<()>),
    /// What waits in the store has been changed, up to this notification.
    Resume(WebhookId, NotificationId),
    /// Send a test.
    Test(WebhookId, Test),
    /// Send a test to a webhook that is not saved.
    TryOut(Box<TryOut>),
    /// Begin nothing any more.
    Stop,
}

/// A test to be sent.
#[derive(Debug)]
pub(crate) struct Test {
    pub(crate) notification: Notification,
    pub(crate) answer: oneshot::Sender<Arc<Attempt>>,
}

/// A test of a webhook that is not saved: it belongs to no lane, and leaves nothing behind.
#[derive(Debug)]
pub(crate) struct TryOut {
    pub(crate) draft: Webhook,
    pub(crate) notification: Notification,
    pub(crate) answer: oneshot::Sender<Arc<Attempt>>,
    /// Its place among the few there may be at a time, kept until it has ended: whoever asked may have gone.
    pub(crate) place: Permit<OrganizerId>,
}

/// All that has come in since the last look.
#[derive(Debug, Default)]
pub(crate) struct Mail {
    pub(crate) handed: Vec<(WebhookId, PendingDelivery)>,
    /// Lanes with more in the store than was handed over.
    pub(crate) more: HashSet<WebhookId>,
    pub(crate) messages: Vec<Message>,
}

/// What one sending thread is told.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    mail: Mutex<Mail>,
    arrived: Notify,
    /// Nobody reads any more. Changes only while `mail` is locked.
    closed: AtomicBool,
}

impl Inbox {
    pub(crate) fn send(&self, message: Message) {
        let mut mail = self.mail.lock();
        if self.closed.load(Ordering::Relaxed) {
            // Whoever waits for an answer learns by this that there will be none.
            return;
        }
        mail.messages.push(message);
        drop(mail);
        self.arrived.notify_one();
    }

    /// Hands over what was just committed.
    pub(crate) fn hand_over(&self, items: Vec<(WebhookId, PendingDelivery)>) {
        let mut mail = self.mail.lock();
        // What comes after an overflow must not overtake it.
        if !mail.more.is_empty() || mail.handed.len() + items.len() > HANDED {
            mail.more.extend(items.iter().map(|(webhook, _)| *webhook));
        } else if mail.handed.is_empty() {
            mail.handed = items;
        } else {
            mail.handed.extend(items);
        }
        drop(mail);
        self.arrived.notify_one();
    }

    /// Takes nothing more, and forgets what nobody has read.
    pub(crate) fn close(&self) {
        let mut mail = self.mail.lock();
        self.closed.store(true, Ordering::Relaxed);
        *mail = Mail::default();
    }

    /// Takes everything; waits for nothing.
    pub(crate) fn empty(&self) -> Mail {
        std::mem::take(&mut self.mail.lock())
    }

    /// Waits until something has come since the last call.
    pub(crate) async fn arrived(&self) {
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

    pub(crate) fn registry_changed(&self, touched: &[WebhookId]) {
        for thread in 0..self.len() {
            let own: Vec<_> = touched
                .iter()
                .copied()
                .filter(|w| self.thread_of(*w) == thread)
                .collect();
            if !own.is_empty() {
                self.get(thread).send(Message::Changed(own));
            }
        }
    }
}
