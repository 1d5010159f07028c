//! Tokens and permissions as rows.

use super::StoreError;
use super::rows::{Cells, to_json};
use crate::domain::{OrganizerId, Permission, Permissions, Scope, Token, TokenId};

pub(super) fn permissions_json(permissions: Permissions) -> String {
    to_json(&permissions.iter().collect::<Vec<_>>())
}

/// Column permissions.
pub(super) fn permissions(cells: Cells<'_>) -> Result<Permissions, StoreError> {
    let held: Vec<Permission> = cells.json("permissions")?;
    Ok(held.into_iter().collect())
}

pub(super) fn token(cells: Cells<'_>) -> Result<Token, StoreError> {
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
        last_used: cells.time_some("last_used")?,
    })
}
