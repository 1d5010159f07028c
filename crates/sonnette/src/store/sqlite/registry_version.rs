//! The version of the registry: every change makes a new one.

use rusqlite::{Connection, Transaction};

use super::StoreError;
use crate::domain::WebhookId;

pub(super) fn version(c: &Connection) -> Result<i64, StoreError> {
    let mut statement = c.prepare_cached("SELECT value FROM counters WHERE name = 'registry'")?;
    Ok(statement.query_row([], |r| r.get(0))?)
}

pub(super) fn bump(t: &Transaction<'_>) -> Result<i64, StoreError> {
    let sql = "UPDATE counters SET value = value + 1
               WHERE name = 'registry' AND typeof(value) = 'integer' RETURNING value";
    Ok(t.query_row(sql, [], |r| r.get(0))?)
}

/// Makes a new version in which this webhook has changed.
pub(super) fn touch_webhook(t: &Transaction<'_>, webhook: WebhookId) -> Result<(), StoreError> {
    let version = bump(t)?;
    t.prepare_cached("UPDATE webhooks SET changed = ?2 WHERE id = ?1")?
        .execute([webhook.0, version])?;
    Ok(())
}

/// Makes a new version in which this action type has changed.
pub(super) fn touch_action_type(t: &Transaction<'_>, id: i64) -> Result<(), StoreError> {
    let version = bump(t)?;
    t.execute(
        "UPDATE action_types SET changed = ?2 WHERE id = ?1",
        [id, version],
    )?;
    Ok(())
}
