//! The page of one token: its name, its permissions, and whether it is active.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use sonnette::domain::{Permissions, Token};

use super::permissions::{PermissionCheckbox, checkboxes, checked, holds_all, load};
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
struct EditTemplate {
    layout: Layout,
    list: String,
    url: String,
    /// The stored name, or a text with the id.
    display_name: String,
    is_active: bool,
    name: String,
    checkboxes: Vec<PermissionCheckbox>,
    errors: FormErrors,
}

impl EditTemplate {
    fn new(page: OrganizerPage, token: &Token, checked: Permissions) -> Self {
        Self {
            list: page.url("/tokens/"),
            url: page.url(format_args!("/tokens/{}/", token.id)),
            display_name: display_name(&page, token),
            is_active: token.active,
            name: token.name.clone(),
            checkboxes: checkboxes(&page, checked),
            errors: FormErrors::default(),
            layout: page.layout,
        }
    }
}

fn display_name(page: &OrganizerPage, token: &Token) -> String {
    match token.name.as_str() {
        "" => page.layout.texts.get_with("token-unnamed", token.id),
        name => name.to_owned(),
    }
}

/// Shows the token.
pub(crate) async fn show_change(
    State(state): State<AppState>,
    page: OrganizerPage,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let token = load(&state, &page, &id).await?;
    let held = tokens::permissions_of(&token);
    render(&EditTemplate::new(page, &token, held))
}

/// Changes name and permissions.
pub(crate) async fn change(
    State(state): State<AppState>,
    page: OrganizerPage,
    Path((_, id)): Path<(String, String)>,
    form: FormData,
) -> Result<Response, PageError> {
    let token = load(&state, &page, &id).await?;
    let texts = page.layout.texts;
    let mut errors = FormErrors::default();
    let name = errors.text(texts, &form, "name", MAX_NAME_CHARS);
    let permissions = checked(&form);
    let held = tokens::permissions_of(&token);
    if !held.is_superset(permissions) && !holds_all(&page, permissions) {
        errors.add("permission", texts.get("token-not-yours"));
    }
    if !errors.is_empty() {
        let view = EditTemplate {
            name,
            errors,
            ..EditTemplate::new(page, &token, permissions)
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
    save(&state, &page, &token, patch, "token-changed").await
}

#[derive(Template)]
#[template(path = "tokens/deactivate.html")]
struct DeactivateTemplate {
    layout: Layout,
    list: String,
    url: String,
    display_name: String,
}

/// Asks for confirmation before the token is deactivated.
pub(crate) async fn confirm_deactivate(
    State(state): State<AppState>,
    page: OrganizerPage,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let token = load(&state, &page, &id).await?;
    render(&DeactivateTemplate {
        list: page.url("/tokens/"),
        url: page.url(format_args!("/tokens/{}/", token.id)),
        display_name: display_name(&page, &token),
        layout: page.layout,
    })
}

/// Deactivates the token.
pub(crate) async fn deactivate(
    State(state): State<AppState>,
    page: OrganizerPage,
    Path((_, id)): Path<(String, String)>,
    _: FormData,
) -> Result<Response, PageError> {
    let token = load(&state, &page, &id).await?;
    let patch = TokenPatch {
        active: Some(false),
        ..TokenPatch::default()
    };
    save(&state, &page, &token, patch, "token-deactivated").await
}

/// Activates the token.
pub(crate) async fn activate(
    State(state): State<AppState>,
    page: OrganizerPage,
    Path((_, id)): Path<(String, String)>,
    _: FormData,
) -> Result<Response, PageError> {
    let token = load(&state, &page, &id).await?;
    if !holds_all(&page, tokens::permissions_of(&token)) {
        return Err(PageError::Conflict("conflict-token-not-yours"));
    }
    let patch = TokenPatch {
        active: Some(true),
        ..TokenPatch::default()
    };
    save(&state, &page, &token, patch, "token-activated").await
}

async fn save(
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
