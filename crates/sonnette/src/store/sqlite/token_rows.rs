//! Tokens and permissions as rows.

use rusqlite::Connection;

use super::StoreError;
use super::damage_log::DamageLog;
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

/// `+id`: the order must not lead the planner past the index that the condition has.
pub(super) fn select_tokens(condition: &str) -> String {
    format!("SELECT * FROM tokens WHERE {condition} ORDER BY +id")
}

/// Tokens by id, with their hashes. Damaged rows are left out.
pub(super) fn tokens(
    c: &Connection,
    damage: &DamageLog,
    condition: &str,
    value: i64,
) -> Result<Vec<(TokenHash, Token)>, StoreError> {
    let mut statement = c.prepare_cached(&select_tokens(condition))?;
    let mut rows = statement.query([value])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let cells = TableRow::new(row, "tokens");
        let read = token(cells).and_then(|token| Ok((cells.get("hash")?, token)));
        found.extend(damage.skip_damaged(read)?);
    }
    Ok(found)
}

/// Reads all columns but the hash.
fn token(cells: TableRow<'_>) -> Result<Token, StoreError> {
    let permissions = permissions(cells)?;
    let organizer: Option<i64> = cells.get("organizer")?;
    if organizer.is_none() && permissions.iter().next().is_some() {
        let reason = "a token with permissions belongs to an organizer";
        return Err(cells.invalid("organizer", reason));
    }
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
