//! Finding a notification.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use sonnette::domain::{EventSlug, NotificationId};
use sonnette::store::NotificationEntry;

use super::filters::Filters;
use super::need;
use crate::dashboard::error::PageError;
use crate::dashboard::faults::Faults;
use crate::dashboard::frame::{Frame, Who, page};
use crate::dashboard::visitor::Desk;
use crate::dashboard::when::When;
use crate::edge::AppState;

const PAGE_SIZE: usize = 50;

struct Row {
    url: String,
    id: i64,
    at: When,
    action_type: String,
    event: Option<String>,
    deliveries: usize,
    erased: bool,
}

#[derive(Template)]
#[template(path = "notifications/list.html")]
struct ListPage {
    f: Frame,
    here: String,
    filters: Filters,
    faults: Faults,
    /// Names to choose from.
    action_types: Vec<String>,
    rows: Vec<Row>,
    next: Option<String>,
}

/// The page; an id leads to its notification.
pub(in crate::dashboard) async fn show(
    State(state): State<AppState>,
    desk: Desk,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    need(&state, &desk).await?;
    let w = desk.frame.w;
    let filters = Filters::read(&query.unwrap_or_default());
    let mut faults = Faults::default();
    let organizer = desk.organizer();
    if !filters.id.is_empty() {
        let found = match filters.id.parse::<NotificationId>() {
            Ok(id) => {
                state
                    .store(move |store| store.notification(organizer, id))
                    .await?
            }
            Err(_) => None,
        };
        if let Some(entry) = found {
            let url = desk.url(format_args!("/notifications/{}/", entry.notification.id));
            return Ok(Redirect::to(&url).into_response());
        }
        faults.add("id", w.t("notifications-no-such"));
    }
    let query = filters.query(w, &mut faults, PAGE_SIZE + 1);
    let mut found = Vec::new();
    if faults.is_empty() {
        found = state
            .store(move |store| store.notifications(organizer, &query))
            .await?;
    }
    let wrong = !faults.is_empty();
    let mut response = page(&list(desk, filters, faults, found))?;
    if wrong {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

fn list(
    desk: Desk,
    filters: Filters,
    faults: Faults,
    mut found: Vec<NotificationEntry>,
) -> ListPage {
    let more = found.len() > PAGE_SIZE;
    found.truncate(PAGE_SIZE);
    let here = desk.url("/notifications/");
    let last = found.last().filter(|_| more);
    ListPage {
        next: last.map(|last| format!("{here}?{}", filters.after(last.notification.id))),
        rows: found.iter().map(|entry| row(&here, entry)).collect(),
        action_types: desk
            .tenant
            .catalogue
            .iter()
            .flat_map(|spec| spec.concrete_names())
            .map(|name| name.to_string())
            .collect(),
        here,
        filters,
        faults,
        f: desk.frame,
    }
}

fn row(here: &str, entry: &NotificationEntry) -> Row {
    let notification = &entry.notification;
    Row {
        url: format!("{here}{}/", notification.id),
        id: notification.id.0,
        at: When(notification.published_at),
        action_type: notification.action_type.to_string(),
        event: notification.event.as_ref().map(EventSlug::to_string),
        deliveries: entry.delivery_count,
        erased: notification.body.is_empty(),
    }
}
