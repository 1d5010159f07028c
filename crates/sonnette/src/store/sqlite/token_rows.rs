//! Tokens and permissions as rows.

use rusqlite::Connection;

use super::StoreError;
use super::table_row::{TableRow, to_json};
use crate::domain::{OrganizerId, Permission, Permissions, Scope, Token, TokenHash, TokenId};

pub(super) fn permissions_json(permissions: Permissions) -> String {
    to_json(&permissions.iter().collect::<Vec<_>>())
}

/// Reads the column permissions.
pub(super) fn permissions(cells: TableRow<'_>) -> Result<Permissions, StoreError> {
    let held: Vec<Permission> = cells.json("permissions")?;
    Ok(held.into_iter().collect())
}

pub(super) const SELECT_TOKENS: &str = "SELECT * FROM tokens WHERE changed > ?1 ORDER BY +id";

/// The tokens that meet a condition on `?1`, by id.
pub(super) fn tokens(c: &Connection, condition: &str, key: i64) -> Result<Vec<Token>, StoreError> {
    let sql = format!("SELECT * FROM tokens WHERE {condition} ORDER BY id");
    let mut statement = c.prepare_cached(&sql)?;
    let mut rows = statement.query([key])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(token(TableRow::new(row, "tokens"))?);
    }
    Ok(found)
}

/// The tokens that changed after a version.
pub(super) fn changed_tokens(
    c: &Connection,
    since: i64,
) -> Result<Vec<(TokenHash, Token)>, StoreError> {
    let mut statement = c.prepare_cached(SELECT_TOKENS)?;
    let mut rows = statement.query([since])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let cells = TableRow::new(row, "tokens");
        found.push((cells.get("hash")?, token(cells)?));
    }
    Ok(found)
}

fn token(cells: TableRow<'_>) -> Result<Token, StoreError> {
    let permissions = permissions(cells)?;
    let organizer: Option<i64> = cells.get("organizer")?;
    Ok(Token {
        id: TokenId(cells.get("id")?),
        name: cells.get("name")?,
        scope: organizer.map_or(Scope::Operator, |o| {
            Scope::Organizer(OrganizerId(o), permissions)
        }),
        active: cells.get("active")?,
        created: cells.time("created")?,
        last_used: cells.time_optional("last_used")?,
    })
}
