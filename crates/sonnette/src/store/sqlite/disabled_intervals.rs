//! The intervals of notification ids during which a webhook was disabled.

use rusqlite::{Transaction, params};

use super::StoreError;
use crate::domain::WebhookId;

/// Begins an interval with the next notification.
pub(super) fn begin(t: &Transaction<'_>, webhook: WebhookId) -> Result<(), StoreError> {
    t.execute(
        "INSERT INTO silences (webhook, first) SELECT ?1, value FROM counters WHERE name = 'notification'
         ON CONFLICT DO NOTHING",
        [webhook.0],
    )?;
    Ok(())
}

/// Ends the interval before the next notification.
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

/// Removes intervals without a remaining notification.
pub(super) fn prune(t: &Transaction<'_>) -> Result<(), StoreError> {
    t.execute(
        "DELETE FROM silences WHERE beyond <= (
           SELECT coalesce((SELECT min(id) FROM notifications), value) FROM counters WHERE name = 'notification')",
        params![],
    )?;
    Ok(())
}
