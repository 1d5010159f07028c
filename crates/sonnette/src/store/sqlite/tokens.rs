//! Tokens and permissions as rows.

use super::StoreError;
use super::rows::{Cells, to_json};
use crate::domain::{OrganizerId, Permission, Permissions, Scope, Token, TokenId};

pub(super) fn permissions_json(permissions: Permissions) -> String {
    to_json(&permissions.iter().collect::<Vec<_>>())
}

pub(super) fn token(cells: Cells<'_>) -> Result<Token, StoreError> {
    let permissions: Vec<Permission> = cells.json("permissions")?;
    let organizer: Option<i64> = cells.get("organizer")?;
    Ok(Token {
        id: TokenId(cells.get("id")?),
        name: cells.get("name")?,
        scope: organizer.map_or(Scope::Operator, |o| {
            Scope::Organizer(OrganizerId(o), permissions.into_iter().collect())
        }),
        active: cells.get("active")?,
        created: cells.time("created")?,
        last_used: cells.time_some("last_used")?,
    })
}
