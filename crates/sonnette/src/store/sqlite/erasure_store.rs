//! Erasure of a person's data: the notifications of a subject and the responses to them.
//!
//! Deleted bytes are overwritten (`secure_delete`), and the write-ahead log, which holds earlier pages, is truncated.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use jiff::Timestamp;
use parking_lot::MutexGuard;
use rusqlite::{Transaction, params};

use super::audit_log::write_batch_entry;
use super::table_row::to_micros;
use super::{SqliteStore, StoreError, Writer, begin};
use crate::domain::{NotificationId, OrganizerId, SettlementReason, WebhookId};
use crate::store::{BatchAuditEntry, ErasureBatch, ErasureResult, ErasureStore};

/// The number of notifications in one batch; each may have many attempts.
const MAX_BATCH_NOTIFICATIONS: usize = 200;

/// The number of erased notifications that are remembered for attempts in flight.
const MAX_REMEMBERED_NOTIFICATIONS: usize = 100_000;

/// An attempt ends after the publication of its notification and before its settlement, unless a clock was adjusted.
const CLOCK_TOLERANCE_MICROS: i64 = 3_600_000_000;

/// The id and the time of publication of a notification.
type Published = (i64, i64);

impl ErasureStore for SqliteStore {
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
        let result = writer.erase_subject(organizer, subject, through, now, paused, entry);
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
        organizer: OrganizerId,
        subject: &str,
        through: NotificationId,
        now: Timestamp,
        paused: &[WebhookId],
        entry: &mut BatchAuditEntry,
    ) -> Result<ErasureBatch, StoreError> {
        self.connection.pragma_update(None, "secure_delete", "ON")?;
        let result = self.erase_batch(organizer, subject, through, now, paused, entry);
        self.connection
            .pragma_update(None, "secure_delete", "OFF")?;
        let (batch, ids) = result?;
        if self.erased.len() + ids.len() > MAX_REMEMBERED_NOTIFICATIONS {
            self.erased.clear();
        }
        self.erased
            .extend(ids.iter().map(|(id, _)| NotificationId(*id)));
        Ok(batch)
    }

    fn erase_batch(
        &mut self,
        organizer: OrganizerId,
        subject: &str,
        through: NotificationId,
        now: Timestamp,
        paused: &[WebhookId],
        entry: &mut BatchAuditEntry,
    ) -> Result<(ErasureBatch, Vec<Published>), StoreError> {
        let transaction = begin(&mut self.connection)?;
        let ids = notifications_of(&transaction, organizer, subject, through)?;
        let mut lanes = pending_lanes(&transaction, organizer, &ids)?;
        lanes.retain(|webhook| !paused.contains(webhook));
        if !lanes.is_empty() {
            let lanes = lanes.into_iter().collect();
            return Ok((ErasureBatch::LanesToPause(lanes), Vec::new()));
        }
        let mut erased = ErasureResult::default();
        for (id, published_at) in &ids {
            blank_notification(
                &transaction,
                organizer,
                (*id, *published_at),
                now,
                &mut erased,
            )?;
        }
        entry.add("notifications", erased.notifications);
        entry.add("attempts", erased.attempts);
        entry.add("dropped", erased.dropped);
        write_batch_entry(&transaction, Some(organizer), entry)?;
        transaction.commit()?;
        let batch = ErasureBatch::Erased {
            result: erased,
            has_more: ids.len() == MAX_BATCH_NOTIFICATIONS,
        };
        Ok((batch, ids))
    }
}

/// The webhooks with pending deliveries of these notifications.
fn pending_lanes(
    t: &Transaction<'_>,
    organizer: OrganizerId,
    notifications: &[Published],
) -> Result<BTreeSet<WebhookId>, StoreError> {
    let mut statement = t.prepare_cached(
        "SELECT w.id FROM webhooks w JOIN deliveries d ON d.webhook = w.id AND d.notification = ?2
         WHERE w.organizer = ?1 AND d.settled_at IS NULL",
    )?;
    let mut lanes = BTreeSet::new();
    for (id, _) in notifications {
        let found = statement.query_map([organizer.0, *id], |r| r.get(0).map(WebhookId))?;
        for webhook in found {
            lanes.insert(webhook?);
        }
    }
    Ok(lanes)
}

fn notifications_of(
    t: &Transaction<'_>,
    organizer: OrganizerId,
    subject: &str,
    through: NotificationId,
) -> Result<Vec<Published>, StoreError> {
    let mut statement = t.prepare_cached(
        "SELECT id, published_at FROM notifications WHERE organizer = ?1 AND subject = ?2 AND id <= ?3 LIMIT ?4",
    )?;
    let found = statement.query_map(
        params![organizer.0, subject, through.0, MAX_BATCH_NOTIFICATIONS],
        |r| Ok((r.get(0)?, r.get(1)?)),
    )?;
    Ok(found.collect::<Result<_, _>>()?)
}

fn blank_notification(
    t: &Transaction<'_>,
    organizer: OrganizerId,
    (id, published_at): Published,
    now: Timestamp,
    erased: &mut ErasureResult,
) -> Result<(), StoreError> {
    let mut deliveries = t.prepare_cached(
        "SELECT d.webhook, d.attempts, coalesce(d.settled_at, ?3) FROM webhooks w
           JOIN deliveries d ON d.webhook = w.id AND d.notification = ?2 WHERE w.organizer = ?1",
    )?;
    let deliveries: Vec<(i64, u64, i64)> = deliveries
        .query_map(params![organizer.0, id, to_micros(now)], |r| {
            Ok((r.get(0)?, r.get(1)?, r.get(2)?))
        })?
        .collect::<Result<_, _>>()?;
    for (webhook, attempts, until) in deliveries {
        if attempts > 0 {
            let from = published_at.saturating_sub(CLOCK_TOLERANCE_MICROS);
            let mut found = blank_attempts(
                t,
                webhook,
                id,
                from,
                until.saturating_add(CLOCK_TOLERANCE_MICROS),
            )?;
            if found < attempts {
                // It was resent, or a clock was adjusted by more: scan the whole log of the webhook.
                found += blank_attempts(t, webhook, id, i64::MIN, i64::MAX)?;
            }
            erased.attempts += found;
        }
        erased.dropped += t
            .prepare_cached(
                "UPDATE deliveries SET settled_at = ?3, how = 'dropped', reason = ?4
                 WHERE webhook = ?1 AND notification = ?2 AND settled_at IS NULL",
            )?
            .execute(params![
                webhook,
                id,
                to_micros(now),
                SettlementReason::DataErased.as_str()
            ])? as u64;
    }
    erased.notifications += t
        .prepare_cached(
            "UPDATE notifications SET body = x'', data = NULL, subject = NULL WHERE id = ?1",
        )?
        .execute([id])? as u64;
    Ok(())
}

/// Blanks the attempts within a range of ids and returns how many were not blank yet.
fn blank_attempts(
    t: &Transaction<'_>,
    webhook: i64,
    notification: i64,
    from: i64,
    until: i64,
) -> Result<u64, StoreError> {
    let blanked = t
        .prepare_cached(
            "UPDATE attempts SET payload = x'', response_body = NULL, response_headers = ''
             WHERE webhook = ?1 AND notification = ?2 AND id BETWEEN ?3 AND ?4
               AND action_type IS NULL AND payload IS NOT x''",
        )?
        .execute([webhook, notification, from, until])?;
    Ok(blanked as u64)
}
