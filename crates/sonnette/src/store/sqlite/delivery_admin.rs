//! What people, and a change of state, do to waiting deliveries: in bites.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::delivery_rows::{self, WAITING};
use super::notification_rows::first_since;
use super::rows::{Cells, micros};
use super::{SqliteStore, StoreError, disable_webhook};
use crate::domain::{DELIVERY_LIFETIME, Delivery, NotificationId, SettlementKind, WebhookId};
use crate::store::{
    DeliveryAdmin, DeliveryStateFilter, MAX_BATCH_ROWS, PendingDelivery, TimeRange,
};

/// Deliveries looked at in search of those nobody took, before others may have the connection.
const LOOKED_AT: usize = 10 * MAX_BATCH_ROWS;

impl DeliveryAdmin for SqliteStore {
    fn schedule_now(&self, webhook: WebhookId, now: Timestamp) -> Result<usize, StoreError> {
        self.write(|t| {
            Ok(t.prepare_cached(
                "UPDATE deliveries SET due_at = min(started_at, ?2) WHERE webhook = ?1 AND notification IN (
                   SELECT notification FROM deliveries INDEXED BY deliveries_waiting
                   WHERE webhook = ?1 AND settled_at IS NULL AND due_at > ?2 LIMIT ?3)",
            )?
            .execute(params![webhook.0, micros(now), MAX_BATCH_ROWS])?)
        })
    }

    fn drop_pending(
        &self,
        webhook: WebhookId,
        now: Timestamp,
        reason: &str,
    ) -> Result<usize, StoreError> {
        self.write(|t| {
            Ok(t.prepare_cached(
                "UPDATE deliveries SET settled_at = ?2, how = 'dropped', reason = ?3 WHERE webhook = ?1 AND notification IN (
                   SELECT notification FROM deliveries INDEXED BY deliveries_waiting
                   WHERE webhook = ?1 AND settled_at IS NULL LIMIT ?4)",
            )?
            .execute(params![webhook.0, micros(now), reason, MAX_BATCH_ROWS])?)
        })
    }

    fn expire_deliveries(&self, webhook: WebhookId, now: Timestamp) -> Result<usize, StoreError> {
        let began = now
            .saturating_sub(DELIVERY_LIFETIME)
            .unwrap_or(Timestamp::MIN);
        self.write(|t| {
            Ok(t.prepare_cached(
                "UPDATE deliveries SET settled_at = ?2, how = 'given_up', reason = 'its three days are over'
                 WHERE webhook = ?1 AND notification IN (
                   SELECT notification FROM deliveries INDEXED BY deliveries_waiting
                   WHERE webhook = ?1 AND settled_at IS NULL AND due_at <= ?3 AND started_at <= ?3 LIMIT ?4)",
            )?
            .execute(params![webhook.0, micros(now), micros(began), MAX_BATCH_ROWS])?)
        })
    }

    fn disable_never_succeeded(
        &self,
        webhook: WebhookId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write(|t| disable_webhook::disable_never_succeeded(t, webhook, now))
    }

    fn backlog(&self, webhook: WebhookId) -> Result<(u64, Option<Timestamp>), StoreError> {
        self.read(|c| {
            let (count, oldest): (u64, Option<i64>) = c
                .prepare_cached(
                    "SELECT count(*), min(started_at) FROM deliveries INDEXED BY deliveries_waiting
                     WHERE webhook = ?1 AND settled_at IS NULL",
                )?
                .query_row([webhook.0], |r| Ok((r.get(0)?, r.get(1)?)))?;
            Ok((
                count,
                oldest.and_then(|o| Timestamp::from_microsecond(o).ok()),
            ))
        })
    }

    fn resend(
        &self,
        webhook: WebhookId,
        notification: NotificationId,
        now: Timestamp,
    ) -> Result<Option<PendingDelivery>, StoreError> {
        self.write(|t| {
            again(t, webhook, notification, now, "")?;
            waiting(t, webhook, notification)
        })
    }

    fn resend_undelivered(
        &self,
        webhook: WebhookId,
        range: TimeRange,
        only: Option<DeliveryStateFilter>,
        after: Option<NotificationId>,
        now: Timestamp,
        dry_run: bool,
    ) -> Result<(u64, Option<NotificationId>), StoreError> {
        // Looking may take long where nearly all was delivered: the writer is not kept from others by it.
        let (seen, more) = self.read(|c| {
            let from = match after {
                Some(after) => after.0,
                None => first_since(c, range.since)? - 1,
            };
            undelivered(c, webhook, from)
        })?;
        let wanted: Vec<_> = seen
            .into_iter()
            .filter(|seen| {
                range.since.is_none_or(|s| seen.published_at >= micros(s))
                    && range.until.is_none_or(|u| seen.published_at <= micros(u))
                    && only.is_none_or(|o| o == seen.word)
            })
            .map(|seen| seen.notification)
            .collect();
        if dry_run || wanted.is_empty() {
            return Ok((wanted.len() as u64, more));
        }
        self.write(|t| {
            let mut count = 0;
            for notification in &wanted {
                // One that a receiver took meanwhile stays delivered.
                count += again(t, webhook, *notification, now, "AND how IS NOT 'delivered'")?;
            }
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
                .execute([webhook.0, notification.0, micros(now)])?;
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

/// Due now; a settled one begins anew. Returns how many rows that were: one or none.
fn again(
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
        .execute([webhook.0, notification.0, micros(now)])?)
}

fn waiting(
    c: &Connection,
    webhook: WebhookId,
    notification: NotificationId,
) -> Result<Option<PendingDelivery>, StoreError> {
    let mut statement = c.prepare_cached(&format!(
        "SELECT {WAITING} FROM deliveries d JOIN notifications n ON n.id = d.notification
         WHERE d.webhook = ?1 AND d.notification = ?2 AND d.settled_at IS NULL"
    ))?;
    let mut rows = statement.query([webhook.0, notification.0])?;
    rows.next()?.map(delivery_rows::waiting).transpose()
}

/// A delivery that nobody took, so far or for good.
struct Undelivered {
    notification: NotificationId,
    published_at: i64,
    word: DeliveryStateFilter,
}

/// Those of a webhook's deliveries, after a notification, that nobody took: at most [`MAX_BATCH_ROWS`]; and, unless that was the
/// end, where to go on.
fn undelivered(
    c: &Connection,
    webhook: WebhookId,
    from: i64,
) -> Result<(Vec<Undelivered>, Option<NotificationId>), StoreError> {
    let mut statement = c.prepare_cached(
        "SELECT notification, settled_at, how FROM deliveries WHERE webhook = ?1 AND notification > ?2
         ORDER BY notification LIMIT ?3",
    )?;
    let mut published_at = c.prepare_cached(
        "SELECT published_at FROM notifications WHERE id = ?1 AND length(body) > 0",
    )?;
    let mut rows = statement.query(params![webhook.0, from, LOOKED_AT])?;
    let mut seen = Vec::new();
    let mut looked = 0;
    while let Some(row) = rows.next()? {
        let cells = Cells::new(row, "deliveries");
        let notification = NotificationId(cells.get("notification")?);
        let word = match cells.parse_some::<SettlementKind>("how")? {
            None => DeliveryStateFilter::Waiting,
            Some(how) => DeliveryStateFilter::Settled(how),
        };
        looked += 1;
        // Of what was erased there is nothing left to send.
        if word != DeliveryStateFilter::Settled(SettlementKind::Delivered)
            && let Some(published_at) = published_at
                .query_row([notification.0], |r| r.get(0))
                .optional()?
        {
            seen.push(Undelivered {
                notification,
                published_at,
                word,
            });
        }
        if seen.len() == MAX_BATCH_ROWS || looked == LOOKED_AT {
            return Ok((seen, Some(notification)));
        }
    }
    Ok((seen, None))
}
