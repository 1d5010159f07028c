//! Changes of webhooks on their way to other webhooks: taken down with the change, gone with the publication.

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, params};

use super::StoreError;
use super::rows::{Cells, micros};
use crate::domain::{OrganizerId, PendingWebhookChange, WebhookChange, WebhookId};

/// Notes when a webhook was changed and, where its organizer speaks Creads, that others are to hear of it.
pub(super) fn owe(
    t: &Transaction<'_>,
    webhook: WebhookId,
    change: WebhookChange,
    at: Timestamp,
) -> Result<(), StoreError> {
    let made = (change == WebhookChange::Created).then(|| micros(at));
    t.prepare_cached(
        "UPDATE webhooks SET created_at = coalesce(?2, created_at), modified_at = ?3 WHERE id = ?1",
    )?
    .execute(params![webhook.0, made, micros(at)])?;
    t.prepare_cached(
        "INSERT INTO webhook_news (organizer, webhook, change, created_at, modified_at, target_url, enabled)
         SELECT w.organizer, w.id, ?2, w.created_at, w.modified_at, w.target_url, w.disabled_at IS NULL
         FROM webhooks w JOIN organizers o ON o.id = w.organizer
         WHERE w.id = ?1 AND EXISTS (SELECT 1 FROM json_each(o.dialects) WHERE value = 'creads')",
    )?
    .execute(params![webhook.0, change.as_str()])?;
    Ok(())
}

/// The oldest of them.
pub(super) fn owed(c: &Connection, limit: usize) -> Result<Vec<PendingWebhookChange>, StoreError> {
    let mut statement = c.prepare_cached("SELECT * FROM webhook_news ORDER BY id LIMIT ?1")?;
    let mut rows = statement.query([limit])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let cells = Cells::new(row, "webhook_news");
        found.push(PendingWebhookChange {
            id: cells.get("id")?,
            organizer: OrganizerId(cells.get("organizer")?),
            webhook: WebhookId(cells.get("webhook")?),
            change: cells.parse("change")?,
            created_at: cells.time("created_at")?,
            modified_at: cells.time("modified_at")?,
            target: cells.parse("target_url")?,
            enabled: cells.get("enabled")?,
        });
    }
    Ok(found)
}

/// They have been published.
pub(super) fn remove(t: &Transaction<'_>, ids: &[i64]) -> Result<(), StoreError> {
    let mut statement = t.prepare_cached("DELETE FROM webhook_news WHERE id = ?1")?;
    for id in ids {
        statement.execute([id])?;
    }
    Ok(())
}
