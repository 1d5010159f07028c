//! The hot path: publications, pending deliveries and the results of attempts.

use jiff::Timestamp;

use super::{Batch, CommitError, GroupResult, StoreError};
use crate::domain::{
    AttemptId, DeliveryProgress, Installations, LaneHealth, Notification, NotificationId,
    RefusedActionTypes, WebhookId,
};

/// The size of the bodies in one page of pending deliveries, unless a single body is larger.
pub const MAX_PAGE_BYTES: usize = 2 << 20;

/// A delivery that is not settled, with everything that is needed to send it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingDelivery {
    /// The notification to send.
    pub notification: std::sync::Arc<Notification>,
    /// The attempts made, and when the next is due.
    pub progress: DeliveryProgress,
}

/// A position in the order of a lane's pending deliveries: by due time, then by notification.
pub type Cursor = (Timestamp, NotificationId);

/// The next pending deliveries of a lane.
#[derive(Debug, Default)]
pub struct DeliveryPage {
    /// Those due by the requested time, in order.
    pub deliveries: Vec<PendingDelivery>,
    /// When the first pending delivery after the page is due; it may be in the past.
    pub next_due_at: Option<Timestamp>,
}

/// The stored state of a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLane {
    /// The webhook of the lane.
    pub webhook: WebhookId,
    /// The webhook's generation that `health` is of; 0 where there is no such webhook.
    pub generation: u64,
    /// The latest of: the webhook was created, it was enabled, its target changed.
    pub receiver_since: Timestamp,
    /// How its receiver has responded so far, as of the last change that was worth writing.
    pub health: LaneHealth,
    /// The last success; `health` gets it with the next failure.
    pub last_success_at: Option<Timestamp>,
    /// The action types that its receiver refuses.
    pub refused_types: RefusedActionTypes,
    /// When its first pending delivery is due; `None` if it has none.
    pub next_due_at: Option<Timestamp>,
    /// The newest attempt in the log.
    pub last_attempt: Option<AttemptId>,
}

impl StoredLane {
    /// The health with the last success.
    pub fn current_health(&self) -> LaneHealth {
        LaneHealth {
            last_success_at: self.last_success_at,
            ..self.health
        }
    }
}

/// The hot path: the group commit, and what lanes read.
pub trait DeliveryStore {
    /// Writes a batch durably, all of it or nothing, and returns the result of each group.
    ///
    /// `version` is the version of the registry that the publications were matched against. The store assigns the ids of
    /// the notifications. A repeated key gives the result of its first use.
    ///
    /// # Errors
    /// [`CommitError::Stale`] if the registry has a newer version and the batch has publications.
    fn commit(&self, version: i64, batch: &Batch) -> Result<Vec<GroupResult>, CommitError>;

    /// Returns a new notification id for something that is not stored: a test.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn reserve_notification_id(&self) -> Result<NotificationId, StoreError>;

    /// The installations that the store has belonged to. They change only while no engine runs.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn installations(&self) -> Result<Installations, StoreError>;

    /// The newest notification id; 0 before the first.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn newest_notification_id(&self) -> Result<NotificationId, StoreError>;

    /// The webhooks whose lanes have pending deliveries.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn lanes_with_pending_deliveries(&self) -> Result<Vec<WebhookId>, StoreError>;

    /// The enabled webhooks whose receivers have accepted a request since `since`, each with the time of the last.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn last_successes(&self, since: Timestamp) -> Result<Vec<(WebhookId, Timestamp)>, StoreError>;

    /// The lane of a webhook. A webhook without history has a healthy and empty lane.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn lane(&self, webhook: WebhookId) -> Result<StoredLane, StoreError>;

    /// The deliveries of a lane that are due at `now`, after the position `after`: at most `limit`, with bodies of about
    /// [`MAX_PAGE_BYTES`] in total.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn due_deliveries(
        &self,
        webhook: WebhookId,
        now: Timestamp,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<DeliveryPage, StoreError>;

    /// The deliveries of a lane that are due at `now` and became due last: at most `limit`, with bodies of about
    /// [`MAX_PAGE_BYTES`] in total.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn newest_due_deliveries(
        &self,
        webhook: WebhookId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<PendingDelivery>, StoreError>;
}
