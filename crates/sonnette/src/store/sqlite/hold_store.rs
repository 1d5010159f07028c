//! Holding deliveries after a restore.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, params};

use super::audit_log::insert_entry;
use super::registry_version::bump;
use super::table_row::{TableRow, to_micros};
use super::{SqliteStore, StoreError};
use crate::domain::{OrganizerId, WebhookId};
use crate::store::{HoldStore, MAX_BATCH_ROWS, NEW_ORGANIZERS, NewAuditEntry};

impl HoldStore for SqliteStore {
    fn hold_deliveries(&self, entry: &NewAuditEntry) -> Result<(), StoreError> {
        self.write(|t| {
            t.execute(
                "INSERT INTO holds (organizer, since) SELECT id, ?2 FROM organizers UNION ALL SELECT ?1, ?2
                 ON CONFLICT DO NOTHING",
                params![NEW_ORGANIZERS.0, to_micros(entry.at)],
            )?;
            bump(t)?;
            for organizer in holds(t)?.into_keys() {
                insert_entry(t, organizer_of_entry(organizer), entry)?;
            }
            Ok(())
        })
    }

    fn resume_deliveries(
        &self,
        organizer: Option<OrganizerId>,
        entry: &NewAuditEntry,
    ) -> Result<Vec<OrganizerId>, StoreError> {
        let mut held = self.read(holds)?;
        if let Some(organizer) = organizer {
            held.retain(|id, _| *id == organizer);
        }
        for (organizer, since) in &held {
            for webhook in self.read(|c| webhooks_of(c, *organizer))? {
                self.extend_lifetimes(webhook, *since, entry.at)?;
            }
        }
        self.write(|t| {
            for organizer in held.keys() {
                end_hold(t, *organizer)?;
                insert_entry(t, organizer_of_entry(*organizer), entry)?;
            }
            let remaining = holds(t)?;
            if remaining.keys().eq([&NEW_ORGANIZERS]) {
                end_hold(t, NEW_ORGANIZERS)?;
                insert_entry(t, None, entry)?;
            }
            bump(t)?;
            Ok(())
        })?;
        Ok(held
            .into_keys()
            .filter(|id| *id != NEW_ORGANIZERS)
            .collect())
    }
}

impl SqliteStore {
    /// Extends the lifetimes of the pending deliveries of a webhook by the time since the hold, or since their publication if
    /// that is later.
    fn extend_lifetimes(
        &self,
        webhook: WebhookId,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut position = Some((i64::MIN, i64::MIN));
        while let Some(after) = position {
            position = self.write(|t| extend_batch(t, webhook, after, since, now))?;
        }
        Ok(())
    }
}

/// Extends the lifetimes of one batch after a position. Returns the position of the last row unless it was the last batch.
fn extend_batch(
    t: &Transaction<'_>,
    webhook: WebhookId,
    (due_at, notification): (i64, i64),
    since: Timestamp,
    now: Timestamp,
) -> Result<Option<(i64, i64)>, StoreError> {
    let mut statement = t.prepare_cached(
        "SELECT due_at, notification FROM deliveries INDEXED BY deliveries_waiting
         WHERE webhook = ?1 AND settled_at IS NULL AND (due_at, notification) > (?2, ?3)
           AND typeof(due_at) = 'integer' AND typeof(notification) = 'integer'
         ORDER BY due_at, notification LIMIT ?4",
    )?;
    let batch: Vec<(i64, i64)> = statement
        .query_map(
            params![webhook.0, due_at, notification, MAX_BATCH_ROWS],
            |r| Ok((r.get(0)?, r.get(1)?)),
        )?
        .collect::<Result<_, _>>()?;
    let mut update = t.prepare_cached(
        "UPDATE deliveries SET started_at = max(started_at, ?4 - max(0, ?3 - started_at))
         WHERE webhook = ?1 AND notification = ?2 AND typeof(started_at) = 'integer'",
    )?;
    for (_, notification) in &batch {
        update.execute(params![
            webhook.0,
            notification,
            to_micros(since),
            to_micros(now)
        ])?;
    }
    Ok(batch
        .last()
        .copied()
        .filter(|_| batch.len() == MAX_BATCH_ROWS))
}

fn end_hold(t: &Transaction<'_>, organizer: OrganizerId) -> Result<(), StoreError> {
    t.execute("DELETE FROM holds WHERE organizer = ?1", [organizer.0])?;
    Ok(())
}

/// The organizers whose deliveries are held, and since when.
pub(super) fn holds(c: &Connection) -> Result<BTreeMap<OrganizerId, Timestamp>, StoreError> {
    let mut statement = c.prepare_cached("SELECT organizer, since FROM holds")?;
    let mut rows = statement.query([])?;
    let mut holds = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let cells = TableRow::new(row, "holds");
        holds.insert(OrganizerId(cells.get("organizer")?), cells.time("since")?);
    }
    Ok(holds)
}

/// Holds the deliveries of an organizer that is being created, if those of new organizers are held.
pub(super) fn hold_new_organizer(
    t: &Transaction<'_>,
    organizer: OrganizerId,
    now: Timestamp,
) -> Result<(), StoreError> {
    t.execute(
        "INSERT INTO holds (organizer, since) SELECT ?1, ?3 FROM holds WHERE organizer = ?2",
        params![organizer.0, NEW_ORGANIZERS.0, to_micros(now)],
    )?;
    Ok(())
}

fn webhooks_of(c: &Connection, organizer: OrganizerId) -> Result<Vec<WebhookId>, StoreError> {
    let mut statement = c.prepare_cached("SELECT id FROM webhooks WHERE organizer = ?1")?;
    let found = statement.query_map([organizer.0], |r| r.get(0).map(WebhookId))?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// The entry of new organizers belongs to the installation.
fn organizer_of_entry(organizer: OrganizerId) -> Option<OrganizerId> {
    Some(organizer).filter(|id| *id != NEW_ORGANIZERS)
}
