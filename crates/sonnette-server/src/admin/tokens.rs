//! Tokens of the REST API. A token gets only permissions that its author has.

use jiff::Timestamp;
use serde_json::json;
use sonnette::domain::{OrganizerId, Permission, Permissions, Scope, Token, TokenId};
use sonnette::store::{ChangeResult, NewToken, Store, StoreError};

use super::author::Author;
use super::error::{AdminError, require_done};
use crate::credentials::{random_token, token_hash};

/// What changes of a token; `None` keeps the value.
#[derive(Debug, Default)]
pub(crate) struct TokenPatch {
    /// What it is for.
    pub(crate) name: Option<String>,
    /// What it may do for its organizer.
    pub(crate) permissions: Option<Permissions>,
    /// Whether requests with it are accepted.
    pub(crate) active: Option<bool>,
}

/// What a token may do.
pub(crate) fn permissions_of(token: &Token) -> Permissions {
    match token.scope {
        Scope::Operator => Permission::ALL.iter().copied().collect(),
        Scope::Organizer(_, permissions) => permissions,
    }
}

/// The organizer's token with this id; `None`: there is no such token, or it belongs to another organizer.
pub(crate) fn find(
    store: &dyn Store,
    organizer: OrganizerId,
    id: TokenId,
) -> Result<Option<Token>, StoreError> {
    let belongs =
        |token: &Token| matches!(token.scope, Scope::Organizer(owner, _) if owner == organizer);
    Ok(store.token(id)?.filter(belongs))
}

/// Creates a token and returns it with its text, which is not stored.
///
/// # Errors
/// [`AdminError::Forbidden`] for permissions that the author lacks.
pub(crate) fn create(
    store: &dyn Store,
    author: &Author,
    scope: Scope,
    name: String,
    now: Timestamp,
) -> Result<(Token, String), AdminError> {
    let text = random_token()?;
    let token = create_with_text(store, author, scope, name, &text, now)?;
    Ok((token, text))
}

/// Creates a token with a text that the caller chose.
///
/// # Errors
/// [`AdminError::Forbidden`] for permissions that the author lacks.
pub(crate) fn create_with_text(
    store: &dyn Store,
    author: &Author,
    scope: Scope,
    name: String,
    text: &str,
    now: Timestamp,
) -> Result<Token, AdminError> {
    let (data, allowed) = match scope {
        Scope::Operator => (json!({"name": name, "operator": true}), author.operator),
        Scope::Organizer(_, permissions) => (
            json!({"name": name, "permissions": names_of(permissions)}),
            author.permissions.is_superset(permissions),
        ),
    };
    if !allowed {
        return Err(AdminError::Forbidden);
    }
    let entry = author.audit_entry("sonnette.token.created", data, now);
    let token = NewToken {
        hash: token_hash(text),
        name,
        scope,
        created: now,
    };
    Ok(store.add_token(&token, entry)?)
}

/// Changes a token that was `before` when the author saw it.
///
/// # Errors
/// [`AdminError::Forbidden`] for permissions that the author lacks, [`AdminError::NotFound`] if there is no such token.
pub(crate) fn change(
    store: &dyn Store,
    author: &Author,
    before: &Token,
    patch: TokenPatch,
    now: Timestamp,
) -> Result<Token, AdminError> {
    if granted_permissions(before, &patch)
        .is_some_and(|granted| !author.permissions.is_superset(granted))
    {
        return Err(AdminError::Forbidden);
    }
    let data = json!({
        "id": before.id,
        "name": patch.name,
        "permissions": patch.permissions.map(names_of),
        "active": patch.active,
    });
    let entry = author.audit_entry("sonnette.token.changed", data, now);
    let mut apply = move |token: &mut Token| {
        if let Some(name) = &patch.name {
            token.name.clone_from(name);
        }
        if let (Some(granted), Scope::Organizer(_, held)) = (patch.permissions, &mut token.scope) {
            *held = granted;
        }
        token.active = patch.active.unwrap_or(token.active);
        true
    };
    require_done(store.change_token(before.id, &mut apply, entry)?, "a token")
}

/// Deactivates a token by its id. Returns whether it was active.
///
/// # Errors
/// [`AdminError::NotFound`] if there is no such token.
pub(crate) fn revoke(
    store: &dyn Store,
    author: &Author,
    id: TokenId,
    now: Timestamp,
) -> Result<bool, AdminError> {
    let data = json!({"id": id, "active": false});
    let entry = author.audit_entry("sonnette.token.changed", data, now);
    let mut deactivate = |token: &mut Token| std::mem::replace(&mut token.active, false);
    match store.change_token(id, &mut deactivate, entry)? {
        ChangeResult::Refused => Ok(false),
        changed => require_done(changed, "a token").map(|_| true),
    }
}

/// The permissions that a change grants: all of them when it activates the token or adds one.
fn granted_permissions(before: &Token, patch: &TokenPatch) -> Option<Permissions> {
    let held = permissions_of(before);
    let activates = patch.active == Some(true) && !before.active;
    match patch.permissions {
        Some(permissions) if activates || !held.is_superset(permissions) => Some(permissions),
        None if activates => Some(held),
        _ => None,
    }
}

fn names_of(permissions: Permissions) -> Vec<&'static str> {
    permissions.iter().map(Permission::as_str).collect()
}
