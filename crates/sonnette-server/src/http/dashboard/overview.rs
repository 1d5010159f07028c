//! The front page: to the organizer whose pages somebody may open, or a list of them.

use askama::Template;
use axum::response::{IntoResponse, Redirect, Response};

use super::error::PageError;
use super::frame::{Frame, Who, page};
use super::visitor::{Desk, Visit};

struct Row {
    name: String,
    url: String,
    webhooks: usize,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    f: Frame,
    rows: Vec<Row>,
}

/// The organizers somebody has to do with; if it is one, its webhooks.
pub(super) async fn show_overview(visit: Visit) -> Result<Response, PageError> {
    let Visit {
        visitor,
        frame,
        registry,
    } = visit;
    let mut rows: Vec<Row> = registry
        .tenants()
        .filter(|tenant| visitor.reaches(tenant.organizer.id))
        .map(|tenant| Row {
            name: tenant.organizer.name.clone(),
            url: format!("/organizers/{}/", tenant.organizer.slug),
            webhooks: tenant.webhooks.len(),
        })
        .collect();
    if let [only] = rows.as_slice()
        && !visitor.is_operator()
    {
        return Ok(Redirect::to(&only.url).into_response());
    }
    rows.sort_by(|one, other| one.name.cmp(&other.name));
    page(&OverviewPage { f: frame, rows })
}

/// To the first of an organizer's pages that somebody may open.
pub(super) async fn show_first_page(desk: Desk) -> Response {
    let first = desk.frame.tabs().into_iter().next();
    Redirect::to(first.as_ref().map_or("/", |tab| &tab.url)).into_response()
}
