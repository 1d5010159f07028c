//! Action types as rows.

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde_json::Value;

use super::StoreError;
use super::rows::Cells;
use crate::domain::{OrganizerId, RegisteredAction};

pub(super) fn action_types(
    c: &Connection,
    organizer: OrganizerId,
) -> Result<Vec<RegisteredAction>, StoreError> {
    let mut statement = c.prepare_cached(
        "SELECT * FROM action_types WHERE organizer IS NULL OR organizer = ?1 ORDER BY name",
    )?;
    let mut rows = statement.query([organizer.0])?;
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

/// The id of the new row; `None` if there is one with the same name.
pub(super) fn insert_action_type(
    t: &Transaction<'_>,
    action_type: &RegisteredAction,
) -> Result<Option<i64>, StoreError> {
    let id = t.query_row(
        "INSERT INTO action_types (organizer, name, description, schema, example, shape, from_file)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING RETURNING id",
        params![
            action_type.organizer.map(|o| o.0),
            action_type.name.as_str(),
            action_type.description,
            action_type.schema.as_ref().map(ToString::to_string),
            action_type.example.as_ref().map(ToString::to_string),
            action_type.shape.as_str(),
            action_type.from_file,
        ],
        |r| r.get(0),
    );
    Ok(id.optional()?)
}

/// Whether there is such a row.
pub(super) fn update_action_type(
    t: &Transaction<'_>,
    action_type: &RegisteredAction,
) -> Result<bool, StoreError> {
    let updated = t.execute(
        "UPDATE action_types SET description = ?2, schema = ?3, example = ?4, shape = ?5, from_file = ?6
         WHERE id = ?1",
        params![
            action_type.id,
            action_type.description,
            action_type.schema.as_ref().map(ToString::to_string),
            action_type.example.as_ref().map(ToString::to_string),
            action_type.shape.as_str(),
            action_type.from_file,
        ],
    )?;
    Ok(updated > 0)
}
