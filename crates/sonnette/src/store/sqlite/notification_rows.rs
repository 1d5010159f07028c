//! Notifications as rows.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use rusqlite::types::{FromSqlError, ValueRef};
use rusqlite::{Connection, OptionalExtension};

use super::StoreError;
use super::table_row::{TableRow, to_micros};
use crate::domain::{
    ActionTypeName, Audience, Notification, NotificationId, OrganizerId, WebhookId, custom_body,
};

/// Reads the columns id, organizer, `action_type`, event, `published_at`, shape and body.
pub(super) fn notification(cells: TableRow<'_>) -> Result<Arc<Notification>, StoreError> {
    let action_type = cells.parse("action_type")?;
    let published_at = cells.time("published_at")?;
    Ok(Arc::new(Notification {
        id: NotificationId(cells.get("id")?),
        organizer: OrganizerId(cells.get("organizer")?),
        event: cells.parse_optional("event")?,
        shape: cells.parse("shape")?,
        body: body_from_cell(cells.row().get_ref("body")?, &action_type, published_at)
            .map_err(|reason| cells.invalid("body", reason))?,
        action_type,
        published_at,
    }))
}

/// The column body. Of a body that only adds the action type and the time to its `data`, the column has `data`, as TEXT.
/// Other bodies, and those of earlier versions, are BLOBs.
pub(super) fn body_to_cell<'a>(
    body: &'a [u8],
    action_type: &ActionTypeName,
    published_at: Timestamp,
) -> ValueRef<'a> {
    match custom_body::extract_data(body, action_type, published_at) {
        Some(data) => ValueRef::Text(data.as_bytes()),
        None => ValueRef::Blob(body),
    }
}

/// Reads what [`body_to_cell`] returns.
pub(super) fn body_from_cell(
    cell: ValueRef<'_>,
    action_type: &ActionTypeName,
    published_at: Timestamp,
) -> Result<Bytes, FromSqlError> {
    match cell {
        ValueRef::Text(_) => {
            let body = custom_body::compose(action_type, published_at, cell.as_str()?);
            Ok(body.into())
        }
        cell => Ok(Bytes::copy_from_slice(cell.as_blob()?)),
    }
}

/// Reads the column audience: NULL for everyone, 0 for nobody, otherwise the webhook that does not receive it.
pub(super) fn audience(cells: TableRow<'_>) -> Result<Audience, StoreError> {
    Ok(match cells.get::<Option<i64>>("audience")? {
        None => Audience::Everyone,
        Some(0) => Audience::Nobody,
        Some(about) => Audience::Others(WebhookId(about)),
    })
}

/// The value of the column audience.
pub(super) fn audience_column(audience: Audience) -> Option<i64> {
    match audience {
        Audience::Everyone => None,
        Audience::Nobody => Some(0),
        Audience::Others(about) => Some(about.0),
    }
}

/// An id at or shortly before the first notification published since then. Ids rise with the time of publication, except
/// within about a commit; a minute is subtracted for that.
pub(super) fn first_id_since(c: &Connection, since: Option<Timestamp>) -> Result<i64, StoreError> {
    let Some(since) = since else { return Ok(0) };
    let since = to_micros(since) - 60_000_000;
    let mut probe = c.prepare_cached(
        "SELECT id, published_at FROM notifications
         WHERE id >= ?1 AND typeof(published_at) = 'integer' ORDER BY id LIMIT 1",
    )?;
    let newest: Option<i64> = c.query_row("SELECT max(id) FROM notifications", [], |r| r.get(0))?;
    let (mut low, mut high) = (0, newest.unwrap_or(0) + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let found: Option<(i64, i64)> = probe
            .query_row([middle], |r| Ok((r.get(0)?, r.get(1)?)))
            .optional()?;
        match found {
            Some((id, at)) if at < since => low = id + 1,
            _ => high = middle,
        }
    }
    Ok(low)
}
