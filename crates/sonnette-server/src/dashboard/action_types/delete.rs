//! Removing a registered action type.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use super::form::{error, own};
use super::lookup::url;
use crate::admin::action_types;
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::flash;
use crate::dashboard::shell::form_data::Posted;
use crate::dashboard::shell::layout::{Frame, Who, page};
use crate::dashboard::shell::visitor::Desk;
use crate::edge::AppState;

#[derive(Template)]
#[template(path = "action_types/delete.html")]
struct DeletePage {
    f: Frame,
    back: String,
    name: String,
    /// Whether it goes for every organizer.
    everybodys: bool,
}

/// Asks.
pub(crate) async fn ask(
    State(state): State<AppState>,
    desk: Desk,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let row = own(&state, &desk, &name).await?;
    page(&DeletePage {
        back: url(&desk, &name),
        name,
        everybodys: row.organizer.is_none(),
        f: desk.frame,
    })
}

/// Removes it.
pub(crate) async fn delete(
    State(state): State<AppState>,
    desk: Desk,
    Path((_, name)): Path<(String, String)>,
    _: Posted,
) -> Result<Response, PageError> {
    let row = own(&state, &desk, &name).await?;
    let removed = action_types::remove(&state, &desk.author(), row).await;
    removed.map_err(error)?;
    Ok(flash::go(
        &desk.url("/action-types/"),
        "action-type-deleted",
    ))
}
