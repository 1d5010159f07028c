//! The action types that a receiver refuses, as rows.

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, params};

use super::StoreError;
use super::damage_log::DamageLog;
use super::table_row::{TableRow, to_micros};
use crate::domain::{Attempt, RefusedActionType, RefusedActionTypes, WebhookId};
use crate::store::ActionTypeResponse;

/// The types that the receiver of a webhook refuses.
pub(super) fn of_webhook(
    c: &Connection,
    damage: &DamageLog,
    webhook: WebhookId,
) -> Result<RefusedActionTypes, StoreError> {
    let mut statement = c.prepare_cached(
        "SELECT action_type, refused_since, refused_at, webhook FROM refused_action_types WHERE webhook = ?1
         ORDER BY refused_at DESC LIMIT ?2",
    )?;
    let mut rows = statement.query(params![webhook.0, RefusedActionTypes::MAX_TYPES])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let read = from_row(TableRow::new(row, "refused_action_types"));
        found.extend(damage.skip_damaged(read)?);
    }
    Ok(found.into_iter().collect())
}

fn from_row(cells: TableRow<'_>) -> Result<RefusedActionType, StoreError> {
    Ok(RefusedActionType {
        action_type: cells.parse("action_type")?,
        since: cells.time("refused_since")?,
        last_at: cells.time("refused_at")?,
    })
}

/// Writes what an attempt says about its action type.
pub(super) fn write(
    t: &Transaction<'_>,
    attempt: &Attempt,
    response: ActionTypeResponse,
) -> Result<(), StoreError> {
    let (webhook, action_type) = (attempt.webhook.0, attempt.action_type.as_str());
    match response {
        ActionTypeResponse::Refused => {
            let at = Timestamp::from_microsecond(attempt.id.0).unwrap_or(Timestamp::UNIX_EPOCH);
            let oldest = at
                .saturating_sub(RefusedActionTypes::MAX_AGE)
                .unwrap_or(Timestamp::MIN);
            t.prepare_cached(
                "DELETE FROM refused_action_types WHERE webhook = ?1 AND refused_at < ?2",
            )?
            .execute(params![webhook, to_micros(oldest)])?;
            t.prepare_cached(
                "INSERT INTO refused_action_types (webhook, action_type, refused_since, refused_at) VALUES (?1, ?2, ?3, ?3)
                 ON CONFLICT DO UPDATE SET refused_at = ?3",
            )?
            .execute(params![webhook, action_type, to_micros(at)])?;
        }
        ActionTypeResponse::Accepted => {
            t.prepare_cached(
                "DELETE FROM refused_action_types WHERE webhook = ?1 AND action_type = ?2",
            )?
            .execute(params![webhook, action_type])?;
        }
    }
    Ok(())
}

/// Forgets what a receiver refused: the webhook has another, or was enabled.
pub(super) fn remove_all(t: &Transaction<'_>, webhook: WebhookId) -> Result<(), StoreError> {
    t.prepare_cached("DELETE FROM refused_action_types WHERE webhook = ?1")?
        .execute([webhook.0])?;
    Ok(())
}
