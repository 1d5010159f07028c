//! Action types as rows.

use rusqlite::{Connection, Transaction, params};
use serde_json::Value;

use super::StoreError;
use super::rows::Cells;
use crate::domain::{OrganizerId, RegisteredAction};
use crate::store::RemovedAction;

/// The action types that changed after a version, by name.
pub(super) fn action_types(
    c: &Connection,
    since: i64,
) -> Result<Vec<RegisteredAction>, StoreError> {
    let mut statement =
        c.prepare_cached("SELECT * FROM action_types WHERE changed > ?1 ORDER BY name, organizer")?;
    let mut rows = statement.query([since])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let cells = Cells::new(row, "action_types");
        let value = |column| -> Result<Option<Value>, StoreError> {
            cells
                .get::<Option<String>>(column)?
                .map(|_| cells.json(column))
                .transpose()
        };
        found.push(RegisteredAction {
            id: cells.get("id")?,
            organizer: cells.get::<Option<i64>>("organizer")?.map(OrganizerId),
            name: cells.parse("name")?,
            description: cells.get("description")?,
            schema: value("schema")?,
            example: value("example")?,
            shape: cells.parse("shape")?,
            from_file: cells.get("from_file")?,
        });
    }
    Ok(found)
}

/// The action types that were removed after a version.
pub(super) fn removed_action_types(
    c: &Connection,
    since: i64,
) -> Result<Vec<RemovedAction>, StoreError> {
    let mut statement =
        c.prepare_cached("SELECT organizer, name FROM removed_action_types WHERE changed > ?1")?;
    let mut rows = statement.query([since])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let cells = Cells::new(row, "removed_action_types");
        let organizer = Some(cells.get("organizer")?).filter(|id| *id != 0);
        found.push(RemovedAction {
            organizer: organizer.map(OrganizerId),
            name: cells.parse("name")?,
        });
    }
    Ok(found)
}

/// Removes an action type and remembers its name; returns how many rows that were.
pub(super) fn remove_action_type(
    t: &Transaction<'_>,
    id: i64,
    version: i64,
) -> Result<usize, StoreError> {
    t.execute(
        "INSERT OR REPLACE INTO removed_action_types (organizer, name, changed)
         SELECT coalesce(organizer, 0), name, ?2 FROM action_types WHERE id = ?1",
        [id, version],
    )?;
    Ok(t.execute("DELETE FROM action_types WHERE id = ?1", [id])?)
}

/// Adds an action type, or changes the one with its id; returns how many rows that were.
pub(super) fn write_action_type(
    t: &Transaction<'_>,
    row: &RegisteredAction,
    version: i64,
) -> Result<usize, StoreError> {
    let schema = row.schema.as_ref().map(ToString::to_string);
    let example = row.example.as_ref().map(ToString::to_string);
    if row.id == 0 {
        return Ok(t.execute(
            "INSERT INTO action_types (organizer, name, description, schema, example, shape, from_file, changed)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
            params![
                row.organizer.map(|o| o.0),
                row.name.as_str(),
                row.description,
                schema,
                example,
                row.shape.as_str(),
                row.from_file,
                version,
            ],
        )?);
    }
    Ok(t.execute(
        "UPDATE action_types SET description = ?2, schema = ?3, example = ?4, shape = ?5, from_file = ?6,
           changed = ?7 WHERE id = ?1",
        params![
            row.id,
            row.description,
            schema,
            example,
            row.shape.as_str(),
            row.from_file,
            version
        ],
    )?)
}
