//! Tokens of the REST API.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use serde_json::json;
use sonnette::domain::{OrganizerId, Permission, Permissions, Scope, Token, TokenId};
use sonnette::store::{Changed, NewToken};
use utoipa::ToSchema;

use super::path::Segments;
use crate::credentials::{random_token, token_hash};
use crate::http::body::Object;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::guard::Caller;
use crate::http::links::Address;
use crate::http::lists::{Listing, PageNumber, numbered};
use crate::http::{AppState, reply};

const LONGEST_NAME: usize = 200;

/// A credential of the REST API.
#[derive(Serialize, ToSchema)]
pub(crate) struct TokenJson {
    /// Assigned by the server.
    #[schema(example = 3)]
    id: i64,
    /// What it is for.
    #[schema(example = "shop")]
    name: String,
    /// What it may do: `webhooks`, `publish`, `organizer`.
    #[schema(example = json!(["webhooks", "publish"]))]
    permissions: Vec<&'static str>,
    /// Whether it is accepted.
    #[schema(example = true)]
    active: bool,
    /// When it was made.
    #[schema(example = "2026-11-21T18:00:00.000000Z")]
    created: String,
    /// To the minute.
    #[schema(example = json!(null))]
    last_used: Option<String>,
}

/// A new credential.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewTokenJson {
    #[serde(flatten)]
    described: TokenJson,
    /// Its text, shown this once.
    #[schema(example = "snt_v6P0cW1yq3mXh5nQZ2sT8uB4dF7jK9lR0aE3gI6oM1w")]
    token: String,
}

/// What is sent to create a token.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read by Fields")]
pub(crate) struct TokenBody {
    /// What it is for.
    #[schema(example = "shop")]
    name: Option<String>,
    /// By default `webhooks` and `publish`. Nothing that the token of this request does not have.
    #[schema(example = json!(["webhooks", "publish"]))]
    permissions: Option<Vec<String>>,
}

/// What is sent to change a token.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read by Fields")]
pub(crate) struct TokenPatch {
    /// What it is for.
    name: Option<String>,
    /// What it may do. Nothing that the token of this request does not have.
    #[schema(example = json!(["publish"]))]
    permissions: Option<Vec<String>>,
    /// Whether it is accepted.
    #[schema(example = false)]
    active: Option<bool>,
}

/// What a request sets of a token; those left out stay.
#[derive(Debug, Default)]
struct Patch {
    name: Option<String>,
    permissions: Option<Permissions>,
    active: Option<bool>,
}

fn permissions_of(token: &Token) -> Permissions {
    match token.scope {
        Scope::Operator => Permission::ALL.iter().copied().collect(),
        Scope::Organizer(_, permissions) => permissions,
    }
}

fn shown(state: &AppState, token: &Token) -> TokenJson {
    let last_used = token.last_used.max(state.token_use.last(token.id));
    TokenJson {
        id: token.id.0,
        name: token.name.clone(),
        permissions: permissions_of(token)
            .iter()
            .map(Permission::as_str)
            .collect(),
        active: token.active,
        created: reply::time(token.created),
        last_used: last_used.map(reply::time),
    }
}

fn belongs(token: &Token, organizer: OrganizerId) -> bool {
    matches!(token.scope, Scope::Organizer(own, _) if own == organizer)
}

fn no_token() -> ApiError {
    ApiError::no_such("Token")
}

/// List tokens
///
/// The organizer's tokens, without their text.
#[utoipa::path(
    get,
    path = "/organizers/{organizer}/tokens/",
    params(PageNumber),
    responses((status = 200, description = "One page.", body = Listing<TokenJson>))
)]
pub(crate) async fn list_tokens(
    State(state): State<AppState>,
    caller: Caller,
    address: Address,
) -> Result<Response, ApiError> {
    let organizer = caller.tenant()?.organizer.id;
    let own = caller
        .registry
        .tokens()
        .filter(|token| belongs(token, organizer));
    let mut tokens: Vec<&Token> = own.map(AsRef::as_ref).collect();
    tokens.sort_by_key(|token| token.id);
    numbered(
        &address,
        tokens
            .into_iter()
            .map(|token| shown(&state, token))
            .collect(),
    )
}

/// Create a token
///
/// Its text is in the answer, and never again. A token grants only what it has itself.
#[utoipa::path(
    post,
    path = "/organizers/{organizer}/tokens/",
    request_body = TokenBody,
    responses((status = 201, description = "The new token, with its text.", body = NewTokenJson))
)]
pub(crate) async fn create_token(
    State(state): State<AppState>,
    caller: Caller,
    Object(members): Object,
) -> Result<Response, ApiError> {
    let organizer = caller.tenant()?.organizer.id;
    let mut fields = Fields::new(members);
    let name = fields.text("name", LONGEST_NAME).unwrap_or_default();
    let permissions: Option<Vec<Permission>> = fields.words("permissions");
    fields.finish()?;
    let permissions = permissions.map_or(Permissions::DEFAULT, Permissions::from_iter);
    if !permissions_of(&caller.token).covers(permissions) {
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
    let words: Vec<_> = permissions.iter().map(Permission::as_str).collect();
    let data = json!({"name": token.name, "permissions": words});
    let note = caller.note("sonnette.token.created", data, now);
    let token = state
        .store(move |store| store.add_token(&token, note))
        .await?;
    state.refresh()?;
    let answer = NewTokenJson {
        described: shown(&state, &token),
        token: text,
    };
    Ok(reply::json(StatusCode::CREATED, &answer))
}

/// Change a token
///
/// Its name, what it may do, or whether it is accepted. A token grants only what it has itself.
#[utoipa::path(
    patch,
    path = "/organizers/{organizer}/tokens/{id}/",
    request_body = TokenPatch,
    responses((status = 200, description = "The token as it is now.", body = TokenJson))
)]
pub(crate) async fn change_token(
    State(state): State<AppState>,
    caller: Caller,
    Segments((_, id)): Segments<(String, TokenId)>,
    Object(members): Object,
) -> Result<Response, ApiError> {
    let before = find(&caller, id)?;
    let mut fields = Fields::new(members);
    let permissions: Option<Vec<Permission>> = fields.words("permissions");
    let patch = Patch {
        name: fields.text("name", LONGEST_NAME),
        permissions: permissions.map(Permissions::from_iter),
        active: fields.boolean("active"),
    };
    fields.finish()?;
    let held = permissions_of(&before);
    let wakes = patch.active == Some(true) && !before.active;
    let granted = match patch.permissions {
        Some(permissions) if wakes || !held.covers(permissions) => Some(permissions),
        None if wakes => Some(held),
        _ => None,
    };
    let own = permissions_of(&caller.token);
    if granted.is_some_and(|granted| !own.covers(granted)) {
        return Err(ApiError::forbidden());
    }
    let token = save(&state, &caller, id, patch).await?;
    Ok(reply::ok(&shown(&state, &token)))
}

/// Deactivate a token
///
/// It is refused from now on. It stays listed, and PATCH activates it again.
#[utoipa::path(
    delete,
    path = "/organizers/{organizer}/tokens/{id}/",
    responses((status = 204, description = "It is refused from now on."))
)]
pub(crate) async fn deactivate_token(
    State(state): State<AppState>,
    caller: Caller,
    Segments((_, id)): Segments<(String, TokenId)>,
) -> Result<Response, ApiError> {
    find(&caller, id)?;
    let off = Patch {
        active: Some(false),
        ..Patch::default()
    };
    save(&state, &caller, id, off).await?;
    Ok(reply::no_content())
}

fn find(caller: &Caller, id: TokenId) -> Result<Token, ApiError> {
    let organizer = caller.tenant()?.organizer.id;
    let mut own = caller
        .registry
        .tokens()
        .filter(|token| belongs(token, organizer));
    own.find(|token| token.id == id)
        .map(|token| Token::clone(token))
        .ok_or_else(no_token)
}

async fn save(
    state: &AppState,
    caller: &Caller,
    id: TokenId,
    patch: Patch,
) -> Result<Token, ApiError> {
    let words = patch.permissions.map(|permissions| {
        permissions
            .iter()
            .map(Permission::as_str)
            .collect::<Vec<_>>()
    });
    let data = json!({"id": id, "name": patch.name, "permissions": words, "active": patch.active});
    let note = caller.note("sonnette.token.changed", data, state.now());
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
    state.refresh()?;
    match changed {
        Changed::Done(token) => Ok(token),
        Changed::Missing => Err(no_token()),
        Changed::Taken | Changed::Refused => Err(ApiError::contradiction("a token")),
    }
}
