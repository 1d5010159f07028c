//! Notifications that webhooks missed while they were disabled.

use jiff::Timestamp;

use super::{BatchAuditEntry, StoreError, TimeRange};
use crate::domain::{ActionTypeName, Audience, EventSlug, NotificationId, WebhookId};

/// The parts of a notification that decide which webhooks match it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationSummary {
    /// The id of the notification.
    pub id: NotificationId,
    /// The concrete action type.
    pub action_type: ActionTypeName,
    /// The event it belongs to, if any.
    pub event: Option<EventSlug>,
    /// Which of the matching webhooks receive it.
    pub audience: Audience,
}

/// Notifications that webhooks missed while they were disabled.
pub trait MissedStore {
    /// Notifications of the webhook's organizer that were published in `range` while the webhook was disabled, and of
    /// which it has no delivery. Its filters are not applied. Returns one batch after `after` and, unless that was the
    /// end, the notification to continue after.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn missed_notifications(
        &self,
        webhook: WebhookId,
        range: TimeRange,
        after: Option<NotificationId>,
    ) -> Result<(Vec<NotificationSummary>, Option<NotificationId>), StoreError>;

    /// Adds a delivery, due now, of each of these notifications to a webhook that has none of it, and returns how many.
    /// The number is added to `count` in the data of the audit `entry`.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn enqueue(
        &self,
        webhook: WebhookId,
        notifications: &[NotificationId],
        now: Timestamp,
        entry: &mut BatchAuditEntry,
    ) -> Result<u64, StoreError>;
}
