//! Notifications as rows.

use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use super::StoreError;
use super::rows::{Cells, micros};
use crate::domain::{Audience, Notification, NotificationId, OrganizerId, WebhookId};

/// Columns: id, organizer, `action_type`, event, `published_at`, shape, body.
pub(super) fn notification(cells: Cells<'_>) -> Result<Arc<Notification>, StoreError> {
    Ok(Arc::new(Notification {
        id: NotificationId(cells.get("id")?),
        organizer: OrganizerId(cells.get("organizer")?),
        action_type: cells.parse("action_type")?,
        event: cells.parse_some("event")?,
        published_at: cells.time("published_at")?,
        shape: cells.parse("shape")?,
        body: cells.get::<Vec<u8>>("body")?.into(),
    }))
}

/// Column audience: null for everyone, 0 for nobody, else the webhook that is not told.
pub(super) fn audience(cells: Cells<'_>) -> Result<Audience, StoreError> {
    Ok(match cells.get::<Option<i64>>("audience")? {
        None => Audience::Everyone,
        Some(0) => Audience::Nobody,
        Some(about) => Audience::Others(WebhookId(about)),
    })
}

/// As it is stored.
pub(super) fn audience_cell(audience: Audience) -> Option<i64> {
    match audience {
        Audience::Everyone => None,
        Audience::Nobody => Some(0),
        Audience::Others(about) => Some(about.0),
    }
}

/// About the first notification published since then, and never a later one: ids rise with time but for the order
/// within a commit, which a minute covers.
pub(super) fn first_since(c: &Connection, since: Option<Timestamp>) -> Result<i64, StoreError> {
    let Some(since) = since else { return Ok(0) };
    let since = micros(since) - 60_000_000;
    let mut probe = c.prepare_cached(
        "SELECT id, published_at FROM notifications WHERE id >= ?1 ORDER BY id LIMIT 1",
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
