//! What webhooks missed while they were off.

use jiff::Timestamp;

use super::{StoreError, TimeRange};
use crate::domain::{ActionName, Audience, EventSlug, NotificationId, WebhookId};

/// As much of a notification as it takes to tell who listens to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationSummary {
    /// Which one.
    pub id: NotificationId,
    /// The concrete action type.
    pub action_type: ActionName,
    /// The event it belongs to, if any.
    pub event: Option<EventSlug>,
    /// Which of those that match were told.
    pub audience: Audience,
}

/// What webhooks missed while they were off.
pub trait MissedStore {
    /// Notifications of the webhook's organizer that were published in `range` and while it was off, whatever it listens
    /// to, and of which it has no delivery: one bite after `after`, and where to go on unless that was the end.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn missed_notifications(
        &self,
        webhook: WebhookId,
        range: TimeRange,
        after: Option<NotificationId>,
    ) -> Result<(Vec<NotificationSummary>, Option<NotificationId>), StoreError>;

    /// Owes these notifications to a webhook from now on, but for those that it has a delivery of; how many.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn enqueue(
        &self,
        webhook: WebhookId,
        notifications: &[NotificationId],
        now: Timestamp,
    ) -> Result<u64, StoreError>;
}
