//! The version of the registry: every change makes a new one.

use rusqlite::{Connection, Transaction};

use super::StoreError;
use crate::domain::OrganizerId;

pub(super) fn version(c: &Connection) -> Result<i64, StoreError> {
    let mut statement = c.prepare_cached("SELECT value FROM counters WHERE name = 'registry'")?;
    Ok(statement.query_row([], |r| r.get(0))?)
}

pub(super) fn bump(t: &Transaction<'_>) -> Result<i64, StoreError> {
    let sql = "UPDATE counters SET value = value + 1 WHERE name = 'registry' RETURNING value";
    Ok(t.query_row(sql, [], |r| r.get(0))?)
}

/// Makes a new version in which this organizer has changed.
pub(super) fn touch_organizer(
    t: &Transaction<'_>,
    organizer: OrganizerId,
) -> Result<(), StoreError> {
    let version = bump(t)?;
    t.execute(
        "UPDATE organizers SET changed = ?2 WHERE id = ?1",
        [organizer.0, version],
    )?;
    Ok(())
}

/// Makes a new version in which all organizers have changed.
pub(super) fn touch_all_organizers(t: &Transaction<'_>) -> Result<(), StoreError> {
    let version = bump(t)?;
    t.execute("UPDATE organizers SET changed = ?1", [version])?;
    Ok(())
}
