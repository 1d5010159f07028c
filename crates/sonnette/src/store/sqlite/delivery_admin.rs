//! Changes of deliveries that are not the result of an attempt, in batches.

use std::sync::LazyLock;

use jiff::Timestamp;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::audit_log::{insert_entry_of_webhook, organizer_of, write_batch_entry};
use super::damage_log::DamageLog;
use super::delivery_rows::{self, PENDING_COLUMNS};
use super::notification_rows::first_id_since;
use super::table_row::{TableRow, to_micros};
use super::{SqliteStore, StoreError, disable_webhook};
use crate::domain::{
    DELIVERY_LIFETIME, Delivery, NotificationId, RETRY_DELAYS, SettlementKind, SettlementReason,
    WebhookId,
};
use crate::store::{
    BatchAuditEntry, DeliveryAdmin, DeliveryStateFilter, MAX_BATCH_ROWS, NewAuditEntry,
    PendingDelivery, TimeRange,
};

/// The number of deliveries that one batch scans for undelivered ones.
const MAX_SCANNED_DELIVERIES: usize = 10 * MAX_BATCH_ROWS;

/// Sets the deliveries of lane `?1` that wait for more than 1.1 times their step of the schedule from `?2`, at most `?3`.
static CAP_DUE_TIMES_SQL: LazyLock<String> = LazyLock::new(|| {
    let steps = RETRY_DELAYS.iter().enumerate().map(|(at, delay)| {
        let (tries, micros) = (at + 1, delay.as_micros());
        format!("WHEN {tries} THEN {micros}")
    });
    let steps: Vec<_> = steps.collect();
    // The last step is that of all further tries.
    let last = RETRY_DELAYS[RETRY_DELAYS.len() - 1].as_micros();
    let step = format!(
        "CASE tries WHEN 0 THEN 0 {} ELSE {last} END",
        steps.join(" ")
    );
    format!(
        "UPDATE deliveries SET due_at = ?2 + {step} WHERE webhook = ?1 AND notification IN (
           SELECT notification FROM deliveries INDEXED BY deliveries_waiting
           WHERE webhook = ?1 AND settled_at IS NULL AND due_at > ?2 AND due_at > ?2 + ({step}) * 11 / 10 LIMIT ?3)"
    )
});

/// The waiting deliveries among which the oldest is looked for, in the order in which they are due.
const MAX_OLDEST_ROWS: usize = 10_000;

impl DeliveryAdmin for SqliteStore {
    fn expedite_pending(
        &self,
        webhook: WebhookId,
        now: Timestamp,
        entry: Option<&NewAuditEntry>,
    ) -> Result<usize, StoreError> {
        self.write(|t| {
            if let Some(entry) = entry {
                insert_entry_of_webhook(t, webhook, entry)?;
            }
            Ok(t.prepare_cached(
                "UPDATE deliveries SET due_at = min(started_at, ?2) WHERE webhook = ?1 AND notification IN (
                   SELECT notification FROM deliveries INDEXED BY deliveries_waiting
                   WHERE webhook = ?1 AND settled_at IS NULL AND due_at > ?2 LIMIT ?3)",
            )?
            .execute(params![webhook.0, to_micros(now), MAX_BATCH_ROWS])?)
        })
    }

    fn cap_due_times(&self, webhook: WebhookId, now: Timestamp) -> Result<usize, StoreError> {
        self.write(|t| {
            Ok(t.prepare_cached(&CAP_DUE_TIMES_SQL)?.execute(params![
                webhook.0,
                to_micros(now),
                MAX_BATCH_ROWS
            ])?)
        })
    }

    fn drop_pending(
        &self,
        webhook: WebhookId,
        now: Timestamp,
        reason: &str,
        entry: Option<&NewAuditEntry>,
    ) -> Result<usize, StoreError> {
        self.write(|t| {
            if let Some(entry) = entry {
                insert_entry_of_webhook(t, webhook, entry)?;
            }
            Ok(t.prepare_cached(
                "UPDATE deliveries SET settled_at = ?2, how = 'dropped', reason = ?3 WHERE webhook = ?1 AND notification IN (
                   SELECT notification FROM deliveries INDEXED BY deliveries_waiting
                   WHERE webhook = ?1 AND settled_at IS NULL LIMIT ?4)",
            )?
            .execute(params![webhook.0, to_micros(now), reason, MAX_BATCH_ROWS])?)
        })
    }

    fn expire_deliveries(&self, webhook: WebhookId, now: Timestamp) -> Result<usize, StoreError> {
        let oldest = now
            .saturating_sub(DELIVERY_LIFETIME)
            .unwrap_or(Timestamp::MIN);
        self.write(|t| {
            Ok(t.prepare_cached(
                "UPDATE deliveries SET settled_at = ?2, how = 'given_up', reason = ?5
                 WHERE webhook = ?1 AND notification IN (
                   SELECT notification FROM deliveries INDEXED BY deliveries_waiting
                   WHERE webhook = ?1 AND settled_at IS NULL AND due_at <= ?3 AND started_at <= ?3 LIMIT ?4)",
            )?
            .execute(params![
                webhook.0,
                to_micros(now),
                to_micros(oldest),
                MAX_BATCH_ROWS,
                SettlementReason::LifetimeOver.as_str()
            ])?)
        })
    }

    fn disable_never_succeeded(
        &self,
        webhook: WebhookId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write(|t| disable_webhook::disable_never_succeeded(t, &self.damage, webhook, now))
    }

    fn backlog(&self, webhook: WebhookId) -> Result<(u64, Option<Timestamp>), StoreError> {
        self.read(|c| {
            // Counts entries of the index, without reading the rows.
            let count: u64 = c
                .prepare_cached(
                    "SELECT count(*) FROM deliveries INDEXED BY deliveries_waiting
                     WHERE webhook = ?1 AND settled_at IS NULL",
                )?
                .query_row([webhook.0], |r| r.get(0))?;
            // A delivery that was not tried is due since it was published: the oldest is among the first.
            let oldest: Option<i64> = c
                .prepare_cached(
                    "SELECT min(iif(typeof(started_at) = 'integer', started_at, NULL)) FROM (
                       SELECT started_at FROM deliveries INDEXED BY deliveries_waiting
                       WHERE webhook = ?1 AND settled_at IS NULL ORDER BY due_at LIMIT ?2)",
                )?
                .query_row(params![webhook.0, MAX_OLDEST_ROWS], |r| r.get(0))?;
            Ok((
                count,
                oldest.and_then(|o| Timestamp::from_microsecond(o).ok()),
            ))
        })
    }

    fn oldest_undelivered(
        &self,
        webhook: WebhookId,
        since: Option<Timestamp>,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.read(|c| {
            // Ids of notifications rise with their publication. An erased one cannot be sent again.
            let published: Option<i64> = c
                .prepare_cached(
                    "SELECT min(iif(typeof(n.published_at) = 'integer', n.published_at, NULL)) FROM (
                       SELECT min(notification) AS id FROM deliveries INDEXED BY deliveries_waiting
                       WHERE webhook = ?1 AND settled_at IS NULL
                       UNION ALL
                       SELECT min(notification) FROM deliveries INDEXED BY deliveries_failed
                       WHERE webhook = ?1 AND how IN ('given_up', 'dropped') AND how = 'given_up' AND settled_at >= ?2
                     ) oldest JOIN notifications n ON n.id = oldest.id",
                )?
                .query_row(params![webhook.0, since.map(to_micros)], |r| r.get(0))?;
            Ok(published.and_then(|at| Timestamp::from_microsecond(at).ok()))
        })
    }

    fn resend(
        &self,
        webhook: WebhookId,
        notification: NotificationId,
        now: Timestamp,
    ) -> Result<Option<PendingDelivery>, StoreError> {
        self.write(|t| {
            expedite_rows(t, webhook, notification, now, "")?;
            pending_delivery(t, webhook, notification)
        })
    }

    fn resend_undelivered(
        &self,
        webhook: WebhookId,
        range: TimeRange,
        only: Option<DeliveryStateFilter>,
        after: Option<NotificationId>,
        now: Timestamp,
        entry: Option<&mut BatchAuditEntry>,
    ) -> Result<(u64, Option<NotificationId>), StoreError> {
        // The scan may take long if nearly all were delivered, so it does not hold the writer.
        let (found, more) = self.read(|c| {
            let from = match after {
                Some(after) => after.0,
                None => first_id_since(c, range.since)? - 1,
            };
            undelivered(c, &self.damage, webhook, from)
        })?;
        let notifications: Vec<_> = found
            .into_iter()
            .filter(|found| {
                range
                    .since
                    .is_none_or(|s| found.published_at >= to_micros(s))
                    && range
                        .until
                        .is_none_or(|u| found.published_at <= to_micros(u))
                    && only.is_none_or(|o| o == found.state)
            })
            .map(|found| found.notification)
            .collect();
        let Some(entry) = entry else {
            return Ok((notifications.len() as u64, more));
        };
        if notifications.is_empty() && (more.is_some() || entry.id.is_some()) {
            return Ok((0, more));
        }
        self.write(|t| {
            let mut count = 0;
            let condition = format!("AND NOT {}", delivery_rows::IS_DELIVERED_SQL);
            for notification in &notifications {
                // A delivery that has succeeded since the scan stays delivered.
                count += expedite_rows(t, webhook, *notification, now, &condition)?;
            }
            entry.add("count", count as u64);
            write_batch_entry(t, organizer_of(t, webhook)?, entry)?;
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
                .execute([webhook.0, notification.0, to_micros(now)])?;
            }
            Ok(())
        })
    }

    fn delivery(
        &self,
        webhook: WebhookId,
        notification: NotificationId,
    ) -> Result<Option<Delivery>, StoreError> {
        self.read(|c| delivery_rows::delivery(c, webhook, notification))
    }
}

/// Makes a delivery due; a settled one gets a new schedule. Returns the number of changed rows: 1 or 0.
fn expedite_rows(
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
        .execute([webhook.0, notification.0, to_micros(now)])?)
}

fn pending_delivery(
    c: &Connection,
    webhook: WebhookId,
    notification: NotificationId,
) -> Result<Option<PendingDelivery>, StoreError> {
    let mut statement = c.prepare_cached(&format!(
        "SELECT {PENDING_COLUMNS} FROM deliveries d JOIN notifications n ON n.id = d.notification
         WHERE d.webhook = ?1 AND d.notification = ?2 AND d.settled_at IS NULL"
    ))?;
    let mut rows = statement.query([webhook.0, notification.0])?;
    rows.next()?
        .map(delivery_rows::pending_delivery)
        .transpose()
}

/// A delivery that is pending, given up or dropped.
struct UndeliveredRow {
    notification: NotificationId,
    published_at: i64,
    state: DeliveryStateFilter,
}

/// At most [`MAX_BATCH_ROWS`] undelivered deliveries of a webhook after the notification `from` and, unless that was the
/// end, the notification to continue after.
fn undelivered(
    c: &Connection,
    damage: &DamageLog,
    webhook: WebhookId,
    from: i64,
) -> Result<(Vec<UndeliveredRow>, Option<NotificationId>), StoreError> {
    let mut statement = c.prepare_cached(
        "SELECT notification, settled_at, how, webhook FROM deliveries WHERE webhook = ?1 AND notification > ?2
           AND notification <= 9223372036854775807 ORDER BY notification LIMIT ?3",
    )?;
    let mut published_at = c.prepare_cached(
        "SELECT published_at FROM notifications WHERE id = ?1 AND length(body) > 0",
    )?;
    let mut rows = statement.query(params![webhook.0, from, MAX_SCANNED_DELIVERIES])?;
    let mut found = Vec::new();
    let mut scanned = 0;
    while let Some(row) = rows.next()? {
        let cells = TableRow::new(row, "deliveries");
        let notification = NotificationId(cells.get("notification")?);
        scanned += 1;
        let state = if row.get_ref("settled_at")? == ValueRef::Null {
            DeliveryStateFilter::Pending
        } else {
            // A damaged row is passed over, as a delivered one is.
            let kind = damage.skip_damaged(delivery_rows::settlement_kind(cells))?;
            DeliveryStateFilter::Settled(kind.unwrap_or(SettlementKind::Delivered))
        };
        // An erased notification cannot be sent.
        if state != DeliveryStateFilter::Settled(SettlementKind::Delivered)
            && let Some(published_at) = published_at
                .query_row([notification.0], |r| Ok(r.get(0).ok()))
                .optional()?
                .flatten()
        {
            found.push(UndeliveredRow {
                notification,
                published_at,
                state,
            });
        }
        if found.len() == MAX_BATCH_ROWS || scanned == MAX_SCANNED_DELIVERIES {
            return Ok((found, Some(notification)));
        }
    }
    Ok((found, None))
}
