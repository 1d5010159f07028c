//! What webhooks missed while they were off.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::rows::{Cells, micros};
use super::{SqliteStore, StoreError, notification_rows};
use crate::domain::{NotificationId, WebhookId};
use crate::store::{MAX_BATCH_ROWS, MissedStore, NotificationSummary, TimeRange};

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
                None => notification_rows::first_since(c, range.since)?,
            };
            let mut found = Vec::new();
            for (first, beyond) in silences(c, webhook, from)? {
                let room = MAX_BATCH_ROWS - found.len();
                found.extend(missed_notifications(
                    c,
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
    ) -> Result<u64, StoreError> {
        self.write(|t| {
            let mut owe = t.prepare_cached(
                "INSERT INTO deliveries (webhook, notification, attempts, tries, started_at, due_at)
                 SELECT ?1, id, 0, 0, ?3, ?3 FROM notifications WHERE id = ?2 AND length(body) > 0
                 ON CONFLICT DO NOTHING",
            )?;
            let mut owed = 0;
            for notification in notifications {
                owed += owe.execute([webhook.0, notification.0, micros(now)])? as u64;
            }
            Ok(owed)
        })
    }
}

/// Those that reach to `from` or beyond it, in order.
fn silences(c: &Connection, webhook: WebhookId, from: i64) -> Result<Vec<(i64, i64)>, StoreError> {
    let mut statement = c.prepare_cached(
        "SELECT first, coalesce(beyond, ?3) FROM silences
         WHERE webhook = ?1 AND coalesce(beyond, ?3) > ?2 ORDER BY first",
    )?;
    let found = statement.query_map([webhook.0, from, i64::MAX], |r| Ok((r.get(0)?, r.get(1)?)))?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// Notifications of the webhook's organizer in a stretch, of which it has no delivery and that were not erased.
fn missed_notifications(
    c: &Connection,
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
        range.since.map_or(i64::MIN, micros),
        range.until.map_or(i64::MAX, micros),
        limit
    ])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let cells = Cells::new(row, "notifications");
        found.push(NotificationSummary {
            id: NotificationId(cells.get("id")?),
            action_type: cells.parse("action_type")?,
            event: cells.parse_some("event")?,
            audience: notification_rows::audience(cells)?,
        });
    }
    Ok(found)
}
