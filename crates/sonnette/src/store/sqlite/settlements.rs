//! Settlements in the group commit.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};

use super::attempt_rows::AttemptWriter;
use super::attempt_stats::AttemptCounts;
use super::damage_log::DamageLog;
use super::table_row::to_micros;
use super::{StoreError, alert_store, disable_webhook, lane_rows, refused_action_types};
use crate::domain::{
    DeliveryProgress, NotificationId, SettlementKind, SettlementReason, WebhookId,
};
use crate::store::{DeliveryUpdate, Settlement, SettlementCause};

pub(super) fn write_settlement(
    t: &Transaction<'_>,
    damage: &DamageLog,
    settlement: &Settlement,
    now: Timestamp,
    log: &mut AttemptWriter<'_>,
    counts: &mut AttemptCounts,
) -> Result<(), StoreError> {
    let webhook = settlement.webhook;
    match &settlement.cause {
        SettlementCause::Attempted { attempt, update } => {
            if log.insert(t, attempt)? {
                counts.add(attempt);
            }
            match update {
                Some(DeliveryUpdate::Settle {
                    end,
                    attempts,
                    started_at,
                }) => {
                    let at = Timestamp::from_microsecond(attempt.id.0).unwrap_or(now);
                    let reason =
                        (*end == SettlementKind::GivenUp).then_some(SettlementReason::TriesUsedUp);
                    let end = DeliveryEnd {
                        kind: *end,
                        at,
                        attempts: Some(*attempts),
                        started_at: Some(*started_at),
                        reason,
                    };
                    end.write(t, webhook, attempt.notification)?;
                }
                Some(DeliveryUpdate::Reschedule(progress)) => {
                    reschedule(t, webhook, attempt.notification, progress)?;
                }
                None => {}
            }
        }
        SettlementCause::Expired(notification) => {
            let end = DeliveryEnd {
                kind: SettlementKind::GivenUp,
                at: now,
                attempts: None,
                started_at: None,
                reason: Some(SettlementReason::LifetimeOver),
            };
            end.write(t, webhook, *notification)?;
        }
    }
    write_consequences(t, damage, settlement, now)
}

/// Writes what an outcome means for the lane and the webhook. The outcome of a request that was sent to a former target, or
/// before the webhook was disabled or enabled, means nothing for them.
fn write_consequences(
    t: &Transaction<'_>,
    damage: &DamageLog,
    settlement: &Settlement,
    now: Timestamp,
) -> Result<(), StoreError> {
    let webhook = settlement.webhook;
    let alert = settlement.alert;
    let has_consequences = settlement.health.is_some()
        || settlement.action_type.is_some()
        || settlement.disable.is_some()
        || alert.is_some();
    if !has_consequences || !is_current(t, webhook, settlement.generation)? {
        return Ok(());
    }
    if let Some(health) = &settlement.health {
        lane_rows::write_health(t, webhook, health)?;
    }
    if let (Some(response), SettlementCause::Attempted { attempt, .. }) =
        (settlement.action_type, &settlement.cause)
    {
        refused_action_types::write(t, attempt, response)?;
    }
    match (settlement.disable, &settlement.cause) {
        (Some(_), SettlementCause::Expired(_)) => {
            disable_webhook::disable_never_succeeded(t, damage, webhook, now)?;
        }
        (Some(reason), SettlementCause::Attempted { .. }) => {
            disable_webhook::disable(t, damage, webhook, reason, alert, now)?;
        }
        (None, _) => {
            if let Some(kind) = alert {
                alert_store::enqueue(t, damage, webhook, kind, now)?;
            }
        }
    }
    Ok(())
}

/// Whether the webhook still has the target, and is enabled since the same change, as when the request was sent.
fn is_current(
    t: &Transaction<'_>,
    webhook: WebhookId,
    generation: u64,
) -> Result<bool, StoreError> {
    let current = t
        .prepare_cached("SELECT generation = ?2 FROM webhooks WHERE id = ?1")?
        .query_row(params![webhook.0, generation], |r| r.get(0))
        .optional()?;
    Ok(current.unwrap_or(false))
}

/// How a delivery is settled.
struct DeliveryEnd {
    kind: SettlementKind,
    at: Timestamp,
    attempts: Option<u32>,
    started_at: Option<Timestamp>,
    reason: Option<SettlementReason>,
}

impl DeliveryEnd {
    /// Settles a delivery if it is pending and was not resent since `started_at`. A success also replaces what a person or
    /// the clock made of the delivery while the request was in flight: the receiver has it.
    ///
    /// Most deliveries end as delivered. That end is stored as NULL, and the times that are not needed any more as zero:
    /// these take no space.
    fn write(
        &self,
        t: &Transaction<'_>,
        webhook: WebhookId,
        notification: NotificationId,
    ) -> Result<(), StoreError> {
        let changed = t.prepare_cached(
            "UPDATE deliveries SET attempts = coalesce(?3, attempts), settled_at = ?4, how = nullif(?5, 'delivered'), reason = ?6,
               started_at = iif(?5 = 'delivered', 0, started_at), due_at = iif(?5 = 'delivered', 0, due_at)
             WHERE webhook = ?1 AND notification = ?2 AND started_at = coalesce(?7, started_at)
               AND (settled_at IS NULL OR (?5 = 'delivered' AND coalesce(how, 'delivered') <> 'delivered'))",
        )?
        .execute(params![
            webhook.0,
            notification.0,
            self.attempts,
            to_micros(self.at),
            self.kind.as_str(),
            self.reason.as_ref().map(SettlementReason::as_str),
            self.started_at.map(to_micros),
        ])?;
        match self.attempts {
            Some(attempts) if changed == 0 => count_attempts(t, webhook, notification, attempts),
            _ => Ok(()),
        }
    }
}

/// Counts an attempt that changes nothing else, because its delivery was settled or resent meanwhile: the next attempt must
/// not get its number.
fn count_attempts(
    t: &Transaction<'_>,
    webhook: WebhookId,
    notification: NotificationId,
    attempts: u32,
) -> Result<(), StoreError> {
    t.prepare_cached(
        "UPDATE deliveries SET attempts = max(attempts, ?3) WHERE webhook = ?1 AND notification = ?2",
    )?
    .execute(params![webhook.0, notification.0, attempts])?;
    Ok(())
}

fn reschedule(
    t: &Transaction<'_>,
    webhook: WebhookId,
    notification: NotificationId,
    progress: &DeliveryProgress,
) -> Result<(), StoreError> {
    let changed = t
        .prepare_cached(
            "UPDATE deliveries SET attempts = ?3, tries = ?4, due_at = ?5
         WHERE webhook = ?1 AND notification = ?2 AND settled_at IS NULL AND started_at = ?6",
        )?
        .execute(params![
            webhook.0,
            notification.0,
            progress.attempts,
            progress.scheduled_tries,
            to_micros(progress.due_at),
            to_micros(progress.started_at),
        ])?;
    if changed == 0 {
        count_attempts(t, webhook, notification, progress.attempts)?;
    }
    Ok(())
}
