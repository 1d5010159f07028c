//! A notification as the API shows it.

use serde::Serialize;
use sonnette::domain::EventSlug;
use sonnette::store::NotificationEntry;
use utoipa::ToSchema;

use crate::edge::response;

/// A published fact.
#[derive(Serialize, ToSchema)]
pub(crate) struct NotificationJson {
    /// The same as `notification_id`.
    #[schema(example = 123_455)]
    id: i64,
    /// Rising over all organizers.
    #[schema(example = 123_455)]
    notification_id: i64,
    /// The concrete action type.
    #[schema(example = "pretix.event.order.placed")]
    action_type: String,
    /// The event it belongs to, if any.
    #[schema(example = "democon")]
    event: Option<String>,
    /// When it was published.
    #[schema(example = "2026-11-21T18:00:00.000000Z")]
    datetime: String,
    /// The person concerned, as an opaque key.
    subject: Option<String>,
}

impl NotificationJson {
    /// Without its `data` and its deliveries.
    pub(super) fn of(entry: &NotificationEntry) -> Self {
        let notification = &entry.notification;
        Self {
            id: notification.id.0,
            notification_id: notification.id.0,
            action_type: notification.action_type.to_string(),
            event: notification.event.as_ref().map(EventSlug::to_string),
            datetime: response::format_time(notification.published_at),
            subject: entry.subject.clone(),
        }
    }
}
