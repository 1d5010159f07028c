//! The log of all webhooks of an organizer.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use sonnette::domain::Permission;

use super::log::{self, Log};
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::layout::{Frame, Who, page};
use crate::dashboard::shell::visitor::Desk;
use crate::edge::AppState;

#[derive(Template)]
#[template(path = "webhooks/attempts/list.html")]
struct ListPage {
    f: Frame,
    log: Log,
    live: String,
}

/// The page.
pub(crate) async fn show(
    State(state): State<AppState>,
    desk: Desk,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    desk.need(&state, Permission::Webhooks).await?;
    let log = log::of_all(&state, &desk, query.as_deref()).await?;
    page(&ListPage {
        log,
        live: desk.url("/live/"),
        f: desk.frame,
    })
}
