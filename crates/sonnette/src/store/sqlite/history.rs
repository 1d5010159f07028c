//! Reads attempts, deliveries and notifications.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::filter::Filter;
use super::table_row::{TableRow, to_micros};
use super::{
    SqliteStore, StoreError, attempt_pages, attempt_stats, delivery_rows, notification_rows,
};
use crate::domain::{
    Attempt, AttemptId, Delivery, NotificationId, OrganizerId, SettlementKind, WebhookId,
};
use crate::store::{
    AttemptPage, AttemptQuery, AttemptStats, AttemptTiming, DeliveryQuery, DeliveryStateFilter,
    History, MAX_ATTEMPT_TIMINGS, NotificationEntry, NotificationQuery,
};

pub(super) const SELECT_NOTIFICATION: &str =
    "SELECT id, organizer, action_type, event, published_at, shape, body, subject, deliveries, data, audience
    FROM notifications";

/// The number of damaged rows that a page of deliveries may pass over.
const MAX_DAMAGED_ROWS: usize = 1_000;

impl History for SqliteStore {
    fn attempt_page(
        &self,
        webhooks: &[WebhookId],
        query: &AttemptQuery,
    ) -> Result<AttemptPage, StoreError> {
        self.read_log(|c, segments| attempt_pages::page(c, &self.damage, segments, webhooks, query))
    }

    fn attempt(&self, webhook: WebhookId, id: AttemptId) -> Result<Option<Attempt>, StoreError> {
        self.read_log(|c, segments| attempt_pages::read_with_bodies(c, segments, webhook, id))
    }

    fn latest_attempts(&self, webhooks: &[WebhookId]) -> Result<Vec<Attempt>, StoreError> {
        self.read_log(|c, segments| {
            let mut found = Vec::new();
            for webhook in webhooks {
                found.extend(attempt_pages::latest(c, &self.damage, segments, *webhook)?);
            }
            Ok(found)
        })
    }

    fn unhealthy_webhooks(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<WebhookId>, StoreError> {
        self.read(|c| unhealthy_webhooks(c, now, limit))
    }

    fn attempt_timings(
        &self,
        webhook: WebhookId,
        since: Timestamp,
    ) -> Result<Vec<AttemptTiming>, StoreError> {
        self.read_log(|c, segments| {
            let mut timings = Vec::new();
            for segment in segments.iter().filter(|s| s.last_id >= to_micros(since)) {
                let mut statement = c.prepare_cached(&format!(
                    "SELECT id, return_code, duration_us FROM {}
                     WHERE webhook = ?1 AND id >= ?2 AND action_type IS NULL ORDER BY id DESC LIMIT ?3",
                    segment.table()
                ))?;
                let limit = MAX_ATTEMPT_TIMINGS - timings.len();
                let mut rows = statement.query(params![webhook.0, to_micros(since), limit])?;
                while let Some(row) = rows.next()? {
                    let read = attempt_timing(TableRow::new(row, "attempts"));
                    timings.extend(self.damage.skip_damaged(read)?);
                }
            }
            Ok(timings)
        })
    }

    fn attempt_stats(
        &self,
        webhooks: &[WebhookId],
        since: Timestamp,
    ) -> Result<Vec<AttemptStats>, StoreError> {
        // Locked while the table is read: counts that are flushed meanwhile would be read twice or not at all.
        let stats_buffer = self.stats_buffer.lock();
        self.read(|c| attempt_stats::stats_since(c, &self.damage, &stats_buffer, webhooks, since))
    }

    fn deliveries(
        &self,
        webhook: WebhookId,
        query: DeliveryQuery,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.read(|c| {
            // Few deliveries are pending or failed. Their partial indexes must be named, since the planner rates the
            // primary key as equally good.
            let (from, state) = match query.state {
                None => ("deliveries d", "1"),
                Some(DeliveryStateFilter::Pending) => (
                    "(SELECT notification AS waits FROM deliveries INDEXED BY deliveries_waiting
                       WHERE webhook = ?1 AND settled_at IS NULL AND notification < ?2
                       ORDER BY notification DESC LIMIT ?3)
                     CROSS JOIN deliveries d ON d.webhook = ?1 AND d.notification = waits",
                    "1",
                ),
                Some(DeliveryStateFilter::Settled(SettlementKind::Delivered)) => ("deliveries d", delivery_rows::IS_DELIVERED_SQL),
                Some(DeliveryStateFilter::Settled(SettlementKind::GivenUp)) => (
                    "deliveries d INDEXED BY deliveries_failed",
                    "d.how IN ('given_up', 'dropped') AND d.how = 'given_up'",
                ),
                Some(DeliveryStateFilter::Settled(SettlementKind::Dropped)) => (
                    "deliveries d INDEXED BY deliveries_failed",
                    "d.how IN ('given_up', 'dropped') AND d.how = 'dropped'",
                ),
            };
            let mut statement = c.prepare_cached(&format!(
                "SELECT d.notification, n.action_type, n.event, d.attempts, d.due_at, d.settled_at, d.how, d.reason,
                   d.webhook AS webhook
                 FROM {from} JOIN notifications n ON n.id = d.notification
                 WHERE d.webhook = ?1 AND d.notification < ?2 AND {state} ORDER BY d.notification DESC LIMIT ?3"
            ))?;
            let before = query.after.map_or(i64::MAX, |a| a.0);
            let mut rows = statement.query(params![webhook.0, before, query.limit.saturating_add(MAX_DAMAGED_ROWS)])?;
            let mut found = Vec::new();
            while found.len() < query.limit
                && let Some(row) = rows.next()?
            {
                let read = delivery_rows::delivery_from_row(TableRow::new(row, "deliveries"), webhook);
                found.extend(self.damage.skip_damaged(read)?);
            }
            Ok(found)
        })
    }

    fn deliveries_of_notification(
        &self,
        notification: NotificationId,
        webhooks: &[WebhookId],
    ) -> Result<Vec<Delivery>, StoreError> {
        self.read(|c| {
            let mut found = Vec::new();
            for webhook in webhooks {
                let read = delivery_rows::delivery(c, *webhook, notification);
                found.extend(self.damage.skip_damaged(read)?.flatten());
            }
            Ok(found)
        })
    }

    fn notifications(
        &self,
        organizer: OrganizerId,
        query: &NotificationQuery,
    ) -> Result<Vec<NotificationEntry>, StoreError> {
        self.read(|c| {
            let mut filter = Filter::new("organizer = ? AND id < ?");
            filter.bind(organizer.0);
            filter.bind(query.after.map_or(i64::MAX, |a| a.0));
            filter.and("action_type = ?", query.action_type.clone());
            filter.and("event = ?", query.event.clone());
            if query.range.since.is_some() {
                filter.and(
                    "id >= ?",
                    Some(notification_rows::first_id_since(c, query.range.since)?),
                );
            }
            filter.and("published_at >= ?", query.range.since.map(to_micros));
            filter.and("published_at <= ?", query.range.until.map(to_micros));
            let sql = format!(
                "{SELECT_NOTIFICATION} WHERE {} ORDER BY id DESC",
                filter.sql()
            );
            let mut statement = c.prepare_cached(&sql)?;
            let mut rows = statement.query(filter.values().as_slice())?;
            let mut found = Vec::new();
            while found.len() < query.limit
                && let Some(row) = rows.next()?
            {
                let read = notification(TableRow::new(row, "notifications"));
                found.extend(self.damage.skip_damaged(read)?);
            }
            Ok(found)
        })
    }

    fn notification(
        &self,
        organizer: OrganizerId,
        id: NotificationId,
    ) -> Result<Option<NotificationEntry>, StoreError> {
        self.read(|c| {
            let mut statement = c.prepare_cached(&format!(
                "{SELECT_NOTIFICATION} WHERE id = ?1 AND organizer = ?2"
            ))?;
            let mut rows = statement.query([id.0, organizer.0])?;
            rows.next()?
                .map(|row| notification(TableRow::new(row, "notifications")))
                .transpose()
        })
    }

    fn total_backlog(&self) -> Result<(u64, Option<Timestamp>), StoreError> {
        self.read(|c| {
            let (count, oldest): (u64, Option<i64>) = c
                .prepare_cached(
                    "SELECT count(*), min(iif(typeof(started_at) = 'integer', started_at, NULL))
                     FROM deliveries WHERE settled_at IS NULL",
                )?
                .query_row([], |r| Ok((r.get(0)?, r.get(1)?)))?;
            Ok((
                count,
                oldest.and_then(|o| Timestamp::from_microsecond(o).ok()),
            ))
        })
    }
}

fn attempt_timing(cells: TableRow<'_>) -> Result<AttemptTiming, StoreError> {
    let code: u16 = cells.get("return_code")?;
    Ok(AttemptTiming {
        ended_at: cells.time("id")?,
        success: (200..300).contains(&code),
        duration: Duration::from_micros(cells.get::<u64>("duration_us")?),
    })
}

pub(super) fn notification(cells: TableRow<'_>) -> Result<NotificationEntry, StoreError> {
    Ok(NotificationEntry {
        notification: notification_rows::notification(cells)?,
        subject: cells.get("subject")?,
        delivery_count: cells.get("deliveries")?,
        data: cells.get("data")?,
        audience: notification_rows::audience(cells)?,
    })
}

/// Pending deliveries are counted in a partial index that holds nothing else, and `lanes` has a row only for webhooks with
/// a stored health. So healthy webhooks are not visited.
pub(super) fn unhealthy_webhooks(
    c: &Connection,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<WebhookId>, StoreError> {
    let mut statement = c.prepare_cached(
        "WITH queues AS MATERIALIZED (
           SELECT webhook, count(*) AS waiting, min(due_at) AS first_due
           FROM deliveries INDEXED BY deliveries_waiting WHERE settled_at IS NULL GROUP BY webhook),
         candidates AS (SELECT webhook FROM queues UNION SELECT webhook FROM lanes WHERE failing_since IS NOT NULL)
         SELECT w.id, l.probing_since IS NOT NULL AS failing,
           max(coalesce(q.waiting, 0), 1) * ((?1 - min(coalesce(l.failing_since, ?1), coalesce(q.first_due, ?1)))
             / 1000000) AS weight
         FROM candidates s JOIN webhooks w ON w.id = s.webhook LEFT JOIN lanes l ON l.webhook = w.id
           LEFT JOIN queues q ON q.webhook = w.id
         WHERE w.disabled_at IS NULL AND (failing OR weight > 0)
         ORDER BY failing DESC, weight DESC, w.id LIMIT ?2",
    )?;
    let found = statement.query_map(params![to_micros(now), limit], |r| r.get(0).map(WebhookId))?;
    Ok(found.collect::<Result<_, _>>()?)
}
