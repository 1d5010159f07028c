//! Action types as rows.

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde_json::Value;

use super::StoreError;
use super::damage_log::DamageLog;
use super::registry_version::bump;
use super::table_row::TableRow;
use crate::domain::{OrganizerId, RegisteredActionType};
use crate::store::RemovedActionType;

/// `+name`: the order must not lead the planner past the index that the condition has.
pub(super) fn select_action_types(condition: &str) -> String {
    format!("SELECT * FROM action_types WHERE {condition} ORDER BY +name, organizer")
}

/// Without an order: there are few.
pub(super) fn select_removed_action_types(condition: &str) -> String {
    format!("SELECT organizer, name FROM removed_action_types WHERE {condition}")
}

/// Action types by name. Damaged rows are left out.
pub(super) fn action_types(
    c: &Connection,
    damage: &DamageLog,
    condition: &str,
    value: i64,
) -> Result<Vec<RegisteredActionType>, StoreError> {
    let mut statement = c.prepare_cached(&select_action_types(condition))?;
    let mut rows = statement.query([value])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let cells = TableRow::new(row, "action_types");
        found.extend(damage.skip_damaged(action_type(cells))?);
    }
    Ok(found)
}

fn action_type(cells: TableRow<'_>) -> Result<RegisteredActionType, StoreError> {
    let value = |column| -> Result<Option<Value>, StoreError> {
        cells
            .get::<Option<String>>(column)?
            .map(|_| cells.json(column))
            .transpose()
    };
    Ok(RegisteredActionType {
        id: cells.get("id")?,
        organizer: cells.get::<Option<i64>>("organizer")?.map(OrganizerId),
        name: cells.parse("name")?,
        description: cells.get("description")?,
        schema: value("schema")?,
        example: value("example")?,
        shape: cells.parse("shape")?,
        from_file: cells.get("from_file")?,
    })
}

/// The action types that were removed. Damaged rows are left out.
pub(super) fn removed_action_types(
    c: &Connection,
    damage: &DamageLog,
    condition: &str,
    value: i64,
) -> Result<Vec<RemovedActionType>, StoreError> {
    let mut statement = c.prepare_cached(&select_removed_action_types(condition))?;
    let mut rows = statement.query([value])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let cells = TableRow::new(row, "removed_action_types");
        found.extend(damage.skip_damaged(removed_action_type(cells))?);
    }
    Ok(found)
}

fn removed_action_type(cells: TableRow<'_>) -> Result<RemovedActionType, StoreError> {
    let organizer = Some(cells.get("organizer")?).filter(|id| *id != 0);
    Ok(RemovedActionType {
        organizer: organizer.map(OrganizerId),
        name: cells.parse("name")?,
    })
}

/// The id of the new row; `None` if there is one with the same name.
pub(super) fn insert_action_type(
    t: &Transaction<'_>,
    action_type: &RegisteredActionType,
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
    action_type: &RegisteredActionType,
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

/// Removes an action type and makes a new version that knows of it. Whether there was such a row.
pub(super) fn delete_action_type(t: &Transaction<'_>, id: i64) -> Result<bool, StoreError> {
    let removed = t.query_row(
        "DELETE FROM action_types WHERE id = ?1 RETURNING coalesce(organizer, 0), name",
        [id],
        |r| Ok((r.get::<_, i64>(0)?, r.get::<_, String>(1)?)),
    );
    let Some((organizer, name)) = removed.optional()? else {
        return Ok(false);
    };
    t.execute(
        "INSERT OR REPLACE INTO removed_action_types (organizer, name, changed) VALUES (?1, ?2, ?3)",
        params![organizer, name, bump(t)?],
    )?;
    Ok(true)
}
