//! Deliveries as rows.

use std::sync::Arc;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use super::StoreError;
use super::rows::Cells;
use crate::domain::{
    Delivery, DeliveryState, Notification, NotificationId, OrganizerId, Progress, WebhookId,
};
use crate::store::PendingDelivery;

/// The columns of [`waiting`], of `notifications` as n and `deliveries` as d.
pub(super) const WAITING: &str =
    "n.id, n.organizer, n.action_type, n.event, n.published_at, n.shape, n.body,
    d.attempts, d.tries, d.started_at, d.due_at";

/// Columns: [`WAITING`]. Lanes read whole pages of these, so columns are found by place and not by name.
pub(super) fn waiting(row: &Row<'_>) -> Result<PendingDelivery, StoreError> {
    let published = Cells::new(row, "notifications");
    let notification = Notification {
        id: NotificationId(published.at(0, "id")?),
        organizer: OrganizerId(published.at(1, "organizer")?),
        action_type: published.parse_at(2, "action_type")?,
        event: match row.get_ref(3)? {
            ValueRef::Null => None,
            _ => Some(published.parse_at(3, "event")?),
        },
        published_at: published.time_at(4, "published_at")?,
        shape: published.parse_at(5, "shape")?,
        body: published.at::<Vec<u8>>(6, "body")?.into(),
    };
    let owed = Cells::new(row, "deliveries");
    let progress = Progress {
        attempts: owed.at(7, "attempts")?,
        tries: owed.at(8, "tries")?,
        started_at: owed.time_at(9, "started_at")?,
        due_at: owed.time_at(10, "due_at")?,
    };
    Ok(PendingDelivery {
        notification: Arc::new(notification),
        progress,
    })
}

/// Columns: notification, `action_type`, event, attempts, `due_at`, `settled_at`, how, reason.
pub(super) fn delivery_of(cells: Cells<'_>, webhook: WebhookId) -> Result<Delivery, StoreError> {
    let state = match cells.time_some("settled_at")? {
        None => DeliveryState::Scheduled {
            due_at: cells.time("due_at")?,
        },
        Some(at) => DeliveryState::Settled {
            at,
            how: cells.parse("how")?,
            reason: cells.get("reason")?,
        },
    };
    Ok(Delivery {
        webhook,
        notification: NotificationId(cells.get("notification")?),
        action_type: cells.parse("action_type")?,
        event: cells.parse_some("event")?,
        attempts: cells.get("attempts")?,
        state,
    })
}

pub(super) fn delivery(
    c: &Connection,
    webhook: WebhookId,
    notification: NotificationId,
) -> Result<Option<Delivery>, StoreError> {
    let mut statement = c.prepare_cached(
        "SELECT d.notification, n.action_type, n.event, d.attempts, d.due_at, d.settled_at, d.how, d.reason
         FROM deliveries d JOIN notifications n ON n.id = d.notification
         WHERE d.webhook = ?1 AND d.notification = ?2",
    )?;
    let mut rows = statement.query([webhook.0, notification.0])?;
    rows.next()?
        .map(|row| delivery_of(Cells::new(row, "deliveries"), webhook))
        .transpose()
}
