//! Mail owed to humans, and what switching a webhook off queues of it.

use jiff::Timestamp;
use rusqlite::{Transaction, params};

use super::rows::{Cells, micros, to_json};
use super::{SqliteStore, StoreError};
use crate::domain::{Alert, AlertId, AlertKind, AlertResult, OrganizerId, WebhookId};
use crate::store::AlertStore;

impl AlertStore for SqliteStore {
    fn due_alerts(&self, now: Timestamp, limit: usize) -> Result<Vec<Alert>, StoreError> {
        self.read(|c| {
            let mut statement = c.prepare_cached(
                "SELECT id, organizer, webhook, kind, at, target, failures, since, return_code, reason, recipients,
                   pending, tries
                 FROM alerts WHERE settled_at IS NULL AND due_at <= ?1 ORDER BY due_at, id LIMIT ?2",
            )?;
            let mut rows = statement.query(params![micros(now), limit])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(alert(Cells::new(row, "alerts"))?);
            }
            Ok(found)
        })
    }

    fn record_alert_result(
        &self,
        id: AlertId,
        end: &AlertResult,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(|t| {
            match end {
                AlertResult::Sent => t.execute(
                    "UPDATE alerts SET tries = tries + 1, pending = '[]', settled_at = ?2, how = 'sent', error = NULL
                     WHERE id = ?1 AND settled_at IS NULL",
                    params![id.0, micros(now)],
                )?,
                AlertResult::Waits {
                    due_at,
                    pending,
                    error,
                } => t.execute(
                    "UPDATE alerts SET tries = tries + 1, due_at = ?2, pending = ?3, error = ?4
                     WHERE id = ?1 AND settled_at IS NULL",
                    params![id.0, micros(*due_at), to_json(pending), error],
                )?,
                AlertResult::GivenUp { error } => t.execute(
                    "UPDATE alerts SET tries = tries + 1, settled_at = ?2, how = 'given_up', error = ?3
                     WHERE id = ?1 AND settled_at IS NULL",
                    params![id.0, micros(now), error],
                )?,
            };
            Ok(())
        })
    }
}

/// Queues an alert about a webhook, with what its lane and its log say now; a second warning of the same row of failures
/// is none. Without anybody to tell it is a line in the server's log.
pub(super) fn queue(
    t: &Transaction<'_>,
    id: WebhookId,
    kind: AlertKind,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(webhook) = super::webhook_rows::webhooks(t, "id = ?1", id.0)?.pop() else {
        return Ok(());
    };
    let mut recipients = webhook.settings.contact_emails;
    if recipients.is_empty() {
        recipients = contacts(t, webhook.organizer)?;
    }
    if recipients.is_empty() {
        tracing::warn!(
            webhook.id = id.0,
            alert = kind.as_str(),
            "nobody is told: neither the webhook nor its organizer has contacts"
        );
        return Ok(());
    }
    let health = super::lane_rows::health(t, id)?;
    let (return_code, reason) = last_outcome(t, id)?;
    let recipients = to_json(&recipients);
    t.prepare_cached(
        "INSERT INTO alerts (organizer, webhook, kind, at, target, failures, since, return_code, reason, recipients,
           pending, tries, due_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, 0, ?4) ON CONFLICT DO NOTHING",
    )?
    .execute(params![
        webhook.organizer.0,
        id.0,
        kind.as_str(),
        micros(now),
        webhook.target.redacted_without_query(),
        health.consecutive_failures(),
        micros(health.streak.map_or(now, |s| s.since)),
        return_code,
        reason,
        recipients,
    ])?;
    Ok(())
}

fn contacts(t: &Transaction<'_>, organizer: OrganizerId) -> Result<Vec<String>, StoreError> {
    let found = super::organizer_rows::organizers(t, "id = ?1", organizer.0)?.pop();
    Ok(found.map(|o| o.contact_emails).unwrap_or_default())
}

/// Of the newest attempt that is no test.
fn last_outcome(
    t: &Transaction<'_>,
    webhook: WebhookId,
) -> Result<(u16, Option<String>), StoreError> {
    let mut statement = t.prepare_cached(
        "SELECT return_code, reason FROM attempts WHERE webhook = ?1 AND action_type IS NULL ORDER BY id DESC LIMIT 1",
    )?;
    let mut rows = statement.query([webhook.0])?;
    match rows.next()? {
        Some(row) => {
            let cells = Cells::new(row, "attempts");
            Ok((cells.get("return_code")?, cells.get("reason")?))
        }
        None => Ok((0, None)),
    }
}

fn alert(cells: Cells<'_>) -> Result<Alert, StoreError> {
    Ok(Alert {
        id: AlertId(cells.get("id")?),
        organizer: OrganizerId(cells.get("organizer")?),
        webhook: WebhookId(cells.get("webhook")?),
        kind: cells.parse("kind")?,
        at: cells.time("at")?,
        target: cells.get("target")?,
        failures: cells.get("failures")?,
        since: cells.time("since")?,
        return_code: cells.get("return_code")?,
        reason: cells.get("reason")?,
        recipients: cells.json("recipients")?,
        pending: cells.json("pending")?,
        tries: cells.get("tries")?,
    })
}
