//! The hot path: what is published, what waits, what came of it.

use jiff::Timestamp;

use super::{Batch, CommitError, GroupResult, StoreError};
use crate::domain::{AttemptId, LaneHealth, Notification, NotificationId, Progress, WebhookId};

/// Bytes of bodies that one page of waiting deliveries may hold, unless a single one is larger.
pub const MAX_PAGE_BYTES: usize = 2 << 20;

/// A delivery that waits, with what it takes to send it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingDelivery {
    /// What to send.
    pub notification: std::sync::Arc<Notification>,
    /// How far it has come.
    pub progress: Progress,
}

/// A place in the order of waiting deliveries of one lane: by due time, then by notification.
pub type Cursor = (Timestamp, NotificationId);

/// The next waiting deliveries of a lane.
#[derive(Debug, Default)]
pub struct DeliveryPage {
    /// Due by the time asked for, in order.
    pub due: Vec<PendingDelivery>,
    /// When the next of those that are not on the page is due; it may be past.
    pub next_due_at: Option<Timestamp>,
}

/// A lane as the store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLane {
    /// Whose lane.
    pub webhook: WebhookId,
    /// The webhook's generation that `health` is of; 0 where there is no such webhook.
    pub generation: u64,
    /// How its receiver has been answering.
    pub health: LaneHealth,
    /// When its next waiting delivery is due, if any waits.
    pub next_due_at: Option<Timestamp>,
    /// The newest attempt on record.
    pub last_attempt: Option<AttemptId>,
}

/// The hot path.
pub trait DeliveryStore {
    /// Commits what was published and what was settled, all of it or nothing, durably.
    ///
    /// `version` is that of the registry which the batch was matched against. Ids are given to publications here;
    /// a key that was seen before, or conflicts, is answered in its group.
    ///
    /// # Errors
    /// [`CommitError::Stale`] when the registry has moved on.
    fn commit(&self, version: i64, batch: &Batch) -> Result<Vec<GroupResult>, CommitError>;

    /// An id for something that is not stored: a test.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn reserve_notification_id(&self) -> Result<NotificationId, StoreError>;

    /// The newest id given to a notification; 0 before the first.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn newest_notification_id(&self) -> Result<NotificationId, StoreError>;

    /// Every lane with something waiting.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn lanes_with_pending_deliveries(&self) -> Result<Vec<WebhookId>, StoreError>;

    /// One lane; a webhook without history has a healthy and empty one.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn lane(&self, webhook: WebhookId) -> Result<StoredLane, StoreError>;

    /// The next deliveries of a lane that are due at `now`, after `after`, at most `limit` of them and about
    /// [`MAX_PAGE_BYTES`].
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
}
