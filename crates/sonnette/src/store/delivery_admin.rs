//! What people, and a change of state, do to waiting deliveries.

use jiff::Timestamp;

use super::{DeliveryStateFilter, PendingDelivery, StoreError, TimeRange};
use crate::domain::{Delivery, NotificationId, WebhookId};

/// What people, and a change of state, do to waiting deliveries.
pub trait DeliveryAdmin {
    /// Makes waiting deliveries of a lane due, in order of publication: those whose time is yet to come.
    /// Returns how many it changed, at most [`MAX_BATCH_ROWS`]; fewer means that none is left.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn schedule_now(&self, webhook: WebhookId, now: Timestamp) -> Result<usize, StoreError>;

    /// Drops waiting deliveries of a lane, at most [`MAX_BATCH_ROWS`]; fewer means that none is left.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn drop_pending(
        &self,
        webhook: WebhookId,
        now: Timestamp,
        reason: &str,
    ) -> Result<usize, StoreError>;

    /// Gives up waiting deliveries of a lane whose three days are over, at most [`MAX_BATCH_ROWS`].
    ///
    /// # Errors
    /// When the store cannot be written.
    fn expire_deliveries(&self, webhook: WebhookId, now: Timestamp) -> Result<usize, StoreError>;

    /// Switches off a webhook of which a delivery was given up while nothing had succeeded since it was published;
    /// returns whether it did. Deliveries that are tried to the end are seen to by the decision after each attempt: this
    /// is for those whose three days ran out while they waited.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn disable_never_succeeded(
        &self,
        webhook: WebhookId,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// How many deliveries of a lane wait, and since when the oldest was published or last sent again.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn backlog(&self, webhook: WebhookId) -> Result<(u64, Option<Timestamp>), StoreError>;

    /// Makes one delivery due now; a settled one gets a fresh schedule and three days. None: there is no such delivery.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn resend(
        &self,
        webhook: WebhookId,
        notification: NotificationId,
        now: Timestamp,
    ) -> Result<Option<PendingDelivery>, StoreError>;

    /// Makes deliveries due again that were not delivered, of notifications published in `range`; with `settled`, only
    /// those that ended so. Works on notifications after `after`; returns how many it found and, unless that was the
    /// end, where to go on. With `dry_run` it only counts.
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
        dry_run: bool,
    ) -> Result<(u64, Option<NotificationId>), StoreError>;

    /// Owes a notification to these webhooks again, whatever came of it before.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn replay(
        &self,
        notification: NotificationId,
        webhooks: &[WebhookId],
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// One delivery.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn delivery(
        &self,
        webhook: WebhookId,
        notification: NotificationId,
    ) -> Result<Option<Delivery>, StoreError>;
}
