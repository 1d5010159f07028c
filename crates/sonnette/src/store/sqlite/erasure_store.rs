//! Erasure of a person's data: the notifications of a subject and the responses to them.
//!
//! Deleted bytes are overwritten (`secure_delete`), and the write-ahead log, which holds earlier pages, is truncated.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::MutexGuard;
use rusqlite::{Transaction, params};

use super::audit_log::write_batch_entry;
use super::damage_log::DamageLog;
use super::erasure_journal::Erasure;
use super::log_segments::{self, LogSegment};
use super::table_row::to_micros;
use super::{SqliteStore, StoreError, Writer, begin};
use crate::clock::{Clock as _, SystemClock};
use crate::domain::{NotificationId, OrganizerId, SettlementReason, WebhookId};
use crate::store::{BatchAuditEntry, ErasureBatch, ErasureResult, ErasureStore};

/// How long one batch may hold the writer, about: publications wait for it.
const MAX_BATCH_TIME: Duration = Duration::from_millis(10);

/// The number of notifications that one batch looks for; each may have many attempts.
const MAX_BATCH_NOTIFICATIONS: usize = 200;

/// The number of erased notifications that are remembered for attempts in flight.
const MAX_REMEMBERED_NOTIFICATIONS: usize = 100_000;

/// Whose data is erased.
struct SubjectErasure<'a> {
    organizer: OrganizerId,
    subject: &'a str,
    /// The last notification that is erased.
    through: NotificationId,
    now: Timestamp,
    /// Webhooks whose lanes send nothing meanwhile.
    paused: &'a [WebhookId],
}

impl ErasureStore for SqliteStore {
    fn record_erasure(
        &self,
        organizer: OrganizerId,
        subject: &str,
        through: NotificationId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = "SELECT uuid FROM organizers WHERE id = ?1";
        let organizer: String =
            self.read(|c| Ok(c.query_row(sql, [organizer.0], |r| r.get(0))?))?;
        let erasure = Erasure {
            organizer: &organizer,
            subject,
            last_notification: through,
        };
        self.erasure_journal.record(&erasure, now)
    }

    fn erase_subject(
        &self,
        organizer: OrganizerId,
        subject: &str,
        through: NotificationId,
        now: Timestamp,
        paused: &[WebhookId],
        entry: &mut BatchAuditEntry,
    ) -> Result<ErasureBatch, StoreError> {
        let mut writer = self.writer.lock();
        let erasure = SubjectErasure {
            organizer,
            subject,
            through,
            now,
            paused,
        };
        let result = writer.erase_subject(&erasure, &self.damage, entry);
        MutexGuard::unlock_fair(writer);
        result
    }

    fn purge_erased(&self) -> Result<(), StoreError> {
        self.purge_pending.store(true, Ordering::Release);
        if !self.truncate_wal()? {
            tracing::warn!(
                "the write-ahead log is in use and holds erased data until a later checkpoint truncates it"
            );
        }
        Ok(())
    }
}

impl SqliteStore {
    /// Truncates the write-ahead log; returns false while a connection reads from it. Publications wait for at most
    /// [`CHECKPOINT_BUSY_TIMEOUT`](super::CHECKPOINT_BUSY_TIMEOUT).
    pub(super) fn truncate_wal(&self) -> Result<bool, StoreError> {
        let checkpointer = self.checkpointer.lock();
        // Most of the log is copied beside the writer, which then waits for the rest only.
        checkpointer
            .connection
            .pragma_update(None, "wal_checkpoint", "PASSIVE")?;
        let writer = self.writer.lock();
        let emptied =
            checkpointer
                .connection
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
                    row.get::<_, bool>(0).map(|busy| !busy)
                })?;
        drop(writer);
        if emptied {
            self.purge_pending.store(false, Ordering::Release);
        }
        Ok(emptied)
    }
}

impl Writer {
    fn erase_subject(
        &mut self,
        erasure: &SubjectErasure<'_>,
        damage: &DamageLog,
        entry: &mut BatchAuditEntry,
    ) -> Result<ErasureBatch, StoreError> {
        self.connection.pragma_update(None, "secure_delete", "ON")?;
        let result = self.erase_batch(erasure, damage, entry);
        self.connection
            .pragma_update(None, "secure_delete", "OFF")?;
        let (batch, ids) = result?;
        if self.erased.len() + ids.len() > MAX_REMEMBERED_NOTIFICATIONS {
            self.erased.clear();
        }
        self.erased.extend(ids.iter().map(|id| NotificationId(*id)));
        Ok(batch)
    }

    fn erase_batch(
        &mut self,
        erasure: &SubjectErasure<'_>,
        damage: &DamageLog,
        entry: &mut BatchAuditEntry,
    ) -> Result<(ErasureBatch, Vec<i64>), StoreError> {
        let began = SystemClock.instant();
        let organizer = erasure.organizer;
        let transaction = begin(&mut self.connection)?;
        let segments = log_segments::load(&transaction, damage)?;
        let mut found = notifications_of(&transaction, erasure)?;
        let mut erased = ErasureResult::default();
        let mut lanes = BTreeSet::new();
        let mut count = 0;
        for id in &found {
            lanes.extend(pending_lanes(&transaction, organizer, *id)?);
            lanes.retain(|webhook| !erasure.paused.contains(webhook));
            if lanes.is_empty() {
                erased.attempts += blank_attempts(&transaction, &segments, organizer, *id)?;
                blank_notification(&transaction, organizer, *id, erasure.now, &mut erased)?;
                count += 1;
            }
            if began.elapsed() >= MAX_BATCH_TIME {
                break;
            }
        }
        if count == 0 && !lanes.is_empty() {
            let lanes = lanes.into_iter().collect();
            return Ok((ErasureBatch::LanesToPause(lanes), Vec::new()));
        }
        entry.add("notifications", erased.notifications);
        entry.add("attempts", erased.attempts);
        entry.add("dropped", erased.dropped);
        write_batch_entry(&transaction, Some(organizer), entry)?;
        transaction.commit()?;
        let batch = ErasureBatch::Erased {
            result: erased,
            has_more: count < found.len() || found.len() == MAX_BATCH_NOTIFICATIONS,
        };
        found.truncate(count);
        Ok((batch, found))
    }
}

/// The webhooks with a pending delivery of a notification.
fn pending_lanes(
    t: &Transaction<'_>,
    organizer: OrganizerId,
    notification: i64,
) -> Result<Vec<WebhookId>, StoreError> {
    let mut statement = t.prepare_cached(
        "SELECT w.id FROM webhooks w JOIN deliveries d ON d.webhook = w.id AND d.notification = ?2
         WHERE w.organizer = ?1 AND d.settled_at IS NULL",
    )?;
    let found = statement.query_map([organizer.0, notification], |r| r.get(0).map(WebhookId))?;
    Ok(found.collect::<Result<_, _>>()?)
}

fn notifications_of(
    t: &Transaction<'_>,
    erasure: &SubjectErasure<'_>,
) -> Result<Vec<i64>, StoreError> {
    let mut statement = t.prepare_cached(
        "SELECT id FROM notifications WHERE organizer = ?1 AND subject = ?2 AND id <= ?3 LIMIT ?4",
    )?;
    let found = statement.query_map(
        params![
            erasure.organizer.0,
            erasure.subject,
            erasure.through.0,
            MAX_BATCH_NOTIFICATIONS
        ],
        |r| r.get(0),
    )?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// Clears the payloads of a notification's attempts and the responses to them. A test has a payload of its own, which is not
/// the person's.
fn blank_attempts(
    t: &Transaction<'_>,
    segments: &[LogSegment],
    organizer: OrganizerId,
    notification: i64,
) -> Result<u64, StoreError> {
    let mut count = 0;
    for segment in segments {
        let sql = format!(
            "UPDATE {} INDEXED BY {}
             SET payload = x'', response_body = NULL, response_headers = '', response_template = NULL
             WHERE notification = ?2 AND webhook IN (SELECT id FROM webhooks WHERE organizer = ?1)
               AND action_type IS NULL AND payload IS NOT x''",
            segment.table(),
            segment.notification_index()
        );
        let mut statement = t.prepare_cached(&sql)?;
        count += statement.execute([organizer.0, notification])? as u64;
    }
    Ok(count)
}

fn blank_notification(
    t: &Transaction<'_>,
    organizer: OrganizerId,
    id: i64,
    now: Timestamp,
    erased: &mut ErasureResult,
) -> Result<(), StoreError> {
    erased.dropped += t
        .prepare_cached(
            "UPDATE deliveries SET settled_at = ?3, how = 'dropped', reason = ?4
             WHERE webhook IN (SELECT id FROM webhooks WHERE organizer = ?1) AND notification = ?2
               AND settled_at IS NULL",
        )?
        .execute(params![
            organizer.0,
            id,
            to_micros(now),
            SettlementReason::DataErased.as_str()
        ])? as u64;
    erased.notifications += t
        .prepare_cached(
            "UPDATE notifications SET body = x'', data = NULL, subject = NULL WHERE id = ?1",
        )?
        .execute([id])? as u64;
    Ok(())
}
