//! Notifications that webhooks missed while they were disabled.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::audit_log::{organizer_of, write_batch_entry};
use super::damage_log::DamageLog;
use super::table_row::{TableRow, to_micros};
use super::{SqliteStore, StoreError, notification_rows};
use crate::domain::{NotificationId, WebhookId};
use crate::store::{BatchAuditEntry, MAX_BATCH_ROWS, MissedStore, NotificationSummary, TimeRange};

impl MissedStore for SqliteStore {
    fn missed_notifications(
        &self,
        webhook: WebhookId,
        range: TimeRange,
        after: Option<NotificationId>,
    ) -> Result<(Vec<NotificationSummary>, Option<NotificationId>), StoreError> {
        self.read(|c| {
            let from = match after {
                Some(after) => after.0 + 1,
                None => notification_rows::first_id_since(c, range.since)?,
            };
            let mut found = Vec::new();
            for (first, beyond) in disabled_intervals(c, webhook, from)? {
                let room = MAX_BATCH_ROWS - found.len();
                found.extend(missed_notifications(
                    c,
                    &self.damage,
                    webhook,
                    (first.max(from), beyond),
                    range,
                    room,
                )?);
                if found.len() >= MAX_BATCH_ROWS {
                    let last = found.last().map(|n: &NotificationSummary| n.id);
                    return Ok((found, last));
                }
            }
            Ok((found, None))
        })
    }

    fn enqueue(
        &self,
        webhook: WebhookId,
        notifications: &[NotificationId],
        now: Timestamp,
        entry: &mut BatchAuditEntry,
    ) -> Result<u64, StoreError> {
        self.write(|t| {
            let mut insert = t.prepare_cached(
                "INSERT INTO deliveries (webhook, notification, attempts, tries, started_at, due_at)
                 SELECT ?1, id, 0, 0, ?3, ?3 FROM notifications WHERE id = ?2 AND length(body) > 0
                 ON CONFLICT DO NOTHING",
            )?;
            let mut inserted = 0;
            for notification in notifications {
                inserted += insert.execute([webhook.0, notification.0, to_micros(now)])? as u64;
            }
            entry.add("count", inserted);
            write_batch_entry(t, organizer_of(t, webhook)?, entry)?;
            Ok(inserted)
        })
    }
}

/// The intervals that end after `from`, in order.
fn disabled_intervals(
    c: &Connection,
    webhook: WebhookId,
    from: i64,
) -> Result<Vec<(i64, i64)>, StoreError> {
    let mut statement = c.prepare_cached(
        "SELECT first, coalesce(beyond, ?3) FROM silences
         WHERE webhook = ?1 AND coalesce(beyond, ?3) > ?2 ORDER BY first",
    )?;
    let found = statement.query_map([webhook.0, from, i64::MAX], |r| Ok((r.get(0)?, r.get(1)?)))?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// Notifications of the webhook's organizer in an interval of ids that were not erased and of which it has no delivery.
fn missed_notifications(
    c: &Connection,
    damage: &DamageLog,
    webhook: WebhookId,
    (first, beyond): (i64, i64),
    range: TimeRange,
    limit: usize,
) -> Result<Vec<NotificationSummary>, StoreError> {
    let mut statement = c.prepare_cached(
        "SELECT n.id, n.action_type, n.event, n.audience FROM notifications n
         WHERE n.organizer = (SELECT organizer FROM webhooks WHERE id = ?1) AND n.id >= ?2 AND n.id < ?3
           AND n.published_at >= ?4 AND n.published_at <= ?5 AND length(n.body) > 0
           AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.webhook = ?1 AND d.notification = n.id)
         ORDER BY n.id LIMIT ?6",
    )?;
    let mut rows = statement.query(params![
        webhook.0,
        first,
        beyond,
        range.since.map_or(i64::MIN, to_micros),
        range.until.map_or(i64::MAX, to_micros),
        limit
    ])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let read = summary(TableRow::new(row, "notifications"));
        found.extend(damage.skip_damaged(read)?);
    }
    Ok(found)
}

fn summary(cells: TableRow<'_>) -> Result<NotificationSummary, StoreError> {
    Ok(NotificationSummary {
        id: NotificationId(cells.get("id")?),
        action_type: cells.parse("action_type")?,
        event: cells.parse_optional("event")?,
        audience: notification_rows::audience(cells)?,
    })
}
