//! Changing a token: its name, what it may do, whether it is accepted.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use sonnette::domain::{Permissions, Token};

use super::permissions::{Tick, covered, find, ticked, ticks};
use crate::admin::LONGEST_NAME;
use crate::admin::tokens::{self, Patch};
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::flash;
use crate::dashboard::shell::form_data::Posted;
use crate::dashboard::shell::form_errors::Faults;
use crate::dashboard::shell::layout::{Frame, Who, page};
use crate::dashboard::shell::visitor::Desk;
use crate::edge::AppState;

#[derive(Template)]
#[template(path = "tokens/edit.html")]
struct ChangePage {
    f: Frame,
    list: String,
    url: String,
    /// What it is called now.
    called: String,
    active: bool,
    name: String,
    ticks: Vec<Tick>,
    faults: Faults,
}

impl ChangePage {
    fn new(desk: Desk, token: &Token, ticked: Permissions) -> Self {
        Self {
            list: desk.url("/tokens/"),
            url: desk.url(format_args!("/tokens/{}/", token.id)),
            called: called(&desk, token),
            active: token.active,
            name: token.name.clone(),
            ticks: ticks(&desk, ticked),
            faults: Faults::default(),
            f: desk.frame,
        }
    }
}

fn called(desk: &Desk, token: &Token) -> String {
    match token.name.as_str() {
        "" => desk.frame.w.a("token-unnamed", token.id),
        name => name.to_owned(),
    }
}

/// The form.
pub(crate) async fn show_change(
    State(state): State<AppState>,
    desk: Desk,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let token = find(&state, &desk, &id).await?;
    let held = tokens::permissions_of(&token);
    page(&ChangePage::new(desk, &token, held))
}

/// Changes name and permissions.
pub(crate) async fn change(
    State(state): State<AppState>,
    desk: Desk,
    Path((_, id)): Path<(String, String)>,
    posted: Posted,
) -> Result<Response, PageError> {
    let token = find(&state, &desk, &id).await?;
    let w = desk.frame.w;
    let mut faults = Faults::default();
    let name = faults.text(w, &posted, "name", LONGEST_NAME);
    let permissions = ticked(&posted);
    let held = tokens::permissions_of(&token);
    if !held.covers(permissions) && !covered(&desk, permissions) {
        faults.add("permission", w.t("token-not-yours"));
    }
    if !faults.is_empty() {
        let view = ChangePage {
            name,
            faults,
            ..ChangePage::new(desk, &token, permissions)
        };
        let mut response = page(&view)?;
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(response);
    }
    let patch = Patch {
        name: (name != token.name).then_some(name),
        permissions: (permissions != held).then_some(permissions),
        active: None,
    };
    put(&state, &desk, &token, patch, "token-changed").await
}

#[derive(Template)]
#[template(path = "tokens/deactivate.html")]
struct DeactivatePage {
    f: Frame,
    list: String,
    url: String,
    called: String,
}

/// Asks.
pub(crate) async fn ask_deactivate(
    State(state): State<AppState>,
    desk: Desk,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let token = find(&state, &desk, &id).await?;
    page(&DeactivatePage {
        list: desk.url("/tokens/"),
        url: desk.url(format_args!("/tokens/{}/", token.id)),
        called: called(&desk, &token),
        f: desk.frame,
    })
}

/// Refuses it from now on.
pub(crate) async fn deactivate(
    State(state): State<AppState>,
    desk: Desk,
    Path((_, id)): Path<(String, String)>,
    _: Posted,
) -> Result<Response, PageError> {
    let token = find(&state, &desk, &id).await?;
    let patch = Patch {
        active: Some(false),
        ..Patch::default()
    };
    put(&state, &desk, &token, patch, "token-deactivated").await
}

/// Accepts it again.
pub(crate) async fn activate(
    State(state): State<AppState>,
    desk: Desk,
    Path((_, id)): Path<(String, String)>,
    _: Posted,
) -> Result<Response, PageError> {
    let token = find(&state, &desk, &id).await?;
    if !covered(&desk, tokens::permissions_of(&token)) {
        return Err(PageError::Conflict("conflict-token-not-yours"));
    }
    let patch = Patch {
        active: Some(true),
        ..Patch::default()
    };
    put(&state, &desk, &token, patch, "token-activated").await
}

async fn put(
    state: &AppState,
    desk: &Desk,
    token: &Token,
    patch: Patch,
    key: &str,
) -> Result<Response, PageError> {
    let changed = tokens::change(state, &desk.author(), token, patch).await?;
    changed.ok_or(PageError::NotFound)?;
    Ok(flash::go(&desk.url("/tokens/"), key))
}
