//! Changing a token: its name, what it may do, whether it is accepted.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use sonnette::domain::{Permissions, Token};

use super::permissions::{Tick, covered, find, ticked, ticks};
use crate::admin::tokens::{self, TokenPatch};
use crate::admin::validation::MAX_NAME_CHARS;
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::flash;
use crate::dashboard::shell::form_data::FormData;
use crate::dashboard::shell::form_errors::FormErrors;
use crate::dashboard::shell::layout::{Layout, LayoutUser, render};
use crate::dashboard::shell::page::OrganizerPage;
use crate::edge::AppState;

#[derive(Template)]
#[template(path = "tokens/edit.html")]
struct ChangeTemplate {
    layout: Layout,
    list: String,
    url: String,
    /// What it is called now.
    called: String,
    active: bool,
    name: String,
    ticks: Vec<Tick>,
    errors: FormErrors,
}

impl ChangeTemplate {
    fn new(page: OrganizerPage, token: &Token, ticked: Permissions) -> Self {
        Self {
            list: page.url("/tokens/"),
            url: page.url(format_args!("/tokens/{}/", token.id)),
            called: called(&page, token),
            active: token.active,
            name: token.name.clone(),
            ticks: ticks(&page, ticked),
            errors: FormErrors::default(),
            layout: page.layout,
        }
    }
}

fn called(page: &OrganizerPage, token: &Token) -> String {
    match token.name.as_str() {
        "" => page.layout.texts.get_with("token-unnamed", token.id),
        name => name.to_owned(),
    }
}

/// The form.
pub(crate) async fn show_change(
    State(state): State<AppState>,
    page: OrganizerPage,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let token = find(&state, &page, &id).await?;
    let held = tokens::permissions_of(&token);
    render(&ChangeTemplate::new(page, &token, held))
}

/// Changes name and permissions.
pub(crate) async fn change(
    State(state): State<AppState>,
    page: OrganizerPage,
    Path((_, id)): Path<(String, String)>,
    form: FormData,
) -> Result<Response, PageError> {
    let token = find(&state, &page, &id).await?;
    let texts = page.layout.texts;
    let mut errors = FormErrors::default();
    let name = errors.text(texts, &form, "name", MAX_NAME_CHARS);
    let permissions = ticked(&form);
    let held = tokens::permissions_of(&token);
    if !held.covers(permissions) && !covered(&page, permissions) {
        errors.add("permission", texts.get("token-not-yours"));
    }
    if !errors.is_empty() {
        let view = ChangeTemplate {
            name,
            errors,
            ..ChangeTemplate::new(page, &token, permissions)
        };
        let mut response = render(&view)?;
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(response);
    }
    let patch = TokenPatch {
        name: (name != token.name).then_some(name),
        permissions: (permissions != held).then_some(permissions),
        active: None,
    };
    put(&state, &page, &token, patch, "token-changed").await
}

#[derive(Template)]
#[template(path = "tokens/deactivate.html")]
struct DeactivateTemplate {
    layout: Layout,
    list: String,
    url: String,
    called: String,
}

/// Asks.
pub(crate) async fn ask_deactivate(
    State(state): State<AppState>,
    page: OrganizerPage,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let token = find(&state, &page, &id).await?;
    render(&DeactivateTemplate {
        list: page.url("/tokens/"),
        url: page.url(format_args!("/tokens/{}/", token.id)),
        called: called(&page, &token),
        layout: page.layout,
    })
}

/// Refuses it from now on.
pub(crate) async fn deactivate(
    State(state): State<AppState>,
    page: OrganizerPage,
    Path((_, id)): Path<(String, String)>,
    _: FormData,
) -> Result<Response, PageError> {
    let token = find(&state, &page, &id).await?;
    let patch = TokenPatch {
        active: Some(false),
        ..TokenPatch::default()
    };
    put(&state, &page, &token, patch, "token-deactivated").await
}

/// Accepts it again.
pub(crate) async fn activate(
    State(state): State<AppState>,
    page: OrganizerPage,
    Path((_, id)): Path<(String, String)>,
    _: FormData,
) -> Result<Response, PageError> {
    let token = find(&state, &page, &id).await?;
    if !covered(&page, tokens::permissions_of(&token)) {
        return Err(PageError::Conflict("conflict-token-not-yours"));
    }
    let patch = TokenPatch {
        active: Some(true),
        ..TokenPatch::default()
    };
    put(&state, &page, &token, patch, "token-activated").await
}

async fn put(
    state: &AppState,
    page: &OrganizerPage,
    token: &Token,
    patch: TokenPatch,
    key: &str,
) -> Result<Response, PageError> {
    let (author, token) = (page.author(), token.clone());
    state
        .change(move |store, now| tokens::change(store, &author, &token, patch, now))
        .await??;
    Ok(flash::redirect(&page.url("/tokens/"), key))
}
