//! Tokens of the REST API.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use sonnette::domain::{Permission, Permissions, Token, TokenId};
use utoipa::ToSchema;

use super::path_params::Segments;
use crate::admin::LONGEST_NAME;
use crate::admin::tokens::{self, Patch};
use crate::admin::validation::Fields;
use crate::edge::AppState;
use crate::edge::authorize::Caller;
use crate::edge::error::ApiError;
use crate::edge::links::Address;
use crate::edge::response;
use crate::rest::json_body::JsonObject;
use crate::rest::pagination::{Listing, PageNumber, numbered};

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

fn shown(state: &AppState, token: &Token) -> TokenJson {
    let last_used = tokens::last_used(state, token);
    TokenJson {
        id: token.id.0,
        name: token.name.clone(),
        permissions: tokens::permissions_of(token)
            .iter()
            .map(Permission::as_str)
            .collect(),
        active: token.active,
        created: response::time(token.created),
        last_used: last_used.map(response::time),
    }
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
    let tokens = tokens::of(&caller.registry, organizer);
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
    JsonObject(members): JsonObject,
) -> Result<Response, ApiError> {
    let organizer = caller.tenant()?.organizer.id;
    let mut fields = Fields::new(members);
    let name = fields.text("name", LONGEST_NAME).unwrap_or_default();
    let permissions: Option<Vec<Permission>> = fields.words("permissions");
    fields.finish()?;
    let permissions = permissions.map_or(Permissions::DEFAULT, Permissions::from_iter);
    let (token, text) =
        tokens::create(&state, &caller.author(), organizer, name, permissions).await?;
    let answer = NewTokenJson {
        described: shown(&state, &token),
        token: text,
    };
    Ok(response::json(StatusCode::CREATED, &answer))
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
    JsonObject(members): JsonObject,
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
    let changed = tokens::change(&state, &caller.author(), &before, patch).await?;
    let token = changed.ok_or_else(no_token)?;
    Ok(response::ok(&shown(&state, &token)))
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
    let before = find(&caller, id)?;
    let off = Patch {
        active: Some(false),
        ..Patch::default()
    };
    let changed = tokens::change(&state, &caller.author(), &before, off).await?;
    changed.ok_or_else(no_token)?;
    Ok(response::no_content())
}

fn find(caller: &Caller, id: TokenId) -> Result<Token, ApiError> {
    let own = tokens::of(&caller.registry, caller.tenant()?.organizer.id);
    own.into_iter()
        .find(|token| token.id == id)
        .cloned()
        .ok_or_else(no_token)
}
