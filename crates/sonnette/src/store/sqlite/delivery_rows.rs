//! Deliveries as rows.

use std::sync::Arc;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use super::StoreError;
use super::notification_rows::body_from_cell;
use super::table_row::TableRow;
use crate::domain::{
    Delivery, DeliveryProgress, DeliveryState, Notification, NotificationId, OrganizerId,
    SettlementKind, WebhookId,
};
use crate::store::PendingDelivery;

/// The columns that [`pending_delivery`] reads, of `notifications` as n and `deliveries` as d.
pub(super) const PENDING_COLUMNS: &str =
    "d.notification, n.organizer, n.action_type, n.event, n.published_at, n.shape, n.body,
    d.attempts, d.tries, d.started_at, d.due_at, n.id, d.webhook AS webhook, CAST(d.due_at AS INTEGER)";

/// The place of a row of [`PENDING_COLUMNS`] in the order of its lane: when it is due, and its notification.
pub(super) fn position(row: &Row<'_>) -> Result<(i64, i64), StoreError> {
    Ok((row.get(13)?, row.get(0)?))
}

/// Reads [`PENDING_COLUMNS`] by their position: lanes read pages of these rows, and names cost time.
pub(super) fn pending_delivery(row: &Row<'_>) -> Result<PendingDelivery, StoreError> {
    let notification_row = TableRow::new(row, "notifications");
    if row.get_ref(11)? == ValueRef::Null {
        let damaged = TableRow::new(row, "deliveries");
        return Err(damaged.invalid("notification", "there is no such notification"));
    }
    let action_type = notification_row.parse_at(2, "action_type")?;
    let published_at = notification_row.time_at(4, "published_at")?;
    let notification = Notification {
        id: NotificationId(notification_row.at(0, "id")?),
        organizer: OrganizerId(notification_row.at(1, "organizer")?),
        event: match row.get_ref(3)? {
            ValueRef::Null => None,
            _ => Some(notification_row.parse_at(3, "event")?),
        },
        shape: notification_row.parse_at(5, "shape")?,
        body: body_from_cell(row.get_ref(6)?, &action_type, published_at)
            .map_err(|reason| notification_row.invalid("body", reason))?,
        action_type,
        published_at,
    };
    let delivery_row = TableRow::new(row, "deliveries");
    let progress = DeliveryProgress {
        attempts: delivery_row.at(7, "attempts")?,
        scheduled_tries: delivery_row.at(8, "tries")?,
        started_at: delivery_row.time_at(9, "started_at")?,
        due_at: delivery_row.time_at(10, "due_at")?,
    };
    Ok(PendingDelivery {
        notification: Arc::new(notification),
        progress,
    })
}

/// The condition that a delivery was delivered. `how` is NULL then, except in rows of earlier versions.
pub(super) const IS_DELIVERED_SQL: &str =
    "(settled_at IS NOT NULL AND coalesce(how, 'delivered') = 'delivered')";

/// How a settled delivery ended.
pub(super) fn settlement_kind(cells: TableRow<'_>) -> Result<SettlementKind, StoreError> {
    Ok(cells
        .parse_optional("how")?
        .unwrap_or(SettlementKind::Delivered))
}

/// Reads the columns notification, `action_type`, event, attempts, `due_at`, `settled_at`, how and reason.
pub(super) fn delivery_from_row(
    cells: TableRow<'_>,
    webhook: WebhookId,
) -> Result<Delivery, StoreError> {
    let state = match cells.time_optional("settled_at")? {
        None => DeliveryState::Scheduled {
            due_at: cells.time("due_at")?,
        },
        Some(at) => DeliveryState::Settled {
            at,
            kind: settlement_kind(cells)?,
            reason: cells.get::<Option<String>>("reason")?.map(Into::into),
        },
    };
    Ok(Delivery {
        webhook,
        notification: NotificationId(cells.get("notification")?),
        action_type: cells.parse("action_type")?,
        event: cells.parse_optional("event")?,
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
        "SELECT d.notification, n.action_type, n.event, d.attempts, d.due_at, d.settled_at, d.how, d.reason,
           d.webhook AS webhook
         FROM deliveries d JOIN notifications n ON n.id = d.notification
         WHERE d.webhook = ?1 AND d.notification = ?2",
    )?;
    let mut rows = statement.query([webhook.0, notification.0])?;
    rows.next()?
        .map(|row| delivery_from_row(TableRow::new(row, "deliveries"), webhook))
        .transpose()
}
