//! Finding a notification.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use sonnette::domain::{EventSlug, NotificationId};
use sonnette::store::NotificationEntry;

use super::filters::Filters;
use super::lookup::need;
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::form_errors::FormErrors;
use crate::dashboard::shell::layout::{Layout, LayoutUser, render};
use crate::dashboard::shell::page::OrganizerPage;
use crate::dashboard::shell::time_element::TimeElement;
use crate::edge::AppState;

const PAGE_SIZE: usize = 50;

struct Row {
    url: String,
    id: i64,
    at: TimeElement,
    action_type: String,
    event: Option<String>,
    deliveries: usize,
    erased: bool,
}

#[derive(Template)]
#[template(path = "notifications/list.html")]
struct ListTemplate {
    layout: Layout,
    here: String,
    filters: Filters,
    errors: FormErrors,
    /// Names to choose from.
    action_types: Vec<String>,
    rows: Vec<Row>,
    next: Option<String>,
}

/// The page; an id leads to its notification.
pub(crate) async fn show(
    State(state): State<AppState>,
    page: OrganizerPage,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    need(&state, &page).await?;
    let texts = page.layout.texts;
    let filters = Filters::read(&query.unwrap_or_default());
    let mut errors = FormErrors::default();
    let organizer = page.organizer();
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
            let url = page.url(format_args!("/notifications/{}/", entry.notification.id));
            return Ok(Redirect::to(&url).into_response());
        }
        errors.add("id", texts.get("notifications-not-found"));
    }
    let query = filters.query(texts, &mut errors, PAGE_SIZE + 1);
    let mut found = Vec::new();
    if errors.is_empty() {
        found = state
            .store(move |store| store.notifications(organizer, &query))
            .await?;
    }
    let wrong = !errors.is_empty();
    let mut response = render(&list(page, filters, errors, found))?;
    if wrong {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

fn list(
    page: OrganizerPage,
    filters: Filters,
    errors: FormErrors,
    mut found: Vec<NotificationEntry>,
) -> ListTemplate {
    let more = found.len() > PAGE_SIZE;
    found.truncate(PAGE_SIZE);
    let here = page.url("/notifications/");
    let last = found.last().filter(|_| more);
    ListTemplate {
        next: last.map(|last| format!("{here}?{}", filters.after(last.notification.id))),
        rows: found.iter().map(|entry| row(&here, entry)).collect(),
        action_types: page
            .tenant
            .catalogue
            .iter()
            .flat_map(|spec| spec.concrete_names())
            .map(|name| name.to_string())
            .collect(),
        here,
        filters,
        errors,
        layout: page.layout,
    }
}

fn row(here: &str, entry: &NotificationEntry) -> Row {
    let notification = &entry.notification;
    Row {
        url: format!("{here}{}/", notification.id),
        id: notification.id.0,
        at: TimeElement(notification.published_at),
        action_type: notification.action_type.to_string(),
        event: notification.event.as_ref().map(EventSlug::to_string),
        deliveries: entry.deliveries,
        erased: notification.body.is_empty(),
    }
}
