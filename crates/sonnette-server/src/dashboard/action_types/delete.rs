//! Deletes a registered action type.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use super::form::{load_changeable, page_error};
use super::lookup::url;
use crate::admin::action_types;
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::flash;
use crate::dashboard::shell::form_data::FormData;
use crate::dashboard::shell::layout::{Layout, LayoutUser, render};
use crate::dashboard::shell::page::OrganizerPage;
use crate::edge::AppState;

#[derive(Template)]
#[template(path = "action_types/delete.html")]
struct DeleteTemplate {
    layout: Layout,
    back: String,
    name: String,
    /// Whether it is deleted for all organizers.
    is_global: bool,
}

/// Asks for confirmation before the action type is deleted.
pub(crate) async fn confirm(
    State(state): State<AppState>,
    page: OrganizerPage,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let row = load_changeable(&state, &page, &name).await?;
    render(&DeleteTemplate {
        back: url(&page, &name),
        name,
        is_global: row.organizer.is_none(),
        layout: page.layout,
    })
}

/// Deletes the action type.
pub(crate) async fn delete(
    State(state): State<AppState>,
    page: OrganizerPage,
    Path((_, name)): Path<(String, String)>,
    _: FormData,
) -> Result<Response, PageError> {
    let row = load_changeable(&state, &page, &name).await?;
    let author = page.author();
    state
        .change(move |store, now| action_types::delete(store, &author, &row, now))
        .await?
        .map_err(page_error)?;
    Ok(flash::redirect(
        &page.url("/action-types/"),
        "action-type-deleted",
    ))
}
