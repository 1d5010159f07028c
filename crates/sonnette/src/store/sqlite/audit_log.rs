//! Who changed what.

use rusqlite::{Transaction, params};

use super::rows::{Cells, micros};
use super::{SqliteStore, StoreError};
use crate::domain::{AuditId, OrganizerId};
use crate::store::{Actor, AuditEntry, AuditLog, NewAuditEntry};

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
                let cells = Cells::new(row, "audit");
                entries.push(AuditEntry {
                    id: AuditId(cells.get("id")?),
                    at: cells.time("at")?,
                    actor: (cells.get("actor")?, cells.get("actor_id")?),
                    action: cells.get("action")?,
                    data: cells.json("data")?,
                });
            }
            Ok((count, entries))
        })
    }

    fn add_audit_entry(
        &self,
        organizer: OrganizerId,
        note: NewAuditEntry,
    ) -> Result<(), StoreError> {
        self.write(|t| write_note(t, Some(organizer), &note))
    }
}

pub(super) fn write_note(
    t: &Transaction<'_>,
    organizer: Option<OrganizerId>,
    note: &NewAuditEntry,
) -> Result<(), StoreError> {
    let (actor, id) = match note.actor {
        Actor::Token(id) => ("token", Some(id.0)),
        Actor::User(id) => ("user", Some(id.0)),
        Actor::CommandLine => ("command_line", None),
        Actor::Server => ("server", None),
    };
    t.execute(
        "INSERT INTO audit (organizer, at, actor, actor_id, action, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![organizer.map(|o| o.0), micros(note.at), actor, id, note.action, note.data.to_string()],
    )?;
    Ok(())
}
