//! Switching a webhook off, and all that update from it.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};

use super::rows::micros;
use super::{
    StoreError, alert_store, audit_log, disabled_intervals, pending_webhook_changes,
    registry_version,
};
use crate::domain::{AlertKind, DisableReason, OrganizerId, WebhookChange, WebhookId};
use crate::store::{Actor, NewAuditEntry};

/// Switches a webhook off, and queues the one alert of that; returns whether it was on.
pub(super) fn disable(
    t: &Transaction<'_>,
    webhook: WebhookId,
    reason: DisableReason,
    alert: Option<AlertKind>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let organizer: Option<i64> = t
        .query_row(
            "UPDATE webhooks SET disabled_at = ?2, disabled_reason = ?3, generation = generation + 1
             WHERE id = ?1 AND disabled_at IS NULL RETURNING organizer",
            params![webhook.0, micros(now), reason.as_str()],
            |r| r.get(0),
        )
        .optional()?;
    let Some(organizer) = organizer.map(OrganizerId) else {
        return Ok(false);
    };
    registry_version::touch_webhook(t, webhook)?;
    disabled_intervals::begin(t, webhook)?;
    pending_webhook_changes::owe(t, webhook, WebhookChange::Updated, now)?;
    let data = serde_json::json!({"id": webhook, "enabled": false, "reason": reason.as_str()});
    let note = NewAuditEntry {
        actor: Actor::Server,
        action: "pretix.webhook.changed",
        data,
        at: now,
    };
    audit_log::write_note(t, Some(organizer), &note)?;
    if let Some(kind) = alert {
        alert_store::queue(t, webhook, kind, now)?;
    }
    Ok(true)
}

/// Switches off a webhook of which a delivery was given up, in this row of failures, while nothing had succeeded since
/// its publication: a quiet webhook must not fail for ever.
pub(super) fn disable_never_succeeded(
    t: &Transaction<'_>,
    webhook: WebhookId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let barren: bool = t
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM lanes l JOIN deliveries d INDEXED BY deliveries_failed ON d.webhook = l.webhook
             WHERE l.webhook = ?1 AND l.failing_since IS NOT NULL AND d.how IN ('given_up', 'dropped')
               AND d.how = 'given_up' AND d.settled_at >= l.failing_since
               AND (l.last_success_at IS NULL OR l.last_success_at < d.started_at))",
        )?
        .query_row([webhook.0], |r| r.get(0))?;
    if !barren {
        return Ok(false);
    }
    disable(
        t,
        webhook,
        DisableReason::Failures,
        Some(AlertKind::Failures),
        now,
    )
}
