//! Settlements in the group commit.

use std::collections::HashSet;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};

use super::attempt_stats::AttemptCounts;
use super::damage_log::DamageLog;
use super::table_row::to_micros;
use super::{StoreError, alert_store, disable_webhook, lane_rows, refused_action_types};
use crate::domain::{
    Attempt, DeliveryProgress, NotificationId, Outcome, SendFailure, SettlementKind,
    SettlementReason, WebhookId,
};
use crate::store::{DeliveryUpdate, Settlement, SettlementCause};

pub(super) fn write_settlement(
    t: &Transaction<'_>,
    damage: &DamageLog,
    settlement: &Settlement,
    now: Timestamp,
    erased: &HashSet<NotificationId>,
    counts: &mut AttemptCounts,
) -> Result<(), StoreError> {
    let webhook = settlement.webhook;
    match &settlement.cause {
        SettlementCause::Attempted { attempt, update } => {
            if insert_attempt(t, attempt, erased.contains(&attempt.notification))? {
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

/// Adds an attempt to the log and returns whether it is new: a repeated settlement changes nothing. With `erased`, the
/// notification was erased while the attempt was in flight, and the payload and the response are left out.
fn insert_attempt(
    t: &Transaction<'_>,
    attempt: &Attempt,
    erased: bool,
) -> Result<bool, StoreError> {
    let exchange = &attempt.exchange;
    let failure = match &exchange.outcome {
        Outcome::Answered { .. } => None,
        Outcome::Failed(failure) => Some(failure),
    };
    let if_test = |text: &'_ str| attempt.is_test.then(|| text.to_owned());
    let new = t.prepare_cached(
        "INSERT OR IGNORE INTO attempts (webhook, id, notification, action_type, event, target_url, number, started_at,
           duration_us, return_code, failure, reason, request_headers, response_headers, payload, response_body, failure_detail)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
    )?
    .execute(params![
        attempt.webhook.0,
        attempt.id.0,
        attempt.notification.0,
        if_test(attempt.action_type.as_str()),
        attempt.event.as_ref().and_then(|e| if_test(e.as_str())),
        attempt.target_url,
        attempt.number,
        to_micros(exchange.started_at),
        i64::try_from(exchange.duration.as_micros()).unwrap_or(i64::MAX),
        exchange.outcome.return_code(),
        failure.map(|failure| failure.kind().as_str()),
        failure.map(ToString::to_string),
        exchange.request_headers,
        Some(exchange.response_headers.as_str())
            .filter(|_| !erased)
            .unwrap_or_default(),
        attempt.sent_body.as_deref().filter(|_| !erased),
        Some(&exchange.response_body[..]).filter(|b| !b.is_empty() && !erased),
        failure.and_then(failure_detail),
    ])?;
    Ok(new > 0)
}

/// The JSON that [`super::attempt_pages`] reads the failure from; a failure without details has only its kind and text.
fn failure_detail(failure: &SendFailure) -> Option<String> {
    match failure {
        SendFailure::Undetailed { .. } => None,
        detailed => serde_json::to_string(detailed).ok(),
    }
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
    fn write(
        &self,
        t: &Transaction<'_>,
        webhook: WebhookId,
        notification: NotificationId,
    ) -> Result<(), StoreError> {
        let changed = t.prepare_cached(
            "UPDATE deliveries SET attempts = coalesce(?3, attempts), settled_at = ?4, how = ?5, reason = ?6
             WHERE webhook = ?1 AND notification = ?2 AND started_at = coalesce(?7, started_at)
               AND (settled_at IS NULL OR (?5 = 'delivered' AND how IS NOT 'delivered'))",
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
