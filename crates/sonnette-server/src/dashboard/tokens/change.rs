//! Changing a token: its name, what it may do, whether it is accepted.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use sonnette::domain::{Permissions, Token};

use super::{Tick, covered, find, ticked, ticks};
use crate::admin::tokens::{self, TokenPatch};
use crate::admin::validation::MAX_NAME_CHARS;
use crate::dashboard::error::PageError;
use crate::dashboard::faults::Faults;
use crate::dashboard::frame::{Frame, Who, page};
use crate::dashboard::posted::Posted;
use crate::dashboard::said;
use crate::dashboard::visitor::Desk;
use crate::edge::AppState;

#[derive(Template)]
#[template(path = "tokens/change.html")]
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
pub(in crate::dashboard) async fn show_change(
    State(state): State<AppState>,
    desk: Desk,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let token = find(&state, &desk, &id).await?;
    let held = tokens::permissions_of(&token);
    page(&ChangePage::new(desk, &token, held))
}

/// Changes name and permissions.
pub(in crate::dashboard) async fn change(
    State(state): State<AppState>,
    desk: Desk,
    Path((_, id)): Path<(String, String)>,
    posted: Posted,
) -> Result<Response, PageError> {
    let token = find(&state, &desk, &id).await?;
    let w = desk.frame.w;
    let mut faults = Faults::default();
    let name = faults.text(w, &posted, "name", MAX_NAME_CHARS);
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
    let patch = TokenPatch {
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
pub(in crate::dashboard) async fn ask_deactivate(
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
pub(in crate::dashboard) async fn deactivate(
    State(state): State<AppState>,
    desk: Desk,
    Path((_, id)): Path<(String, String)>,
    _: Posted,
) -> Result<Response, PageError> {
    let token = find(&state, &desk, &id).await?;
    let patch = TokenPatch {
        active: Some(false),
        ..TokenPatch::default()
    };
    put(&state, &desk, &token, patch, "token-deactivated").await
}

/// Accepts it again.
pub(in crate::dashboard) async fn activate(
    State(state): State<AppState>,
    desk: Desk,
    Path((_, id)): Path<(String, String)>,
    _: Posted,
) -> Result<Response, PageError> {
    let token = find(&state, &desk, &id).await?;
    if !covered(&desk, tokens::permissions_of(&token)) {
        return Err(PageError::Conflict("conflict-token-not-yours"));
    }
    let patch = TokenPatch {
        active: Some(true),
        ..TokenPatch::default()
    };
    put(&state, &desk, &token, patch, "token-activated").await
}

async fn put(
    state: &AppState,
    desk: &Desk,
    token: &Token,
    patch: TokenPatch,
    key: &str,
) -> Result<Response, PageError> {
    let (author, token) = (desk.author(), token.clone());
    state
        .change(move |store, now| tokens::change(store, &author, &token, patch, now))
        .await??;
    Ok(said::go(&desk.url("/tokens/"), key))
}
