//! Removing what is past its retention, in batches.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Transaction, params};

use super::notification_rows::first_since;
use super::rows::micros;
use super::{SqliteStore, StoreError};
use crate::store::{MAX_BATCH_ROWS, RetentionStore};

/// How long a publication's idempotency key holds.
const KEYS_KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

impl RetentionStore for SqliteStore {
    fn prune(&self, before: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
        self.write_gathered();
        self.write(|t| {
            let attempts = prune_by_time(t, "attempts", "id", micros(before))?;
            let tallies = prune_by_time(t, "tallies", "half_hour", super::attempt_stats::half_hour(before))?;
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
            let opened = super::session_store::prune(t, now)?;
            super::disabled_intervals::prune(t)?;
            let counts = [attempts, tallies, notifications, keys, answers, alerts, letters, opened];
            Ok(counts.iter().any(|n| *n >= MAX_BATCH_ROWS))
        })
    }
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
