//! Forgetting a person: what a subject's notifications said, and what receivers answered.
//!
//! Deleted bytes are overwritten (`secure_delete`), and the write-ahead log, which holds pages as they were, is emptied.

use std::sync::atomic::Ordering;

use jiff::Timestamp;
use parking_lot::MutexGuard;
use rusqlite::{Transaction, params};

use super::rows::micros;
use super::{SqliteStore, StoreError, Writer, begin};
use crate::domain::{NotificationId, OrganizerId, WebhookId};
use crate::store::{ErasureResult, ErasureStore};

/// Notifications of one transaction: each may have many attempts.
const NOTIFICATIONS: usize = 200;

/// Notifications remembered as erased, for attempts that were under way.
const REMEMBERED: usize = 100_000;

/// An attempt ends after its notification was published, but for a clock that was put back.
const CLOCKS: i64 = 3_600_000_000;

/// A notification and when it was published.
type Published = (i64, i64);

impl ErasureStore for SqliteStore {
    fn lanes_of_subject(
        &self,
        organizer: OrganizerId,
        subject: &str,
    ) -> Result<Vec<WebhookId>, StoreError> {
        self.read(|c| {
            let mut statement = c.prepare_cached(
                "SELECT DISTINCT d.webhook FROM notifications n JOIN webhooks w ON w.organizer = n.organizer
                   JOIN deliveries d ON d.webhook = w.id AND d.notification = n.id
                 WHERE n.organizer = ?1 AND n.subject = ?2 AND d.settled_at IS NULL",
            )?;
            let found = statement.query_map(params![organizer.0, subject], |r| r.get(0).map(WebhookId))?;
            Ok(found.collect::<Result<_, _>>()?)
        })
    }

    fn erase_subject(
        &self,
        organizer: OrganizerId,
        subject: &str,
        through: NotificationId,
        now: Timestamp,
    ) -> Result<ErasureResult, StoreError> {
        let mut writer = self.writer.lock();
        let answer = writer.erase_subject(organizer, subject, through, now);
        MutexGuard::unlock_fair(writer);
        answer
    }

    fn purge_erased(&self) -> Result<(), StoreError> {
        self.unscrubbed.store(true, Ordering::Release);
        if !self.empty_log()? {
            tracing::warn!("the write-ahead log is being read; it is emptied as soon as it can be");
        }
        Ok(())
    }
}

impl SqliteStore {
    /// Empties the write-ahead log; false while somebody reads it. Publications wait for [`PAUSE`](super::PAUSE) at most.
    pub(super) fn empty_log(&self) -> Result<bool, StoreError> {
        let copier = self.copier.lock();
        let writer = self.writer.lock();
        let emptied =
            copier
                .connection
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
                    row.get::<_, bool>(0).map(|busy| !busy)
                })?;
        drop(writer);
        if emptied {
            self.unscrubbed.store(false, Ordering::Release);
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
    ) -> Result<ErasureResult, StoreError> {
        self.connection.pragma_update(None, "secure_delete", "ON")?;
        let answer = self.erase_batch(organizer, subject, through, now);
        self.connection
            .pragma_update(None, "secure_delete", "OFF")?;
        let (erased, ids) = answer?;
        if self.erased.len() + ids.len() > REMEMBERED {
            self.erased.clear();
        }
        self.erased
            .extend(ids.iter().map(|(id, _)| NotificationId(*id)));
        Ok(erased)
    }

    fn erase_batch(
        &mut self,
        organizer: OrganizerId,
        subject: &str,
        through: NotificationId,
        now: Timestamp,
    ) -> Result<(ErasureResult, Vec<Published>), StoreError> {
        let transaction = begin(&mut self.connection)?;
        let ids = ids(&transaction, organizer, subject, through)?;
        let mut erased = ErasureResult {
            more: ids.len() == NOTIFICATIONS,
            ..ErasureResult::default()
        };
        for (id, published_at) in &ids {
            blank(
                &transaction,
                organizer,
                (*id, *published_at),
                now,
                &mut erased,
            )?;
        }
        transaction.commit()?;
        Ok((erased, ids))
    }
}

fn ids(
    t: &Transaction<'_>,
    organizer: OrganizerId,
    subject: &str,
    through: NotificationId,
) -> Result<Vec<Published>, StoreError> {
    let mut statement = t.prepare_cached(
        "SELECT id, published_at FROM notifications WHERE organizer = ?1 AND subject = ?2 AND id <= ?3 LIMIT ?4",
    )?;
    let found = statement.query_map(
        params![organizer.0, subject, through.0, NOTIFICATIONS],
        |r| Ok((r.get(0)?, r.get(1)?)),
    )?;
    Ok(found.collect::<Result<_, _>>()?)
}

fn blank(
    t: &Transaction<'_>,
    organizer: OrganizerId,
    (id, published_at): Published,
    now: Timestamp,
    erased: &mut ErasureResult,
) -> Result<(), StoreError> {
    let mut owed = t.prepare_cached(
        "SELECT d.webhook, d.attempts, coalesce(d.settled_at, ?3) FROM webhooks w
           JOIN deliveries d ON d.webhook = w.id AND d.notification = ?2 WHERE w.organizer = ?1",
    )?;
    let deliveries: Vec<(i64, u64, i64)> = owed
        .query_map(params![organizer.0, id, micros(now)], |r| {
            Ok((r.get(0)?, r.get(1)?, r.get(2)?))
        })?
        .collect::<Result<_, _>>()?;
    for (webhook, attempts, until) in deliveries {
        if attempts > 0 {
            let from = published_at.saturating_sub(CLOCKS);
            let mut found = blank_attempts(t, webhook, id, from, until.saturating_add(CLOCKS))?;
            if found < attempts {
                // Sent again since, or a clock jumped further: the whole log of the webhook is looked through.
                found += blank_attempts(t, webhook, id, i64::MIN, i64::MAX)?;
            }
            erased.attempts += found;
        }
        erased.dropped += t
            .prepare_cached(
                "UPDATE deliveries SET settled_at = ?3, how = 'dropped', reason = 'the person''s data was erased'
                 WHERE webhook = ?1 AND notification = ?2 AND settled_at IS NULL",
            )?
            .execute([webhook, id, micros(now)])? as u64;
    }
    erased.notifications += t
        .prepare_cached(
            "UPDATE notifications SET body = x'', data = NULL, subject = NULL WHERE id = ?1",
        )?
        .execute([id])? as u64;
    Ok(())
}

/// Blanks those that are not blank yet.
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
