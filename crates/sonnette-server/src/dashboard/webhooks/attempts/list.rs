//! The attempt log of all webhooks of an organizer.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use sonnette::domain::Permission;

use super::log::{self, AttemptLog};
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::layout::{Layout, LayoutUser, render};
use crate::dashboard::shell::page::OrganizerPage;
use crate::edge::AppState;

#[derive(Template)]
#[template(path = "webhooks/attempts/list.html")]
struct ListTemplate {
    layout: Layout,
    log: AttemptLog,
    live: String,
}

/// Shows the log.
pub(crate) async fn show(
    State(state): State<AppState>,
    page: OrganizerPage,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    page.require(&state, Permission::Webhooks).await?;
    let log = log::organizer_log(&state, &page, query.as_deref()).await?;
    render(&ListTemplate {
        log,
        live: page.url("/live/"),
        layout: page.layout,
    })
}
