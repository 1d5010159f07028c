//! Tokens of the REST API.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use sonnette::domain::{Permission, Permissions, Scope, Token, TokenId};
use utoipa::ToSchema;

use super::path_params::PathParams;
use crate::admin::tokens::{self, TokenPatch as Change};
use crate::admin::validation::MAX_NAME_CHARS;
use crate::edge::AppState;
use crate::edge::authorize::Caller;
use crate::edge::error::ApiError;
use crate::edge::links::RequestUrl;
use crate::edge::response;
use crate::rest::fields::Fields;
use crate::rest::json_body::JsonObject;
use crate::rest::pagination::{ListJson, PageNumber, page_of_all};

/// A credential of the REST API.
#[derive(Serialize, ToSchema)]
pub(crate) struct TokenJson {
    /// Assigned by the server.
    #[schema(example = 3)]
    id: i64,
    /// What it is for.
    #[schema(example = "shop")]
    name: String,
    /// Its permissions: `webhooks`, `publish`, `organizer`.
    #[schema(example = json!(["webhooks", "publish"]))]
    permissions: Vec<&'static str>,
    /// Whether requests with it are accepted.
    #[schema(example = true)]
    active: bool,
    /// When it was created.
    #[schema(example = "2026-11-21T18:00:00.000000Z")]
    created: String,
    /// When it was last used, to the minute.
    #[schema(example = json!(null))]
    last_used: Option<String>,
}

/// A new credential.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewTokenJson {
    #[serde(flatten)]
    described: TokenJson,
    /// Its text, which is never shown again.
    #[schema(example = "snt_v6P0cW1yq3mXh5nQZ2sT8uB4dF7jK9lR0aE3gI6oM1w")]
    token: String,
}

/// The body that creates a token.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read by Fields")]
pub(crate) struct TokenBody {
    /// What it is for.
    #[schema(example = "shop")]
    name: Option<String>,
    /// By default `webhooks` and `publish`. At most the permissions of the token that sends the request.
    #[schema(example = json!(["webhooks", "publish"]))]
    permissions: Option<Vec<String>>,
}

/// The body that changes a token.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read by Fields")]
pub(crate) struct TokenPatch {
    /// What it is for.
    name: Option<String>,
    /// At most the permissions of the token that sends the request.
    #[schema(example = json!(["publish"]))]
    permissions: Option<Vec<String>>,
    /// Whether requests with it are accepted.
    #[schema(example = false)]
    active: Option<bool>,
}

fn token_json(state: &AppState, token: &Token) -> TokenJson {
    let last_used = state.last_used(token);
    TokenJson {
        id: token.id.0,
        name: token.name.clone(),
        permissions: tokens::permissions_of(token)
            .iter()
            .map(Permission::as_str)
            .collect(),
        active: token.active,
        created: response::format_time(token.created),
        last_used: last_used.map(response::format_time),
    }
}

/// List tokens
///
/// The organizer's tokens, without their text.
#[utoipa::path(
    get,
    path = "/organizers/{organizer}/tokens/",
    params(PageNumber),
    responses((status = 200, description = "One page.", body = ListJson<TokenJson>))
)]
pub(crate) async fn list_tokens(
    State(state): State<AppState>,
    caller: Caller,
    url: RequestUrl,
) -> Result<Response, ApiError> {
    let organizer = caller.organizer()?.organizer.id;
    let tokens = state.read(move |store| store.tokens(organizer)).await?;
    let tokens = tokens.iter().map(|token| token_json(&state, token));
    page_of_all(&url, tokens.collect())
}

/// Create a token
///
/// Its text is only in this response. A token can grant only its own permissions.
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
    let organizer = caller.organizer()?.organizer.id;
    let mut fields = Fields::new(members);
    let name = fields.text("name", MAX_NAME_CHARS).unwrap_or_default();
    let permissions: Option<Vec<Permission>> = fields.choices("permissions");
    fields.finish()?;
    let permissions = permissions.map_or(Permissions::DEFAULT, Permissions::from_iter);
    let scope = Scope::Organizer(organizer, permissions);
    let author = caller.author();
    let (token, text) = state
        .change(move |store, now| tokens::create(store, &author, scope, name, now))
        .await??;
    let answer = NewTokenJson {
        described: token_json(&state, &token),
        token: text,
    };
    Ok(response::json(StatusCode::CREATED, &answer))
}

/// Change a token
///
/// Its name, its permissions, or whether it is accepted. A token can grant only its own permissions.
#[utoipa::path(
    patch,
    path = "/organizers/{organizer}/tokens/{id}/",
    request_body = TokenPatch,
    responses((status = 200, description = "The token as it is now.", body = TokenJson))
)]
pub(crate) async fn change_token(
    State(state): State<AppState>,
    caller: Caller,
    PathParams((_, id)): PathParams<(String, TokenId)>,
    JsonObject(members): JsonObject,
) -> Result<Response, ApiError> {
    let before = find(&state, &caller, id).await?;
    let mut fields = Fields::new(members);
    let permissions: Option<Vec<Permission>> = fields.choices("permissions");
    let patch = Change {
        name: fields.text("name", MAX_NAME_CHARS),
        permissions: permissions.map(Permissions::from_iter),
        active: fields.boolean("active"),
    };
    fields.finish()?;
    let token = change(&state, &caller, before, patch).await?;
    Ok(response::ok(&token_json(&state, &token)))
}

/// Deactivate a token
///
/// Requests with it are refused. It stays in the list, and PATCH activates it again.
#[utoipa::path(
    delete,
    path = "/organizers/{organizer}/tokens/{id}/",
    responses((status = 204, description = "It is deactivated."))
)]
pub(crate) async fn deactivate_token(
    State(state): State<AppState>,
    caller: Caller,
    PathParams((_, id)): PathParams<(String, TokenId)>,
) -> Result<Response, ApiError> {
    let before = find(&state, &caller, id).await?;
    let deactivation = Change {
        active: Some(false),
        ..Change::default()
    };
    change(&state, &caller, before, deactivation).await?;
    Ok(response::no_content())
}

async fn change(
    state: &AppState,
    caller: &Caller,
    before: Token,
    patch: Change,
) -> Result<Token, ApiError> {
    let author = caller.author();
    let changed = state
        .change(move |store, now| tokens::change(store, &author, &before, patch, now))
        .await?;
    changed.map_err(|error| ApiError::of_change(error, "Token"))
}

async fn find(state: &AppState, caller: &Caller, id: TokenId) -> Result<Token, ApiError> {
    let organizer = caller.organizer()?.organizer.id;
    let found = state.read(move |store| tokens::find(store, organizer, id));
    found.await?.ok_or_else(|| ApiError::no_such("Token"))
}
