//! What people, and a change of state, do to waiting deliveries: in bites.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::rows::{self, Cells, micros};
use super::{SqliteStore, StoreError};
use crate::domain::{Delivery, DeliveryState, LIFETIME, NotificationId, Settled, WebhookId};
use crate::store::{BITE, Control, DeliveryWord, Span, Waiting};

impl Control for SqliteStore {
    fn make_due(&self, webhook: WebhookId, now: Timestamp) -> Result<usize, StoreError> {
        self.write(|t| {
            Ok(t.prepare_cached(
                "UPDATE deliveries SET due_at = min(started_at, ?2) WHERE webhook = ?1 AND notification IN (
                   SELECT notification FROM deliveries INDEXED BY deliveries_waiting
                   WHERE webhook = ?1 AND settled_at IS NULL AND due_at > ?2 LIMIT ?3)",
            )?
            .execute(params![webhook.0, micros(now), BITE])?)
        })
    }

    fn drop_waiting(
        &self,
        webhook: WebhookId,
        now: Timestamp,
        reason: &str,
    ) -> Result<usize, StoreError> {
        self.write(|t| {
            Ok(t.prepare_cached(
                "UPDATE deliveries SET settled_at = ?2, how = 'dropped', reason = ?3 WHERE webhook = ?1 AND notification IN (
                   SELECT notification FROM deliveries INDEXED BY deliveries_waiting
                   WHERE webhook = ?1 AND settled_at IS NULL LIMIT ?4)",
            )?
            .execute(params![webhook.0, micros(now), reason, BITE])?)
        })
    }

    fn expire(&self, webhook: WebhookId, now: Timestamp) -> Result<usize, StoreError> {
        let began = now.saturating_sub(LIFETIME).unwrap_or(Timestamp::MIN);
        self.write(|t| {
            Ok(t.prepare_cached(
                "UPDATE deliveries SET settled_at = ?2, how = 'given_up', reason = 'its three days are over'
                 WHERE webhook = ?1 AND notification IN (
                   SELECT notification FROM deliveries INDEXED BY deliveries_waiting
                   WHERE webhook = ?1 AND settled_at IS NULL AND due_at <= ?3 AND started_at <= ?3 LIMIT ?4)",
            )?
            .execute(params![webhook.0, micros(now), micros(began), BITE])?)
        })
    }

    fn disable_barren(&self, webhook: WebhookId, now: Timestamp) -> Result<bool, StoreError> {
        self.write(|t| super::commit::disable_barren(t, webhook, now))
    }

    fn backlog(&self, webhook: WebhookId) -> Result<(u64, Option<Timestamp>), StoreError> {
        self.read(|c| {
            let (count, oldest): (u64, Option<i64>) = c
                .prepare_cached(
                    "SELECT count(*), min(started_at) FROM deliveries WHERE webhook = ?1 AND settled_at IS NULL",
                )?
                .query_row([webhook.0], |r| Ok((r.get(0)?, r.get(1)?)))?;
            Ok((count, oldest.and_then(|o| Timestamp::from_microsecond(o).ok())))
        })
    }

    fn resend(
        &self,
        webhook: WebhookId,
        notification: NotificationId,
        now: Timestamp,
    ) -> Result<Option<Waiting>, StoreError> {
        self.write(|t| {
            again(t, webhook, notification, now)?;
            waiting(t, webhook, notification)
        })
    }

    fn resend_undelivered(
        &self,
        webhook: WebhookId,
        span: Span,
        only: Option<DeliveryWord>,
        after: Option<NotificationId>,
        now: Timestamp,
        dry_run: bool,
    ) -> Result<(u64, Option<NotificationId>), StoreError> {
        self.write(|t| {
            let from = match after {
                Some(after) => after.0,
                None => first_since(t, span.since)? - 1,
            };
            let seen = undelivered(t, webhook, from)?;
            let mut count = 0;
            for (notification, published_at, word) in &seen {
                let inside = span.since.is_none_or(|s| *published_at >= micros(s))
                    && span.until.is_none_or(|u| *published_at <= micros(u));
                if inside && only.is_none_or(|o| o == *word) {
                    count += 1;
                    if !dry_run {
                        again(t, webhook, *notification, now)?;
                    }
                }
            }
            let more = (seen.len() == BITE)
                .then(|| seen.last().map(|s| s.0))
                .flatten();
            Ok((count, more))
        })
    }

    fn replay(
        &self,
        notification: NotificationId,
        webhooks: &[WebhookId],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(|t| {
            for webhook in webhooks {
                t.prepare_cached(
                    "INSERT INTO deliveries (webhook, notification, attempts, tries, started_at, due_at)
                     VALUES (?1, ?2, 0, 0, ?3, ?3)
                     ON CONFLICT DO UPDATE SET tries = 0, started_at = ?3, due_at = ?3, settled_at = NULL, how = NULL,
                       reason = NULL",
                )?
                .execute([webhook.0, notification.0, micros(now)])?;
            }
            Ok(())
        })
    }

    fn delivery(
        &self,
        webhook: WebhookId,
        notification: NotificationId,
    ) -> Result<Option<Delivery>, StoreError> {
        self.read(|c| delivery(c, webhook, notification))
    }

    fn prune(&self, before: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
        self.write(|t| {
            let attempts = prune_attempts(t, before)?;
            let notifications = prune_notifications(t, before)?;
            let week = micros(now) - 7 * 86_400_000_000;
            let keys = t.execute(
                "DELETE FROM publication_keys WHERE (organizer, text) IN (
                   SELECT organizer, text FROM publication_keys WHERE used_at < ?1 LIMIT ?2)",
                params![week, BITE],
            )?;
            let day = micros(now) - 86_400_000_000;
            let answers = t.execute(
                "DELETE FROM kept_answers WHERE key IN (SELECT key FROM kept_answers WHERE kept_at < ?1 LIMIT ?2)",
                params![day, BITE],
            )?;
            let alerts = t.execute(
                "DELETE FROM alerts WHERE id IN (SELECT id FROM alerts WHERE at < ?1 LIMIT ?2)",
                params![micros(before), BITE],
            )?;
            super::silences::prune(t)?;
            Ok([attempts, notifications, keys, answers, alerts].iter().any(|n| *n >= BITE))
        })
    }
}

/// Due now; a settled one begins anew.
fn again(
    t: &Transaction<'_>,
    webhook: WebhookId,
    notification: NotificationId,
    now: Timestamp,
) -> Result<(), StoreError> {
    t.prepare_cached(
        "UPDATE deliveries SET
           tries = iif(settled_at IS NULL, tries, 0), started_at = iif(settled_at IS NULL, started_at, ?3),
           due_at = iif(settled_at IS NULL, min(due_at, ?3), ?3), settled_at = NULL, how = NULL, reason = NULL
         WHERE webhook = ?1 AND notification = ?2
           AND EXISTS (SELECT 1 FROM notifications WHERE id = ?2 AND length(body) > 0)",
    )?
    .execute([webhook.0, notification.0, micros(now)])?;
    Ok(())
}

fn waiting(
    c: &Connection,
    webhook: WebhookId,
    notification: NotificationId,
) -> Result<Option<Waiting>, StoreError> {
    let mut statement = c.prepare_cached(
        "SELECT n.id, n.organizer, n.action_type, n.event, n.published_at, n.shape, n.body,
           d.attempts, d.tries, d.started_at, d.due_at
         FROM deliveries d JOIN notifications n ON n.id = d.notification
         WHERE d.webhook = ?1 AND d.notification = ?2 AND d.settled_at IS NULL",
    )?;
    let mut rows = statement.query([webhook.0, notification.0])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    Ok(Some(Waiting {
        notification: rows::notification(Cells::new(row, "notifications"))?,
        progress: rows::progress(Cells::new(row, "deliveries"))?,
    }))
}

type Undelivered = (NotificationId, i64, DeliveryWord);

/// One bite of a webhook's deliveries that nobody took, after a notification, with their times of publication.
fn undelivered(
    t: &Transaction<'_>,
    webhook: WebhookId,
    from: i64,
) -> Result<Vec<Undelivered>, StoreError> {
    let mut statement = t.prepare_cached(
        "SELECT d.notification, n.published_at, d.how FROM deliveries d JOIN notifications n ON n.id = d.notification
         WHERE d.webhook = ?1 AND d.notification > ?2 AND d.how IS NOT 'delivered' AND length(n.body) > 0
         ORDER BY d.notification LIMIT ?3",
    )?;
    let mut rows = statement.query(params![webhook.0, from, BITE])?;
    let mut seen = Vec::new();
    while let Some(row) = rows.next()? {
        let cells = Cells::new(row, "deliveries");
        let word = cells
            .parse_some::<Settled>("how")?
            .map_or(DeliveryWord::Waiting, DeliveryWord::Settled);
        seen.push((
            NotificationId(cells.get("notification")?),
            cells.get("published_at")?,
            word,
        ));
    }
    Ok(seen)
}

/// About the first notification published since then, and never a later one: ids rise with time but for the order
/// within a commit, which a minute covers.
pub(super) fn first_since(c: &Connection, since: Option<Timestamp>) -> Result<i64, StoreError> {
    let Some(since) = since else { return Ok(0) };
    let since = micros(since) - 60_000_000;
    let mut probe = c.prepare_cached(
        "SELECT id, published_at FROM notifications WHERE id >= ?1 ORDER BY id LIMIT 1",
    )?;
    let newest: Option<i64> = c.query_row("SELECT max(id) FROM notifications", [], |r| r.get(0))?;
    let (mut low, mut high) = (0, newest.unwrap_or(0) + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let found: Option<(i64, i64)> = probe
            .query_row([middle], |r| Ok((r.get(0)?, r.get(1)?)))
            .optional()?;
        match found {
            Some((id, at)) if at < since => low = id + 1,
            _ => high = middle,
        }
    }
    Ok(low)
}

/// Columns: notification, `action_type`, event, attempts, `due_at`, `settled_at`, how, reason.
pub(super) fn delivery_of(cells: Cells<'_>, webhook: WebhookId) -> Result<Delivery, StoreError> {
    let state = match cells.time_some("settled_at")? {
        None => DeliveryState::Scheduled {
            due_at: cells.time("due_at")?,
        },
        Some(at) => DeliveryState::Settled {
            at,
            how: cells.parse("how")?,
            reason: cells.get("reason")?,
        },
    };
    Ok(Delivery {
        webhook,
        notification: NotificationId(cells.get("notification")?),
        action_type: cells.parse("action_type")?,
        event: cells.parse_some("event")?,
        attempts: cells.get("attempts")?,
        state,
    })
}

pub(super) fn delivery(
    c: &Connection,
    webhook: WebhookId,
    notification: NotificationId,
) -> Result<Option<Delivery>, StoreError> {
    let mut statement = c.prepare_cached(
        "SELECT d.notification, n.action_type, n.event, d.attempts, d.due_at, d.settled_at, d.how, d.reason
         FROM deliveries d JOIN notifications n ON n.id = d.notification
         WHERE d.webhook = ?1 AND d.notification = ?2",
    )?;
    let mut rows = statement.query([webhook.0, notification.0])?;
    rows.next()?
        .map(|row| delivery_of(Cells::new(row, "deliveries"), webhook))
        .transpose()
}

fn prune_attempts(t: &Transaction<'_>, before: Timestamp) -> Result<usize, StoreError> {
    // An attempt's id is its time, so each webhook's old ones are the beginning of its stretch of keys.
    let mut next = t.prepare_cached("SELECT min(webhook) FROM attempts WHERE webhook > ?1")?;
    let mut remove = t.prepare_cached(
        "DELETE FROM attempts WHERE webhook = ?1 AND id IN (
           SELECT id FROM attempts WHERE webhook = ?1 AND id < ?2 LIMIT ?3)",
    )?;
    let (mut webhook, mut removed) = (i64::MIN, 0);
    while removed < BITE {
        let Some(found) = next.query_row([webhook], |r| r.get::<_, Option<i64>>(0))? else {
            break;
        };
        webhook = found;
        removed += remove.execute(params![webhook, micros(before), BITE - removed])?;
    }
    Ok(removed)
}

/// Old notifications of which nothing waits any more, and their deliveries.
fn prune_notifications(t: &Transaction<'_>, before: Timestamp) -> Result<usize, StoreError> {
    let mut old = t.prepare_cached(
        "SELECT n.id FROM notifications n WHERE n.published_at < ?1 AND NOT EXISTS (
           SELECT 1 FROM webhooks w JOIN deliveries d ON d.webhook = w.id AND d.notification = n.id
           WHERE w.organizer = n.organizer AND d.settled_at IS NULL)
         ORDER BY n.id LIMIT ?2",
    )?;
    let ids: Vec<i64> = old
        .query_map(params![micros(before), BITE], |r| r.get(0))?
        .collect::<Result<_, _>>()?;
    let mut deliveries = t.prepare_cached(
        "DELETE FROM deliveries WHERE notification = ?1 AND webhook IN (
           SELECT w.id FROM webhooks w JOIN notifications n ON n.organizer = w.organizer WHERE n.id = ?1)",
    )?;
    let mut notification = t.prepare_cached("DELETE FROM notifications WHERE id = ?1")?;
    for id in &ids {
        deliveries.execute([id])?;
        notification.execute([id])?;
    }
    Ok(ids.len())
}
