//! The stretches of notifications during which a webhook was off.

use rusqlite::{Transaction, params};

use super::StoreError;
use crate::domain::WebhookId;

/// The webhook is off from the next notification on.
pub(super) fn begin(t: &Transaction<'_>, webhook: WebhookId) -> Result<(), StoreError> {
    t.execute(
        "INSERT INTO silences (webhook, first) SELECT ?1, value FROM counters WHERE name = 'notification'
         ON CONFLICT DO NOTHING",
        [webhook.0],
    )?;
    Ok(())
}

/// The webhook hears the next notification again.
pub(super) fn end(t: &Transaction<'_>, webhook: WebhookId) -> Result<(), StoreError> {
    t.execute(
        "UPDATE silences SET beyond = (SELECT value FROM counters WHERE name = 'notification')
         WHERE webhook = ?1 AND beyond IS NULL",
        [webhook.0],
    )?;
    t.execute(
        "DELETE FROM silences WHERE webhook = ?1 AND beyond = first",
        [webhook.0],
    )?;
    Ok(())
}

/// Forgets stretches of which no notification is left.
pub(super) fn prune(t: &Transaction<'_>) -> Result<(), StoreError> {
    t.execute(
        "DELETE FROM silences WHERE beyond <= (
           SELECT coalesce((SELECT min(id) FROM notifications), value) FROM counters WHERE name = 'notification')",
        params![],
    )?;
    Ok(())
}
