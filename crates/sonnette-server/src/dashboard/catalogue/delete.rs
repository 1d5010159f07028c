//! Removing a registered action type.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use super::edit::{error, own};
use super::url;
use crate::admin::action_types;
use crate::dashboard::error::PageError;
use crate::dashboard::frame::{Frame, Who, page};
use crate::dashboard::posted::Posted;
use crate::dashboard::said;
use crate::dashboard::visitor::Desk;
use crate::edge::AppState;

#[derive(Template)]
#[template(path = "catalogue/delete.html")]
struct DeletePage {
    f: Frame,
    back: String,
    name: String,
    /// Whether it goes for every organizer.
    everybodys: bool,
}

/// Asks.
pub(in crate::dashboard) async fn ask(
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
pub(in crate::dashboard) async fn delete(
    State(state): State<AppState>,
    desk: Desk,
    Path((_, name)): Path<(String, String)>,
    _: Posted,
) -> Result<Response, PageError> {
    let row = own(&state, &desk, &name).await?;
    let author = desk.author();
    state
        .change(move |store, now| action_types::delete(store, &author, &row, now))
        .await?
        .map_err(error)?;
    Ok(said::go(&desk.url("/action-types/"), "action-type-deleted"))
}
