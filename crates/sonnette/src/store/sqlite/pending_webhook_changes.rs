//! Changes of webhooks that are to be published to other webhooks. The transaction of a change adds its row, and the
//! transaction of the publication removes it.

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, params};

use super::StoreError;
use super::damage_log::DamageLog;
use super::table_row::{TableRow, to_micros};
use crate::domain::{OrganizerId, PendingWebhookChange, WebhookChange, WebhookId};

/// Sets the time of a webhook's change and, if its organizer has the dialect Creads, adds the change.
pub(super) fn insert(
    t: &Transaction<'_>,
    webhook: WebhookId,
    change: WebhookChange,
    at: Timestamp,
) -> Result<(), StoreError> {
    let created = (change == WebhookChange::Created).then(|| to_micros(at));
    t.prepare_cached(
        "UPDATE webhooks SET created_at = coalesce(?2, created_at), modified_at = ?3 WHERE id = ?1",
    )?
    .execute(params![webhook.0, created, to_micros(at)])?;
    t.prepare_cached(
        "INSERT INTO webhook_news (organizer, webhook, change, created_at, modified_at, target_url, enabled)
         SELECT w.organizer, w.id, ?2, w.created_at, w.modified_at, w.target_url, w.disabled_at IS NULL
         FROM webhooks w JOIN organizers o ON o.id = w.organizer
         WHERE w.id = ?1
           AND EXISTS (SELECT 1 FROM json_each(iif(json_valid(o.dialects), o.dialects, '[]')) WHERE value = 'creads')",
    )?
    .execute(params![webhook.0, change.as_str()])?;
    Ok(())
}

/// At most `limit` pending changes, the oldest first. Damaged rows are left out.
pub(super) fn oldest(
    c: &Connection,
    damage: &DamageLog,
    limit: usize,
) -> Result<Vec<PendingWebhookChange>, StoreError> {
    let mut statement = c.prepare_cached("SELECT * FROM webhook_news ORDER BY id")?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while found.len() < limit
        && let Some(row) = rows.next()?
    {
        let cells = TableRow::new(row, "webhook_news");
        found.extend(damage.skip_damaged(pending_change(cells))?);
    }
    Ok(found)
}

pub(super) fn pending_change(cells: TableRow<'_>) -> Result<PendingWebhookChange, StoreError> {
    Ok(PendingWebhookChange {
        id: cells.get("id")?,
        organizer: OrganizerId(cells.get("organizer")?),
        webhook: WebhookId(cells.get("webhook")?),
        change: cells.parse("change")?,
        created_at: cells.time("created_at")?,
        modified_at: cells.time("modified_at")?,
        target: cells.parse("target_url")?,
        enabled: cells.get("enabled")?,
    })
}

/// Removes published changes.
pub(super) fn remove(t: &Transaction<'_>, ids: &[i64]) -> Result<(), StoreError> {
    let mut statement = t.prepare_cached("DELETE FROM webhook_news WHERE id = ?1")?;
    for id in ids {
        statement.execute([id])?;
    }
    Ok(())
}
