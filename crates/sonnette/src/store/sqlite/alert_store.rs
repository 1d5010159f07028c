//! Mail about webhooks.

use jiff::Timestamp;
use rusqlite::{Transaction, params};

use super::damage_log::DamageLog;
use super::table_row::{TableRow, to_json, to_micros};
use super::{SqliteStore, StoreError, log_segments};
use crate::domain::{
    Alert, AlertId, AlertKind, AlertResult, MAX_MAIL_RETRY_DELAY, OrganizerId, WebhookId,
    saturating_add,
};
use crate::store::AlertStore;

impl AlertStore for SqliteStore {
    fn due_alerts(&self, now: Timestamp, limit: usize) -> Result<Vec<Alert>, StoreError> {
        self.read(|c| {
            let mut statement = c.prepare_cached(
                "SELECT id, organizer, webhook, kind, at, target, failures, since, return_code, reason, recipients,
                   pending, tries
                 FROM alerts WHERE settled_at IS NULL AND (due_at <= ?1 OR due_at > ?2) ORDER BY due_at, id",
            )?;
            let mut rows = statement.query(mail_due_range(now))?;
            let mut found = Vec::new();
            while found.len() < limit
                && let Some(row) = rows.next()?
            {
                let read = alert(TableRow::new(row, "alerts"));
                found.extend(self.damage.skip_damaged(read)?);
            }
            Ok(found)
        })
    }

    fn record_alert_result(
        &self,
        id: AlertId,
        result: &AlertResult,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(|t| {
            match result {
                AlertResult::Sent => t.execute(
                    "UPDATE alerts SET tries = tries + 1, pending = '[]', settled_at = ?2, how = 'sent', error = NULL
                     WHERE id = ?1 AND settled_at IS NULL",
                    params![id.0, to_micros(now)],
                )?,
                AlertResult::Waits {
                    due_at,
                    pending,
                    error,
                } => t.execute(
                    "UPDATE alerts SET tries = tries + 1, due_at = ?2, pending = ?3, error = ?4
                     WHERE id = ?1 AND settled_at IS NULL",
                    params![id.0, to_micros(*due_at), to_json(pending), error],
                )?,
                AlertResult::GivenUp { error } => t.execute(
                    "UPDATE alerts SET tries = tries + 1, settled_at = ?2, how = 'given_up', error = ?3
                     WHERE id = ?1 AND settled_at IS NULL",
                    params![id.0, to_micros(now), error],
                )?,
            };
            Ok(())
        })
    }
}

/// An email is due up to the first of these times. One that is due after the second was delayed while the clock was ahead,
/// and is due, too.
pub(super) fn mail_due_range(now: Timestamp) -> [i64; 2] {
    [now, saturating_add(now, MAX_MAIL_RETRY_DELAY)].map(to_micros)
}

/// Enqueues an alert about a webhook, with the current health of its lane and its newest attempt. A second warning of the
/// same failure streak is ignored. If there are no contacts, the alert is only logged. Nothing is enqueued for a webhook
/// whose row is damaged.
pub(super) fn enqueue(
    t: &Transaction<'_>,
    damage: &DamageLog,
    id: WebhookId,
    kind: AlertKind,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(webhook) = super::webhook_rows::webhooks(t, damage, "id = ?1", id.0)?.pop() else {
        return Ok(());
    };
    let mut recipients = webhook.settings.contact_emails;
    if recipients.is_empty() {
        recipients = contacts(t, damage, webhook.organizer)?;
    }
    if recipients.is_empty() {
        tracing::warn!(
            webhook.id = id.0,
            alert = kind.as_str(),
            "webhook {}: nobody is notified of the {}: neither the webhook nor its organizer has contacts",
            id.0,
            kind.as_str()
        );
        return Ok(());
    }
    let health = super::lane_rows::health(t, damage, id)?;
    let (return_code, reason) = damage
        .skip_damaged(last_outcome(t, damage, id))?
        .unwrap_or_default();
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
        to_micros(now),
        webhook.target.redacted_without_query(),
        health.consecutive_failures(),
        to_micros(health.streak.map_or(now, |s| s.since)),
        return_code,
        reason,
        recipients,
    ])?;
    Ok(())
}

fn contacts(
    t: &Transaction<'_>,
    damage: &DamageLog,
    organizer: OrganizerId,
) -> Result<Vec<String>, StoreError> {
    let found = super::organizer_rows::organizers(t, damage, "id = ?1", organizer.0)?.pop();
    Ok(found.map(|o| o.contact_emails).unwrap_or_default())
}

/// The return code and the reason of the newest attempt that is not a test.
fn last_outcome(
    t: &Transaction<'_>,
    damage: &DamageLog,
    webhook: WebhookId,
) -> Result<(u16, Option<String>), StoreError> {
    for segment in log_segments::load(t, damage)? {
        let mut statement = t.prepare_cached(&format!(
            "SELECT id, return_code, reason FROM {} WHERE webhook = ?1 AND action_type IS NULL ORDER BY id DESC LIMIT 1",
            segment.table()
        ))?;
        let mut rows = statement.query([webhook.0])?;
        if let Some(row) = rows.next()? {
            let cells = TableRow::new(row, "attempts");
            return Ok((cells.get("return_code")?, cells.get("reason")?));
        }
    }
    Ok((0, None))
}

pub(super) fn alert(cells: TableRow<'_>) -> Result<Alert, StoreError> {
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
        pending_recipients: cells.json("pending")?,
        send_failures: cells.get("tries")?,
    })
}
