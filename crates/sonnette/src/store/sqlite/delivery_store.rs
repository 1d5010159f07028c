//! The group commit, and what lanes read.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::delivery_rows::{self, PENDING_COLUMNS};
use super::lane_rows;
use super::table_row::{TableRow, to_micros};
use super::{SqliteStore, StoreError, log_segments, refused_action_types};
use crate::domain::{AttemptId, Installation, Installations, NotificationId, WebhookId};
use crate::store::{
    Batch, CommitError, Cursor, DeliveryPage, DeliveryStore, GroupResult, MAX_PAGE_BYTES,
    PendingDelivery, StoredLane,
};

impl DeliveryStore for SqliteStore {
    fn commit(&self, version: i64, batch: &Batch) -> Result<Vec<GroupResult>, CommitError> {
        self.commit_batch(version, batch)
    }

    fn reserve_notification_id(&self) -> Result<NotificationId, StoreError> {
        self.write(|t| {
            let sql = "UPDATE counters SET value = value + 1 WHERE name = 'notification' RETURNING value - 1";
            Ok(NotificationId(t.query_row(sql, [], |r| r.get(0))?))
        })
    }

    fn installations(&self) -> Result<Installations, StoreError> {
        self.read(|c| {
            let mut statement = c.prepare_cached(
                "SELECT first_notification, id FROM installations ORDER BY first_notification",
            )?;
            let mut rows = statement.query([])?;
            let mut installations = Vec::new();
            while let Some(row) = rows.next()? {
                let cells = TableRow::new(row, "installations");
                installations.push(Installation {
                    first_notification: NotificationId(cells.get("first_notification")?),
                    id: cells.get("id")?,
                });
            }
            Ok(Installations::new(installations))
        })
    }

    fn newest_notification_id(&self) -> Result<NotificationId, StoreError> {
        self.read(|c| {
            let mut statement =
                c.prepare_cached("SELECT value - 1 FROM counters WHERE name = 'notification'")?;
            Ok(NotificationId(statement.query_row([], |r| r.get(0))?))
        })
    }

    fn lanes_with_pending_deliveries(&self) -> Result<Vec<WebhookId>, StoreError> {
        self.read(|c| {
            // Skips from webhook to webhook in the index, without reading all pending deliveries. The upper bound leaves
            // out damaged rows whose webhook is no number.
            let mut next = c.prepare_cached(
                "SELECT min(webhook) FROM deliveries INDEXED BY deliveries_waiting
                 WHERE settled_at IS NULL AND webhook > ?1 AND webhook <= 9223372036854775807",
            )?;
            let mut lanes: Vec<WebhookId> = Vec::new();
            loop {
                let last = lanes.last().map_or(-1, |w| w.0);
                match next.query_row([last], |r| r.get::<_, Option<i64>>(0))? {
                    Some(webhook) => lanes.push(WebhookId(webhook)),
                    None => return Ok(lanes),
                }
            }
        })
    }

    fn last_successes(&self, since: Timestamp) -> Result<Vec<(WebhookId, Timestamp)>, StoreError> {
        self.read_log(|c, segments| {
            let recent = segments.iter().filter(|s| s.last_id >= to_micros(since));
            let recent: Vec<_> = recent.cloned().collect();
            // The time of a success is not stored at each attempt. Without failures the last attempt was a success.
            let mut statement = c.prepare_cached(&format!(
                "SELECT id, at FROM (
                   SELECT w.id, iif(l.failing_since IS NULL, {}, l.last_success_at) AS at
                   FROM webhooks w LEFT JOIN lanes l ON l.webhook = w.id
                   WHERE w.disabled_at IS NULL AND typeof(w.id) = 'integer')
                 WHERE typeof(at) = 'integer' AND at >= ?1",
                log_segments::newest_attempt(&recent, "w.id")
            ))?;
            let mut rows = statement.query([to_micros(since)])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                if let Ok(at) = Timestamp::from_microsecond(row.get(1)?) {
                    found.push((WebhookId(row.get(0)?), at));
                }
            }
            Ok(found)
        })
    }

    fn lane(&self, webhook: WebhookId) -> Result<StoredLane, StoreError> {
        // In one transaction: the health must be that of the generation.
        self.read_log(|c, segments| {
            let webhook_row: Option<(Option<u64>, Option<i64>)> = c
                .prepare_cached("SELECT generation, receiver_since FROM webhooks WHERE id = ?1")?
                .query_row([webhook.0], |r| Ok((r.get(0).ok(), r.get(1).ok())))
                .optional()?;
            let (generation, receiver_since) = webhook_row.unwrap_or_default();
            let receiver_since = receiver_since.and_then(|at| Timestamp::from_microsecond(at).ok());
            let last_attempt: Option<i64> = c
                .prepare_cached(&format!(
                    "SELECT {}",
                    log_segments::newest_attempt(segments, "?1")
                ))?
                .query_row([webhook.0], |r| r.get(0))?;
            let health = lane_rows::health(c, &self.damage, webhook)?;
            Ok(StoredLane {
                webhook,
                generation: generation.unwrap_or(0),
                receiver_since: receiver_since.unwrap_or(Timestamp::UNIX_EPOCH),
                last_success_at: lane_rows::last_success_at(c, segments, webhook, &health)?,
                health,
                refused_types: refused_action_types::of_webhook(c, &self.damage, webhook)?,
                next_due_at: next_due_at(c, webhook, (i64::MIN, i64::MIN))?,
                last_attempt: last_attempt.map(AttemptId),
            })
        })
    }

    fn due_deliveries(
        &self,
        webhook: WebhookId,
        now: Timestamp,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<DeliveryPage, StoreError> {
        self.read(|c| {
            let mut statement = c.prepare_cached(&format!(
                "SELECT {PENDING_COLUMNS}
                 FROM deliveries d INDEXED BY deliveries_waiting LEFT JOIN notifications n ON n.id = d.notification
                 WHERE d.webhook = ?1 AND d.settled_at IS NULL AND d.due_at <= ?2
                   AND (d.due_at, d.notification) > (?3, ?4)
                 ORDER BY d.due_at, d.notification"
            ))?;
            let (from, beyond) = after.map_or((i64::MIN, i64::MIN), |(due, id)| (to_micros(due), id.0));
            let mut rows = statement.query(params![webhook.0, to_micros(now), from, beyond])?;
            let mut page = DeliveryPage::default();
            let mut bytes = 0;
            // Of the last row that was read, damaged or not: what is damaged must not be found again and again.
            let mut last = (from, beyond);
            while bytes < MAX_PAGE_BYTES
                && page.deliveries.len() < limit
                && let Some(row) = rows.next()?
            {
                last = delivery_rows::position(row)?;
                let read = delivery_rows::pending_delivery(row);
                if let Some(pending) = self.damage.skip_damaged(read)? {
                    bytes += pending.notification.body.len();
                    page.deliveries.push(pending);
                }
            }
            page.next_due_at = next_due_at(c, webhook, last)?;
            Ok(page)
        })
    }

    fn newest_due_deliveries(
        &self,
        webhook: WebhookId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<PendingDelivery>, StoreError> {
        self.read(|c| {
            let mut statement = c.prepare_cached(&format!(
                "SELECT {PENDING_COLUMNS}
                 FROM deliveries d INDEXED BY deliveries_waiting LEFT JOIN notifications n ON n.id = d.notification
                 WHERE d.webhook = ?1 AND d.settled_at IS NULL AND d.due_at <= ?2
                 ORDER BY d.due_at DESC, d.notification DESC LIMIT ?3"
            ))?;
            let mut rows = statement.query(params![webhook.0, to_micros(now), limit])?;
            let (mut found, mut bytes) = (Vec::new(), 0);
            while bytes < MAX_PAGE_BYTES
                && let Some(row) = rows.next()?
            {
                let read = delivery_rows::pending_delivery(row);
                if let Some(pending) = self.damage.skip_damaged(read)? {
                    bytes += pending.notification.body.len();
                    found.push(pending);
                }
            }
            Ok(found)
        })
    }
}

/// When the first pending delivery is due after this position. A damaged row whose time is no number is never due.
fn next_due_at(
    c: &Connection,
    webhook: WebhookId,
    (from, beyond): (i64, i64),
) -> Result<Option<Timestamp>, StoreError> {
    let due: Option<i64> = c
        .prepare_cached(
            "SELECT due_at FROM deliveries INDEXED BY deliveries_waiting
             WHERE webhook = ?1 AND settled_at IS NULL AND (due_at, notification) > (?2, ?3)
               AND typeof(due_at) = 'integer'
             ORDER BY due_at, notification LIMIT 1",
        )?
        .query_row(params![webhook.0, from, beyond], |r| r.get(0))
        .optional()?;
    Ok(due.and_then(|d| Timestamp::from_microsecond(d).ok()))
}
