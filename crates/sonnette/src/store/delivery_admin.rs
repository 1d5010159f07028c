//! Changes of pending and settled deliveries that are not the result of an attempt.

use jiff::Timestamp;

use super::{
    BatchAuditEntry, DeliveryStateFilter, NewAuditEntry, PendingDelivery, StoreError, TimeRange,
};
use crate::domain::{Delivery, NotificationId, WebhookId};

/// Changes of deliveries that people, the janitor or a recovered lane make.
pub trait DeliveryAdmin {
    /// Makes pending deliveries of a lane due that are not due at `now`, in order of publication. Returns how many it
    /// changed, at most [`MAX_BATCH_ROWS`](super::MAX_BATCH_ROWS); fewer means that none is left. The first batch of a person's request takes
    /// its audit `entry`: a crash may then leave an entry of work that was not completed, but no work without an entry.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn expedite_pending(
        &self,
        webhook: WebhookId,
        now: Timestamp,
        entry: Option<&NewAuditEntry>,
    ) -> Result<usize, StoreError>;

    /// Drops pending deliveries of a lane, at most [`MAX_BATCH_ROWS`](super::MAX_BATCH_ROWS); fewer means that none is left. The first batch of
    /// a person's request takes its audit `entry`, as in [`expedite_pending`](Self::expedite_pending).
    ///
    /// # Errors
    /// When the store cannot be written.
    fn drop_pending(
        &self,
        webhook: WebhookId,
        now: Timestamp,
        reason: &str,
        entry: Option<&NewAuditEntry>,
    ) -> Result<usize, StoreError>;

    /// Has pending deliveries of a lane wait no longer than their step of the schedule from `now`, at most
    /// [`MAX_BATCH_ROWS`](super::MAX_BATCH_ROWS); fewer means that none waits longer. They were scheduled while the clock
    /// was ahead.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn cap_due_times(&self, webhook: WebhookId, now: Timestamp) -> Result<usize, StoreError>;

    /// Gives up pending deliveries of a lane that are older than [`DELIVERY_LIFETIME`](crate::domain::DELIVERY_LIFETIME), at most
    /// [`MAX_BATCH_ROWS`](super::MAX_BATCH_ROWS).
    ///
    /// # Errors
    /// When the store cannot be written.
    fn expire_deliveries(&self, webhook: WebhookId, now: Timestamp) -> Result<usize, StoreError>;

    /// Disables a webhook with a delivery that was given up, if none has succeeded since that was published, and returns
    /// whether it did. After an attempt `decide` disables such a webhook; this is for deliveries that expired while they
    /// waited. The audit entry is part of the transaction.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn disable_never_succeeded(
        &self,
        webhook: WebhookId,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// The number of pending deliveries of a lane, and when the oldest was published or last resent.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn backlog(&self, webhook: WebhookId) -> Result<(u64, Option<Timestamp>), StoreError>;

    /// When the oldest notification was published that a webhook did not get: its delivery is pending, or was given up at
    /// or after `since`. Without `since`, only pending ones count.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn oldest_undelivered(
        &self,
        webhook: WebhookId,
        since: Option<Timestamp>,
    ) -> Result<Option<Timestamp>, StoreError>;

    /// Makes one delivery due now; a settled one gets a new schedule. Returns `None` if there is no such delivery or its
    /// notification was erased.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn resend(
        &self,
        webhook: WebhookId,
        notification: NotificationId,
        now: Timestamp,
    ) -> Result<Option<PendingDelivery>, StoreError>;

    /// Makes deliveries due that were not delivered, of notifications published in `range`; with `only`, those in this
    /// state. Looks at notifications after `after`. Returns how many it changed and, unless that was the end, the
    /// notification to continue after. The number is added to `count` in the data of the audit `entry`; without an
    /// `entry` it only counts.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn resend_undelivered(
        &self,
        webhook: WebhookId,
        range: TimeRange,
        only: Option<DeliveryStateFilter>,
        after: Option<NotificationId>,
        now: Timestamp,
        entry: Option<&mut BatchAuditEntry>,
    ) -> Result<(u64, Option<NotificationId>), StoreError>;

    /// Gives each of these webhooks a delivery of the notification that is due now, also if it has a settled one.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn replay(
        &self,
        notification: NotificationId,
        webhooks: &[WebhookId],
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// One delivery; `None` if the webhook has none of this notification.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn delivery(
        &self,
        webhook: WebhookId,
        notification: NotificationId,
    ) -> Result<Option<Delivery>, StoreError>;
}
