//! The group commit: publications and settlements in one durable transaction.

use std::collections::HashSet;

use bytes::Bytes;
use jiff::Timestamp;
use parking_lot::MutexGuard;
use rusqlite::{OptionalExtension, Transaction, params};

use super::rows::{Cells, audience_cell, micros};
use super::tallies::Tallies;
use super::{SqliteStore, StoreError, Writer, begin};
use crate::domain::{
    AlertKind, Attempt, DisableReason, EventSlug, LaneHealth, NotificationId, OrganizerId, Outcome,
    Progress, SettlementKind, WebhookChange, WebhookId,
};
use crate::store::{
    Actor, Batch, CommitError, DeliveryUpdate, GroupResult, NewAuditEntry, Publication,
    PublicationGroup, Settlement, StoredPublication, Verdict,
};

impl SqliteStore {
    pub(super) fn commit_batch(
        &self,
        version: i64,
        batch: &Batch,
    ) -> Result<Vec<GroupResult>, CommitError> {
        let mut writer = self.writer.lock();
        let committed = writer.commit(version, batch);
        if committed.is_err() {
            writer.known_events.clear();
        }
        let answers = committed.map(|(answers, tallies)| {
            self.gathered.lock().add(tallies);
            answers
        });
        MutexGuard::unlock_fair(writer);
        answers
    }
}

impl Writer {
    fn commit(
        &mut self,
        version: i64,
        batch: &Batch,
    ) -> Result<(Vec<GroupResult>, Tallies), CommitError> {
        let transaction = begin(&mut self.connection)?;
        let mut answers = Vec::with_capacity(batch.groups.len());
        if !batch.groups.is_empty() {
            let current = super::registry::version(&transaction)?;
            if current != version {
                return Err(CommitError::Stale);
            }
            if self.known_at != current {
                self.known_events.clear();
                self.known_at = current;
            }
            let first = counter(&transaction)?;
            let mut next = first;
            for group in &batch.groups {
                let answer = take(&transaction, group, &mut next)?;
                if matches!(answer, GroupResult::Taken(_)) {
                    register_events(&transaction, group, &mut self.known_events)?;
                }
                answers.push(answer);
            }
            if next != first {
                transaction
                    .prepare_cached("UPDATE counters SET value = ?1 WHERE name = 'notification'")
                    .and_then(|mut s| s.execute([next]))
                    .map_err(StoreError::from)?;
            }
        }
        super::news::announced(&transaction, &batch.announced)?;
        let mut tallies = Tallies::default();
        for settlement in &batch.settlements {
            settle(
                &transaction,
                settlement,
                batch.now,
                &self.erased,
                &mut tallies,
            )?;
        }
        transaction.commit().map_err(StoreError::from)?;
        Ok((answers, tallies))
    }
}

fn counter(t: &Transaction<'_>) -> Result<i64, StoreError> {
    let mut statement =
        t.prepare_cached("SELECT value FROM counters WHERE name = 'notification'")?;
    Ok(statement.query_row([], |r| r.get(0))?)
}

fn register_events(
    t: &Transaction<'_>,
    group: &PublicationGroup,
    known: &mut HashSet<(OrganizerId, EventSlug)>,
) -> Result<(), StoreError> {
    for publication in group.publications.iter().filter(|p| p.registers_event) {
        let Some(event) = &publication.event else {
            continue;
        };
        let key = (group.organizer, event.clone());
        if known.contains(&key) {
            continue;
        }
        t.prepare_cached(
            "INSERT INTO events (organizer, slug, name) VALUES (?1, ?2, ?2) ON CONFLICT DO NOTHING",
        )?
        .execute(params![group.organizer.0, event.as_str()])?;
        // Bounded: beyond this many it is cheaper to look than to remember.
        if known.len() >= 100_000 {
            known.clear();
        }
        known.insert(key);
    }
    Ok(())
}

/// Takes a group whole, or finds the place of the first conflicting key before anything is written.
fn take(
    t: &Transaction<'_>,
    group: &PublicationGroup,
    next: &mut i64,
) -> Result<GroupResult, StoreError> {
    if let Some(place) = conflict(t, group)? {
        return Ok(GroupResult::Conflict(place));
    }
    let mut answers = Vec::with_capacity(group.publications.len());
    for publication in &group.publications {
        let known = if let Some(key) = &publication.key {
            earlier(t, group.organizer, &key.text)?
        } else {
            None
        };
        answers.push(if let Some((_, notification)) = known {
            repeat(t, notification)?
        } else {
            let id = NotificationId(*next);
            *next += 1;
            publish(t, group.organizer, publication, id)?
        });
    }
    Ok(GroupResult::Taken(answers))
}

fn conflict(t: &Transaction<'_>, group: &PublicationGroup) -> Result<Option<usize>, StoreError> {
    let mut within = std::collections::HashMap::new();
    for (place, publication) in group.publications.iter().enumerate() {
        let Some(key) = &publication.key else {
            continue;
        };
        if *within.entry(key.text.as_str()).or_insert(key.content) != key.content {
            return Ok(Some(place));
        }
        if let Some((content, _)) = earlier(t, group.organizer, &key.text)?
            && content != key.content
        {
            return Ok(Some(place));
        }
    }
    Ok(None)
}

fn earlier(
    t: &Transaction<'_>,
    organizer: OrganizerId,
    key: &str,
) -> Result<Option<(Vec<u8>, i64)>, StoreError> {
    let mut statement = t.prepare_cached(
        "SELECT content, notification FROM publication_keys WHERE organizer = ?1 AND text = ?2",
    )?;
    Ok(statement
        .query_row(params![organizer.0, key], |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?)
}

fn repeat(t: &Transaction<'_>, notification: i64) -> Result<StoredPublication, StoreError> {
    let mut statement = t.prepare_cached(
        "SELECT id, action_type, event, published_at, deliveries FROM notifications WHERE id = ?1",
    )?;
    let mut rows = statement.query([notification])?;
    let row = rows.next()?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    let cells = Cells::new(row, "notifications");
    Ok(StoredPublication {
        id: NotificationId(cells.get("id")?),
        action_type: cells.parse("action_type")?,
        event: cells.parse_some("event")?,
        at: cells.time("published_at")?,
        deliveries: cells.get("deliveries")?,
        body: None,
    })
}

fn publish(
    t: &Transaction<'_>,
    organizer: OrganizerId,
    publication: &Publication,
    id: NotificationId,
) -> Result<StoredPublication, StoreError> {
    let body: Bytes = publication.body.clone().render(id);
    let at = micros(publication.at);
    t.prepare_cached(
        "INSERT INTO notifications (id, organizer, action_type, event, published_at, shape, body, subject, deliveries,
           data, audience)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        id.0,
        organizer.0,
        publication.action_type.as_str(),
        publication.event.as_ref().map(EventSlug::as_str),
        at,
        publication.shape.as_str(),
        &body[..],
        publication.subject,
        publication.webhooks.len(),
        publication.data,
        audience_cell(publication.audience),
    ])?;
    let mut owe = t.prepare_cached(
        "INSERT INTO deliveries (webhook, notification, attempts, tries, started_at, due_at)
         VALUES (?1, ?2, 0, 0, ?3, ?3)",
    )?;
    for webhook in &publication.webhooks {
        owe.execute([webhook.0, id.0, at])?;
    }
    if let Some(key) = &publication.key {
        t.prepare_cached(
            "INSERT INTO publication_keys (organizer, text, content, notification, used_at)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![organizer.0, key.text, &key.content[..], id.0, at])?;
    }
    Ok(StoredPublication {
        id,
        action_type: publication.action_type.clone(),
        event: publication.event.clone(),
        at: publication.at,
        deliveries: publication.webhooks.len(),
        body: Some(body),
    })
}

fn settle(
    t: &Transaction<'_>,
    settlement: &Settlement,
    now: Timestamp,
    erased: &HashSet<NotificationId>,
    tallies: &mut Tallies,
) -> Result<(), StoreError> {
    let webhook = settlement.webhook;
    match &settlement.verdict {
        Verdict::Attempted { attempt, follows } => {
            if record(t, attempt, erased.contains(&attempt.notification))? {
                tallies.add(attempt);
            }
            match follows {
                Some(DeliveryUpdate::Ends {
                    how,
                    attempts,
                    started_at,
                }) => {
                    let at = Timestamp::from_microsecond(attempt.id.0).unwrap_or(now);
                    let reason =
                        (*how == SettlementKind::GivenUp).then_some("its twelve tries are used up");
                    let end = End {
                        how: *how,
                        at,
                        attempts: Some(*attempts),
                        started_at: Some(*started_at),
                        reason,
                    };
                    end.write(t, webhook, attempt.notification)?;
                }
                Some(DeliveryUpdate::Waits(progress)) => {
                    wait(t, webhook, attempt.notification, progress)?
                }
                None => {}
            }
        }
        Verdict::Expired(notification) => {
            let end = End {
                how: SettlementKind::GivenUp,
                at: now,
                attempts: None,
                started_at: None,
                reason: Some("its three days are over"),
            };
            end.write(t, webhook, *notification)?;
        }
    }
    if let Some(health) = &settlement.health {
        remember(t, webhook, health)?;
    }
    let alert = settlement.alert;
    match (settlement.disable, &settlement.verdict) {
        (Some(_), Verdict::Expired(_)) => {
            disable_never_succeeded(t, webhook, now)?;
        }
        (Some(reason), Verdict::Attempted { .. }) => {
            disable(t, webhook, reason, alert, now)?;
        }
        (None, _) => {
            if let Some(kind) = alert {
                super::alerts::queue(t, webhook, kind, now)?;
            }
        }
    }
    Ok(())
}

/// Whether it is new: one that comes twice changes nothing. `erased`: the notification was blanked while the attempt was
/// under way, and so is what was answered to it.
fn record(t: &Transaction<'_>, attempt: &Attempt, erased: bool) -> Result<bool, StoreError> {
    let exchange = &attempt.exchange;
    let (failure, reason) = match &exchange.outcome {
        Outcome::Answered { .. } => (None, None),
        Outcome::Failed { failure, reason } => (Some(failure.as_str()), Some(reason.as_str())),
    };
    let of_test = |text: &'_ str| attempt.test.then(|| text.to_owned());
    let new = t.prepare_cached(
        "INSERT OR IGNORE INTO attempts (webhook, id, notification, action_type, event, target_url, number, started_at,
           duration_us, return_code, failure, reason, request_headers, response_headers, payload, response_body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
    )?
    .execute(params![
        attempt.webhook.0,
        attempt.id.0,
        attempt.notification.0,
        of_test(attempt.action_type.as_str()),
        attempt.event.as_ref().and_then(|e| of_test(e.as_str())),
        attempt.target_url,
        attempt.number,
        micros(exchange.started_at),
        i64::try_from(exchange.duration.as_micros()).unwrap_or(i64::MAX),
        exchange.outcome.return_code(),
        failure,
        reason,
        exchange.request_headers,
        Some(exchange.response_headers.as_str())
            .filter(|_| !erased)
            .unwrap_or_default(),
        attempt.payload.as_deref().filter(|_| !erased),
        Some(&exchange.response_body[..]).filter(|b| !b.is_empty() && !erased),
    ])?;
    Ok(new > 0)
}

/// The end of a delivery.
struct End<'a> {
    how: SettlementKind,
    at: Timestamp,
    attempts: Option<u32>,
    started_at: Option<Timestamp>,
    reason: Option<&'a str>,
}

impl End<'_> {
    /// Settles a delivery that still waits, and was not begun anew meanwhile.
    fn write(
        &self,
        t: &Transaction<'_>,
        webhook: WebhookId,
        notification: NotificationId,
    ) -> Result<(), StoreError> {
        t.prepare_cached(
            "UPDATE deliveries SET attempts = coalesce(?3, attempts), settled_at = ?4, how = ?5, reason = ?6
             WHERE webhook = ?1 AND notification = ?2 AND settled_at IS NULL AND started_at = coalesce(?7, started_at)",
        )?
        .execute(params![
            webhook.0,
            notification.0,
            self.attempts,
            micros(self.at),
            self.how.as_str(),
            self.reason,
            self.started_at.map(micros),
        ])?;
        Ok(())
    }
}

fn wait(
    t: &Transaction<'_>,
    webhook: WebhookId,
    notification: NotificationId,
    progress: &Progress,
) -> Result<(), StoreError> {
    t.prepare_cached(
        "UPDATE deliveries SET attempts = ?3, tries = ?4, due_at = ?5
         WHERE webhook = ?1 AND notification = ?2 AND settled_at IS NULL AND started_at = ?6",
    )?
    .execute(params![
        webhook.0,
        notification.0,
        progress.attempts,
        progress.tries,
        micros(progress.due_at),
        micros(progress.started_at),
    ])?;
    Ok(())
}

pub(super) fn remember(
    t: &Transaction<'_>,
    webhook: WebhookId,
    health: &LaneHealth,
) -> Result<(), StoreError> {
    let wait = health
        .probing
        .map(|p| u32::try_from(p.wait.as_millis()).unwrap_or(u32::MAX));
    t.prepare_cached(
        "INSERT OR REPLACE INTO lanes (webhook, failures, failing_since, first_failed, several, probing_since, probe_at,
           probe_wait_ms, paused_until, last_success_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        webhook.0,
        health.consecutive_failures(),
        health.streak.map(|s| micros(s.since)),
        health.streak.map(|s| s.first.0),
        health.streak.is_some_and(|s| s.several),
        health.probing.map(|p| micros(p.since)),
        health.probing.map(|p| micros(p.next_at)),
        wait,
        health.paused_until.map(micros),
        health.last_success_at.map(micros),
    ])?;
    Ok(())
}

/// Switches a webhook off, and queues the one alert of that; returns whether it was on.
fn disable(
    t: &Transaction<'_>,
    webhook: WebhookId,
    reason: DisableReason,
    alert: Option<AlertKind>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let organizer: Option<i64> = t
        .query_row(
            "UPDATE webhooks SET disabled_at = ?2, disabled_reason = ?3 WHERE id = ?1 AND disabled_at IS NULL
             RETURNING organizer",
            params![webhook.0, micros(now), reason.as_str()],
            |r| r.get(0),
        )
        .optional()?;
    let Some(organizer) = organizer.map(OrganizerId) else {
        return Ok(false);
    };
    super::registry::touch_organizer(t, organizer)?;
    super::silences::begin(t, webhook)?;
    super::news::owe(t, webhook, WebhookChange::Updated, now)?;
    let data = serde_json::json!({"id": webhook, "enabled": false, "reason": reason.as_str()});
    let note = NewAuditEntry {
        actor: Actor::Server,
        action: "pretix.webhook.changed",
        data,
        at: now,
    };
    super::registry::write_note(t, Some(organizer), &note)?;
    if let Some(kind) = alert {
        super::alerts::queue(t, webhook, kind, now)?;
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
