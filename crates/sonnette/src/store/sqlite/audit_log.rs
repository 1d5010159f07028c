//! Who changed what.

use rusqlite::{OptionalExtension, Transaction, params};

use super::table_row::{TableRow, to_micros};
use super::{SqliteStore, StoreError};
use crate::domain::{AuditId, OrganizerId, WebhookId};
use crate::store::{Actor, AuditEntry, AuditLog, BatchAuditEntry, NewAuditEntry};

impl AuditLog for SqliteStore {
    fn audit_entries(
        &self,
        organizer: OrganizerId,
        skip: usize,
        limit: usize,
    ) -> Result<(usize, Vec<AuditEntry>), StoreError> {
        self.read(|c| {
            let count = c.query_row(
                "SELECT count(*) FROM audit WHERE organizer = ?1",
                [organizer.0],
                |r| r.get(0),
            )?;
            let mut statement = c.prepare_cached(
                "SELECT id, at, actor, actor_id, action, data FROM audit WHERE organizer = ?1
                 ORDER BY id DESC LIMIT ?2 OFFSET ?3",
            )?;
            let mut rows = statement.query(params![organizer.0, limit, skip])?;
            let mut entries = Vec::new();
            while let Some(row) = rows.next()? {
                let read = audit_entry(TableRow::new(row, "audit"));
                entries.extend(self.damage.skip_damaged(read)?);
            }
            Ok((count, entries))
        })
    }

    fn add_audit_entry(
        &self,
        organizer: OrganizerId,
        entry: NewAuditEntry,
    ) -> Result<(), StoreError> {
        self.write(|t| insert_entry(t, Some(organizer), &entry))
    }
}

pub(super) fn audit_entry(cells: TableRow<'_>) -> Result<AuditEntry, StoreError> {
    Ok(AuditEntry {
        id: AuditId(cells.get("id")?),
        at: cells.time("at")?,
        actor: (cells.get("actor")?, cells.get("actor_id")?),
        action: cells.get("action")?,
        data: cells.json("data")?,
    })
}

/// Adds an entry; without an organizer to the log of the installation.
pub(super) fn insert_entry(
    t: &Transaction<'_>,
    organizer: Option<OrganizerId>,
    entry: &NewAuditEntry,
) -> Result<(), StoreError> {
    let (actor, actor_id) = match entry.actor {
        Actor::Token(id) => ("token", Some(id.0)),
        Actor::User(id) => ("user", Some(id.0)),
        Actor::CommandLine => ("command_line", None),
        Actor::Server => ("server", None),
    };
    t.execute(
        "INSERT INTO audit (organizer, at, actor, actor_id, action, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            organizer.map(|o| o.0),
            to_micros(entry.at),
            actor,
            actor_id,
            entry.action,
            entry.data.to_string()
        ],
    )?;
    Ok(())
}

/// Adds an entry to the log of a webhook's organizer.
pub(super) fn insert_entry_of_webhook(
    t: &Transaction<'_>,
    webhook: WebhookId,
    entry: &NewAuditEntry,
) -> Result<(), StoreError> {
    insert_entry(t, organizer_of(t, webhook)?, entry)
}

/// Adds the entry of a change that takes several transactions, or updates its counts if it is in the log.
pub(super) fn write_batch_entry(
    t: &Transaction<'_>,
    organizer: Option<OrganizerId>,
    batch: &mut BatchAuditEntry,
) -> Result<(), StoreError> {
    if let Some(id) = batch.id {
        t.prepare_cached("UPDATE audit SET data = ?2 WHERE id = ?1")?
            .execute(params![id.0, batch.entry.data.to_string()])?;
    } else {
        insert_entry(t, organizer, &batch.entry)?;
        batch.id = Some(AuditId(t.last_insert_rowid()));
    }
    Ok(())
}

pub(super) fn organizer_of(
    t: &Transaction<'_>,
    webhook: WebhookId,
) -> Result<Option<OrganizerId>, StoreError> {
    let mut statement = t.prepare_cached("SELECT organizer FROM webhooks WHERE id = ?1")?;
    let organizer = statement.query_row([webhook.0], |r| r.get(0).map(OrganizerId));
    Ok(organizer.optional()?)
}
