//! Notifications as rows.

use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use super::StoreError;
use super::table_row::{TableRow, to_micros};
use crate::domain::{Audience, Notification, NotificationId, OrganizerId, WebhookId};

/// Reads the columns id, organizer, `action_type`, event, `published_at`, shape and body.
pub(super) fn notification(cells: TableRow<'_>) -> Result<Arc<Notification>, StoreError> {
    Ok(Arc::new(Notification {
        id: NotificationId(cells.get("id")?),
        organizer: OrganizerId(cells.get("organizer")?),
        action_type: cells.parse("action_type")?,
        event: cells.parse_optional("event")?,
        published_at: cells.time("published_at")?,
        shape: cells.parse("shape")?,
        body: cells.get::<Vec<u8>>("body")?.into(),
    }))
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
