//! What people, and a change of state, do to waiting deliveries: in bites.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::rows::{self, Cells, WAITING, micros};
use super::{SqliteStore, StoreError};
use crate::domain::{Delivery, DeliveryState, LIFETIME, NotificationId, SettlementKind, WebhookId};
use crate::store::{
    DeliveryAdmin, DeliveryStateFilter, MAX_BATCH_ROWS, PendingDelivery, TimeRange,
};

/// How long a publication's idempotency key holds.
const KEYS_KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Deliveries looked at in search of those nobody took, before others may have the connection.
const LOOKED_AT: usize = 10 * MAX_BATCH_ROWS;

impl DeliveryAdmin for SqliteStore {
    fn make_due(&self, webhook: WebhookId, now: Timestamp) -> Result<usize, StoreError> {
        self.write(|t| {
            Ok(t.prepare_cached(
                "UPDATE deliveries SET due_at = min(started_at, ?2) WHERE webhook = ?1 AND notification IN (
                   SELECT notification FROM deliveries INDEXED BY deliveries_waiting
                   WHERE webhook = ?1 AND settled_at IS NULL AND due_at > ?2 LIMIT ?3)",
            )?
            .execute(params![webhook.0, micros(now), MAX_BATCH_ROWS])?)
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
            .execute(params![webhook.0, micros(now), reason, MAX_BATCH_ROWS])?)
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
            .execute(params![webhook.0, micros(now), micros(began), MAX_BATCH_ROWS])?)
        })
    }

    fn disable_never_succeeded(
        &self,
        webhook: WebhookId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write(|t| super::commit::disable_never_succeeded(t, webhook, now))
    }

    fn backlog(&self, webhook: WebhookId) -> Result<(u64, Option<Timestamp>), StoreError> {
        self.read(|c| {
            let (count, oldest): (u64, Option<i64>) = c
                .prepare_cached(
                    "SELECT count(*), min(started_at) FROM deliveries INDEXED BY deliveries_waiting
                     WHERE webhook = ?1 AND settled_at IS NULL",
                )?
                .query_row([webhook.0], |r| Ok((r.get(0)?, r.get(1)?)))?;
            Ok((
                count,
                oldest.and_then(|o| Timestamp::from_microsecond(o).ok()),
            ))
        })
    }

    fn resend(
        &self,
        webhook: WebhookId,
        notification: NotificationId,
        now: Timestamp,
    ) -> Result<Option<PendingDelivery>, StoreError> {
        self.write(|t| {
            again(t, webhook, notification, now, "")?;
            waiting(t, webhook, notification)
        })
    }

    fn resend_undelivered(
        &self,
        webhook: WebhookId,
        span: TimeRange,
        only: Option<DeliveryStateFilter>,
        after: Option<NotificationId>,
        now: Timestamp,
        dry_run: bool,
    ) -> Result<(u64, Option<NotificationId>), StoreError> {
        // Looking may take long where nearly all was delivered: the writer is not kept from others by it.
        let (seen, more) = self.read(|c| {
            let from = match after {
                Some(after) => after.0,
                None => first_since(c, span.since)? - 1,
            };
            undelivered(c, webhook, from)
        })?;
        let wanted: Vec<_> = seen
            .into_iter()
            .filter(|seen| {
                span.since.is_none_or(|s| seen.published_at >= micros(s))
                    && span.until.is_none_or(|u| seen.published_at <= micros(u))
                    && only.is_none_or(|o| o == seen.word)
            })
            .map(|seen| seen.notification)
            .collect();
        if dry_run || wanted.is_empty() {
            return Ok((wanted.len() as u64, more));
        }
        self.write(|t| {
            let mut count = 0;
            for notification in &wanted {
                // One that a receiver took meanwhile stays delivered.
                count += again(t, webhook, *notification, now, "AND how IS NOT 'delivered'")?;
            }
            Ok((count as u64, more))
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
        self.write_gathered();
        self.write(|t| {
            let attempts = prune_by_time(t, "attempts", "id", micros(before))?;
            let tallies = prune_by_time(t, "tallies", "half_hour", super::tallies::half_hour(before))?;
            let week = now.saturating_sub(KEYS_KEPT).unwrap_or(Timestamp::MIN);
            // A repeated key is answered from its notification, which therefore stays as long.
            let notifications = prune_notifications(t, before.min(week))?;
            let keys = prune_keys(t, week)?;
            let day = micros(now) - 86_400_000_000;
            let answers = t.execute(
                "DELETE FROM kept_answers WHERE key IN (SELECT key FROM kept_answers WHERE kept_at < ?1 LIMIT ?2)",
                params![day, MAX_BATCH_ROWS],
            )?;
            let alerts = t.execute(
                "DELETE FROM alerts WHERE id IN (SELECT id FROM alerts WHERE at < ?1 LIMIT ?2)",
                params![micros(before), MAX_BATCH_ROWS],
            )?;
            let letters = t.execute(
                "DELETE FROM letters WHERE id IN (SELECT id FROM letters WHERE at < ?1 LIMIT ?2)",
                params![micros(before), MAX_BATCH_ROWS],
            )?;
            let opened = super::sessions::prune(t, now)?;
            super::silences::prune(t)?;
            let counts = [attempts, tallies, notifications, keys, answers, alerts, letters, opened];
            Ok(counts.iter().any(|n| *n >= MAX_BATCH_ROWS))
        })
    }
}

/// Due now; a settled one begins anew. Returns how many rows that were: one or none.
fn again(
    t: &Transaction<'_>,
    webhook: WebhookId,
    notification: NotificationId,
    now: Timestamp,
    condition: &str,
) -> Result<usize, StoreError> {
    let sql = format!(
        "UPDATE deliveries SET
           tries = iif(settled_at IS NULL, tries, 0), started_at = iif(settled_at IS NULL, started_at, ?3),
           due_at = iif(settled_at IS NULL, min(due_at, ?3), ?3), settled_at = NULL, how = NULL, reason = NULL
         WHERE webhook = ?1 AND notification = ?2 {condition}
           AND EXISTS (SELECT 1 FROM notifications WHERE id = ?2 AND length(body) > 0)"
    );
    Ok(t.prepare_cached(&sql)?
        .execute([webhook.0, notification.0, micros(now)])?)
}

fn waiting(
    c: &Connection,
    webhook: WebhookId,
    notification: NotificationId,
) -> Result<Option<PendingDelivery>, StoreError> {
    let mut statement = c.prepare_cached(&format!(
        "SELECT {WAITING} FROM deliveries d JOIN notifications n ON n.id = d.notification
         WHERE d.webhook = ?1 AND d.notification = ?2 AND d.settled_at IS NULL"
    ))?;
    let mut rows = statement.query([webhook.0, notification.0])?;
    rows.next()?.map(rows::waiting).transpose()
}

/// A delivery that nobody took, so far or for good.
struct Undelivered {
    notification: NotificationId,
    published_at: i64,
    word: DeliveryStateFilter,
}

/// Those of a webhook's deliveries, after a notification, that nobody took: at most [`MAX_BATCH_ROWS`]; and, unless that was the
/// end, where to go on.
fn undelivered(
    c: &Connection,
    webhook: WebhookId,
    from: i64,
) -> Result<(Vec<Undelivered>, Option<NotificationId>), StoreError> {
    let mut statement = c.prepare_cached(
        "SELECT notification, settled_at, how FROM deliveries WHERE webhook = ?1 AND notification > ?2
         ORDER BY notification LIMIT ?3",
    )?;
    let mut published_at = c.prepare_cached(
        "SELECT published_at FROM notifications WHERE id = ?1 AND length(body) > 0",
    )?;
    let mut rows = statement.query(params![webhook.0, from, LOOKED_AT])?;
    let mut seen = Vec::new();
    let mut looked = 0;
    while let Some(row) = rows.next()? {
        let cells = Cells::new(row, "deliveries");
        let notification = NotificationId(cells.get("notification")?);
        let word = match cells.parse_some::<SettlementKind>("how")? {
            None => DeliveryStateFilter::Waiting,
            Some(how) => DeliveryStateFilter::Settled(how),
        };
        looked += 1;
        // Of what was erased there is nothing left to send.
        if word != DeliveryStateFilter::Settled(SettlementKind::Delivered)
            && let Some(published_at) = published_at
                .query_row([notification.0], |r| r.get(0))
                .optional()?
        {
            seen.push(Undelivered {
                notification,
                published_at,
                word,
            });
        }
        if seen.len() == MAX_BATCH_ROWS || looked == LOOKED_AT {
            return Ok((seen, Some(notification)));
        }
    }
    Ok((seen, None))
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

/// Removes what came before a time from a table whose key is a webhook and that time: each webhook's old rows are the
/// beginning of its stretch of keys.
fn prune_by_time(
    t: &Transaction<'_>,
    table: &str,
    time: &str,
    before: i64,
) -> Result<usize, StoreError> {
    let mut next = t.prepare_cached(&format!(
        "SELECT min(webhook) FROM {table} WHERE webhook > ?1"
    ))?;
    let mut remove = t.prepare_cached(&format!(
        "DELETE FROM {table} WHERE webhook = ?1 AND {time} IN (
           SELECT {time} FROM {table} WHERE webhook = ?1 AND {time} < ?2 LIMIT ?3)"
    ))?;
    let (mut webhook, mut removed) = (i64::MIN, 0);
    while removed < MAX_BATCH_ROWS {
        let Some(found) = next.query_row([webhook], |r| r.get::<_, Option<i64>>(0))? else {
            break;
        };
        webhook = found;
        removed += remove.execute(params![webhook, before, MAX_BATCH_ROWS - removed])?;
    }
    Ok(removed)
}

/// Keys that no longer hold.
fn prune_keys(t: &Transaction<'_>, before: Timestamp) -> Result<usize, StoreError> {
    let mut old = t.prepare_cached(
        "SELECT organizer, text FROM publication_keys WHERE used_at < ?1 LIMIT ?2",
    )?;
    let keys: Vec<(i64, String)> = old
        .query_map(params![micros(before), MAX_BATCH_ROWS], |r| {
            Ok((r.get(0)?, r.get(1)?))
        })?
        .collect::<Result<_, _>>()?;
    // One at a time: a pair is not looked up by both of its parts in a list of pairs.
    let mut remove =
        t.prepare_cached("DELETE FROM publication_keys WHERE organizer = ?1 AND text = ?2")?;
    for key in &keys {
        remove.execute(params![key.0, key.1])?;
    }
    Ok(keys.len())
}

/// Old notifications of which nothing waits any more, and their deliveries. One that many webhooks may have heard counts
/// as many rows.
fn prune_notifications(t: &Transaction<'_>, before: Timestamp) -> Result<usize, StoreError> {
    // Without a last id it would look through all that is young enough each time that nothing is old.
    let end = first_since(t, Some(before))?;
    let mut old = t.prepare_cached(
        "SELECT id, organizer FROM notifications WHERE id < ?1 AND published_at < ?2 ORDER BY id",
    )?;
    let mut webhooks = t.prepare_cached(
        "SELECT w.id, d.webhook IS NOT NULL AND coalesce(d.settled_at >= ?3, 1) FROM webhooks w
         LEFT JOIN deliveries d ON d.webhook = w.id AND d.notification = ?1 WHERE w.organizer = ?2",
    )?;
    let mut remove_delivery =
        t.prepare_cached("DELETE FROM deliveries WHERE webhook = ?1 AND notification = ?2")?;
    let mut remove = t.prepare_cached("DELETE FROM notifications WHERE id = ?1")?;
    let mut rows = old.query(params![end, micros(before)])?;
    let mut work = 0;
    while work < MAX_BATCH_ROWS
        && let Some(row) = rows.next()?
    {
        let (id, organizer): (i64, i64) = (row.get(0)?, row.get(1)?);
        let told: Vec<(i64, bool)> = webhooks
            .query_map(params![id, organizer, micros(before)], |r| {
                Ok((r.get(0)?, r.get(1)?))
            })?
            .collect::<Result<_, _>>()?;
        // What was sent again by hand is in the log for as long as everything else.
        if told.iter().any(|(_, waits_or_is_young)| *waits_or_is_young) {
            continue;
        }
        for (webhook, _) in &told {
            remove_delivery.execute([*webhook, id])?;
        }
        remove.execute([id])?;
        work += 1 + told.len();
    }
    Ok(work)
}
