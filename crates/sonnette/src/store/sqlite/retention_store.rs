//! Removal of old rows, in batches.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension, Transaction, params};

use super::log_retention::{LogPruneCursors, MAX_STATEMENT_ROWS, MAX_STEP_TIME, prune_by_time};
use super::notification_rows::first_id_since;
use super::table_row::to_micros;
use super::{SqliteStore, StoreError};
use crate::clock::{Clock as _, SystemClock};
use crate::store::{MAX_BATCH_ROWS, RetentionStore};

/// How long the idempotency key of a publication is stored.
const IDEMPOTENCY_KEY_LIFETIME: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How far each table was looked through. The next round begins where the last one ended.
#[derive(Default)]
pub(super) struct PruneCursors {
    log: LogPruneCursors,
    /// The last webhook whose statistics were removed.
    stats: i64,
    /// The last notification that was looked at.
    notifications: i64,
}

impl RetentionStore for SqliteStore {
    fn prune(&self, before: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
        self.flush_stats();
        let mut cursors = self.prune_cursors.lock();
        let PruneCursors {
            log,
            stats,
            notifications,
        } = &mut *cursors;
        let half_hour = super::attempt_stats::half_hour(before);
        let week = now
            .saturating_sub(IDEMPOTENCY_KEY_LIFETIME)
            .unwrap_or(Timestamp::MIN);
        // Each step is a transaction of its own, so that publications wait for one at most.
        let mut has_more = self.prune_log(to_micros(before), to_micros(now), log)?;
        has_more |= self.write(|t| prune_by_time(t, "tallies", "half_hour", half_hour, stats))?;
        // The response to a repeated key is read from its notification, which is therefore kept as long.
        has_more |= self.write(|t| prune_notifications(t, before.min(week), notifications))?;
        has_more |= self.write(|t| Ok(prune_keys(t, week)? >= MAX_BATCH_ROWS))?;
        has_more |= self.write(|t| prune_small_tables(t, before, now))?;
        // A notification that is older is removed from a restored backup too.
        self.erasure_journal.prune(before.min(week))?;
        Ok(has_more)
    }

    fn trusted_time(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(|c| {
            let sql = "SELECT trusted_at FROM clock WHERE typeof(trusted_at) = 'integer'";
            let micros: Option<i64> = c.query_row(sql, [], |r| r.get(0)).optional()?;
            Ok(micros.and_then(|micros| Timestamp::from_microsecond(micros).ok()))
        })
    }

    fn record_trusted_time(&self, now: Timestamp) -> Result<(), StoreError> {
        self.write(|t| {
            t.prepare_cached("INSERT OR REPLACE INTO clock (id, trusted_at) VALUES (1, ?1)")?
                .execute([to_micros(now)])?;
            Ok(())
        })
    }
}

fn prune_small_tables(
    t: &Transaction<'_>,
    before: Timestamp,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let day = to_micros(now) - 86_400_000_000;
    let responses = t.execute(
        "DELETE FROM kept_answers WHERE key IN (SELECT key FROM kept_answers WHERE kept_at < ?1 LIMIT ?2)",
        params![day, MAX_STATEMENT_ROWS],
    )?;
    let alerts = t.execute(
        "DELETE FROM alerts WHERE id IN (SELECT id FROM alerts WHERE at < ?1 LIMIT ?2)",
        params![to_micros(before), MAX_STATEMENT_ROWS],
    )?;
    let account_emails = t.execute(
        "DELETE FROM letters WHERE id IN (SELECT id FROM letters WHERE at < ?1 LIMIT ?2)",
        params![to_micros(before), MAX_STATEMENT_ROWS],
    )?;
    let expired = super::session_store::prune(t, now)?;
    super::disabled_intervals::prune(t)?;
    let counts = [responses, alerts, account_emails];
    Ok(expired >= MAX_BATCH_ROWS || counts.iter().any(|n| *n >= MAX_STATEMENT_ROWS))
}

/// Removes idempotency keys that were used before `before`.
fn prune_keys(t: &Transaction<'_>, before: Timestamp) -> Result<usize, StoreError> {
    let mut old = t.prepare_cached(
        "SELECT organizer, text FROM publication_keys
         WHERE used_at < ?1 AND typeof(organizer) = 'integer' AND typeof(text) = 'text' LIMIT ?2",
    )?;
    let keys: Vec<(i64, String)> = old
        .query_map(params![to_micros(before), MAX_BATCH_ROWS], |r| {
            Ok((r.get(0)?, r.get(1)?))
        })?
        .collect::<Result<_, _>>()?;
    // One by one: SQLite uses only the first column of the index for a list of pairs.
    let mut remove =
        t.prepare_cached("DELETE FROM publication_keys WHERE organizer = ?1 AND text = ?2")?;
    for key in &keys {
        remove.execute(params![key.0, key.1])?;
    }
    Ok(keys.len())
}

/// Removes old notifications whose deliveries were all settled before `before`, with these deliveries. Continues after the
/// notification `cursor`; returns whether there are more old notifications.
fn prune_notifications(
    t: &Transaction<'_>,
    before: Timestamp,
    cursor: &mut i64,
) -> Result<bool, StoreError> {
    // Without a last id it would scan all younger notifications if none is old.
    let end = first_id_since(t, Some(before))?;
    // Its time of publication is too early if the clock was behind.
    let oldest_key = t
        .prepare_cached(
            "SELECT notification FROM publication_keys
             WHERE typeof(notification) = 'integer' ORDER BY used_at LIMIT 1",
        )?
        .query_row([], |r| r.get(0))
        .optional()?;
    let end = oldest_key.map_or(end, |oldest: i64| end.min(oldest));
    let mut old = t.prepare_cached(
        "SELECT id, organizer FROM notifications
         WHERE id > ?3 AND id < ?1 AND published_at < ?2 AND typeof(organizer) = 'integer' ORDER BY id",
    )?;
    let mut webhooks = t.prepare_cached(
        "SELECT w.id, d.webhook IS NOT NULL AND coalesce(d.settled_at >= ?3, 1) FROM webhooks w
         LEFT JOIN deliveries d ON d.webhook = w.id AND d.notification = ?1 WHERE w.organizer = ?2",
    )?;
    let mut remove_delivery =
        t.prepare_cached("DELETE FROM deliveries WHERE webhook = ?1 AND notification = ?2")?;
    let mut remove = t.prepare_cached("DELETE FROM notifications WHERE id = ?1")?;
    let began = SystemClock.instant();
    let mut rows = old.query(params![end, to_micros(before), *cursor])?;
    while let Some(row) = rows.next()? {
        let (id, organizer): (i64, i64) = (row.get(0)?, row.get(1)?);
        *cursor = id;
        let deliveries: Vec<(i64, bool)> = webhooks
            .query_map(params![id, organizer, to_micros(before)], |r| {
                Ok((r.get(0)?, r.get(1)?))
            })?
            .collect::<Result<_, _>>()?;
        // A delivery that was resent later is kept as long as any other.
        if !deliveries.iter().any(|(_, is_needed)| *is_needed) {
            for (webhook, _) in &deliveries {
                remove_delivery.execute([*webhook, id])?;
            }
            remove.execute([id])?;
        }
        if began.elapsed() >= MAX_STEP_TIME {
            return Ok(true);
        }
    }
    *cursor = 0;
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::NotificationId;
    use crate::store::sqlite::erasure_journal::{self, Erasure};

    #[test]
    fn an_erasure_is_in_the_journal_for_two_weeks_or_a_week_longer_than_the_log() {
        let erased_at: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        for (log_days, kept_days) in [(1, 14), (7, 14), (8, 15), (30, 37)] {
            let directory = tempfile::tempdir().unwrap();
            let store = SqliteStore::open(directory.path()).unwrap();
            let erasure = Erasure {
                organizer: "6a0e6b7c-7a1b-4c64-9a39-8f2f2c1d9e10",
                subject: "ada@example.org",
                last_notification: NotificationId(1_234_567),
            };
            store.erasure_journal.record(&erasure, erased_at).unwrap();
            let bytes = directory.path().join("erasures.log").metadata().unwrap();
            assert!((120..140).contains(&bytes.len()));
            let entries_at = |now: Timestamp| {
                let before = now - SignedDuration::from_hours(24 * log_days);
                store.prune(before, now).unwrap();
                let journal = erasure_journal::read(directory.path()).unwrap();
                journal.unwrap().1.len()
            };
            let end = erased_at + SignedDuration::from_hours(24 * kept_days);
            assert_eq!(entries_at(end), 1, "{log_days} days");
            assert_eq!(entries_at(end + SignedDuration::from_secs(1)), 0);
        }
    }
}
