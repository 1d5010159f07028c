//! Disabling a webhook, with everything that belongs to it.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};

use super::damage_log::DamageLog;
use super::table_row::to_micros;
use super::{
    StoreError, alert_store, audit_log, disabled_intervals, pending_webhook_changes,
    registry_version,
};
use crate::domain::{AlertKind, DisableReason, OrganizerId, WebhookChange, WebhookId};
use crate::store::{Actor, NewAuditEntry};

/// Disables a webhook, adds the audit entry and enqueues the alert; returns whether it was enabled.
pub(super) fn disable(
    t: &Transaction<'_>,
    damage: &DamageLog,
    webhook: WebhookId,
    reason: DisableReason,
    alert: Option<AlertKind>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let organizer: Option<i64> = t
        .query_row(
            "UPDATE webhooks SET disabled_at = ?2, disabled_reason = ?3, generation = generation + 1
             WHERE id = ?1 AND disabled_at IS NULL RETURNING organizer",
            params![webhook.0, to_micros(now), reason.as_str()],
            |r| r.get(0),
        )
        .optional()?;
    let Some(organizer) = organizer.map(OrganizerId) else {
        return Ok(false);
    };
    registry_version::touch_webhook(t, webhook)?;
    disabled_intervals::begin(t, webhook)?;
    pending_webhook_changes::insert(t, webhook, WebhookChange::Updated, now)?;
    let data = serde_json::json!({"id": webhook, "enabled": false, "reason": reason.as_str()});
    let entry = NewAuditEntry {
        actor: Actor::Server,
        action: "pretix.webhook.changed",
        data,
        at: now,
    };
    audit_log::insert_entry(t, Some(organizer), &entry)?;
    if let Some(kind) = alert {
        alert_store::enqueue(t, damage, webhook, kind, now)?;
    }
    Ok(true)
}

/// Disables a webhook with a delivery that was given up in the current failure streak, if none has succeeded since its
/// publication: a webhook with few notifications must not fail forever.
pub(super) fn disable_never_succeeded(
    t: &Transaction<'_>,
    damage: &DamageLog,
    webhook: WebhookId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let never_succeeded: bool = t
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM lanes l JOIN deliveries d INDEXED BY deliveries_failed ON d.webhook = l.webhook
             WHERE l.webhook = ?1 AND l.failing_since IS NOT NULL AND d.how IN ('given_up', 'dropped')
               AND d.how = 'given_up' AND d.settled_at >= l.failing_since
               AND (l.last_success_at IS NULL OR l.last_success_at < d.started_at))",
        )?
        .query_row([webhook.0], |r| r.get(0))?;
    if !never_succeeded {
        return Ok(false);
    }
    disable(
        t,
        damage,
        webhook,
        DisableReason::Failures,
        Some(AlertKind::Failures),
        now,
    )
}
