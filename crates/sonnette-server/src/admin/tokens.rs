//! Tokens of the REST API: a token grants only what its maker may do.

use jiff::Timestamp;
use serde_json::json;
use sonnette::domain::{OrganizerId, Permission, Permissions, Scope, Token, TokenId};
use sonnette::engine::RegistrySnapshot;
use sonnette::store::{ChangeResult, NewToken};

use super::Author;
use crate::credentials::{random_token, token_hash};
use crate::edge::AppState;
use crate::edge::error::ApiError;

/// What somebody sets of a token; those left out stay.
#[derive(Debug, Default)]
pub(crate) struct Patch {
    /// What it is for.
    pub(crate) name: Option<String>,
    /// What it may do.
    pub(crate) permissions: Option<Permissions>,
    /// Whether it is accepted.
    pub(crate) active: Option<bool>,
}

/// What a token may do.
pub(crate) fn permissions_of(token: &Token) -> Permissions {
    match token.scope {
        Scope::Operator => Permission::ALL.iter().copied().collect(),
        Scope::Organizer(_, permissions) => permissions,
    }
}

/// When a token was last used.
pub(crate) fn last_used(state: &AppState, token: &Token) -> Option<Timestamp> {
    token.last_used.max(state.token_use.last(token.id))
}

/// The tokens of an organizer, the oldest first.
pub(crate) fn of(registry: &RegistrySnapshot, organizer: OrganizerId) -> Vec<&Token> {
    let belongs =
        |token: &&Token| matches!(token.scope, Scope::Organizer(own, _) if own == organizer);
    let mut tokens: Vec<&Token> = registry
        .tokens()
        .map(AsRef::as_ref)
        .filter(belongs)
        .collect();
    tokens.sort_by_key(|token| token.id);
    tokens
}

/// Makes a token; it comes with its text, which is kept nowhere.
pub(crate) async fn create(
    state: &AppState,
    author: &Author,
    organizer: OrganizerId,
    name: String,
    permissions: Permissions,
) -> Result<(Token, String), ApiError> {
    if !author.holds.covers(permissions) {
        return Err(ApiError::forbidden());
    }
    let text = random_token()?;
    let now = state.now();
    let token = NewToken {
        hash: token_hash(&text),
        name,
        scope: Scope::Organizer(organizer, permissions),
        created: now,
    };
    let data = json!({"name": token.name, "permissions": words(permissions)});
    let note = author.note("sonnette.token.created", data, now);
    let token = state
        .store(move |store| store.add_token(&token, note))
        .await?;
    state.refresh().await?;
    Ok((token, text))
}

/// Changes a token of the organizer; none: there is no such token any more.
pub(crate) async fn change(
    state: &AppState,
    author: &Author,
    before: &Token,
    patch: Patch,
) -> Result<Option<Token>, ApiError> {
    if granted(before, &patch).is_some_and(|granted| !author.holds.covers(granted)) {
        return Err(ApiError::forbidden());
    }
    save(state, author, before.id, patch).await
}

/// What a change gives away: permissions that the token had not, or all of them when it is accepted again.
fn granted(before: &Token, patch: &Patch) -> Option<Permissions> {
    let held = permissions_of(before);
    let wakes = patch.active == Some(true) && !before.active;
    match patch.permissions {
        Some(permissions) if wakes || !held.covers(permissions) => Some(permissions),
        None if wakes => Some(held),
        _ => None,
    }
}

async fn save(
    state: &AppState,
    author: &Author,
    id: TokenId,
    patch: Patch,
) -> Result<Option<Token>, ApiError> {
    let words = patch.permissions.map(words);
    let data = json!({"id": id, "name": patch.name, "permissions": words, "active": patch.active});
    let note = author.note("sonnette.token.changed", data, state.now());
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
    let changed = state
        .store(move |store| store.change_token(id, &mut apply, note))
        .await?;
    state.refresh().await?;
    match changed {
        ChangeResult::Done(token) => Ok(Some(token)),
        ChangeResult::Missing => Ok(None),
        ChangeResult::Taken | ChangeResult::Refused => Err(ApiError::contradiction("a token")),
    }
}

fn words(permissions: Permissions) -> Vec<&'static str> {
    permissions.iter().map(Permission::as_str).collect()
}
