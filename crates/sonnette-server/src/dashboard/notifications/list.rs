//! The list of notifications, with filters.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use sonnette::domain::{EventSlug, NotificationId};
use sonnette::store::NotificationEntry;

use super::filters::NotificationFilters;
use super::lookup::require_access;
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::form_errors::FormErrors;
use crate::dashboard::shell::layout::{Layout, LayoutUser, render};
use crate::dashboard::shell::page::OrganizerPage;
use crate::dashboard::shell::time_element::TimeElement;
use crate::edge::AppState;

const ROWS_PER_PAGE: usize = 50;

struct Row {
    url: String,
    id: i64,
    at: TimeElement,
    action_type: String,
    event: Option<String>,
    deliveries: usize,
    is_erased: bool,
}

#[derive(Template)]
#[template(path = "notifications/list.html")]
struct ListTemplate {
    layout: Layout,
    url: String,
    filters: NotificationFilters,
    errors: FormErrors,
    /// The choices of the filter.
    action_types: Vec<String>,
    rows: Vec<Row>,
    next: Option<String>,
}

/// Lists the notifications. A number redirects to its notification.
pub(crate) async fn show(
    State(state): State<AppState>,
    page: OrganizerPage,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    require_access(&state, &page).await?;
    let texts = page.layout.texts;
    let filters = NotificationFilters::from_query(&query.unwrap_or_default());
    let mut errors = FormErrors::default();
    let organizer = page.organizer_id();
    if !filters.id.is_empty() {
        let found = match filters.id.parse::<NotificationId>() {
            Ok(id) => {
                state
                    .read(move |store| store.notification(organizer, id))
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
    let query = filters.to_store_query(texts, &mut errors, ROWS_PER_PAGE + 1);
    let mut found = Vec::new();
    if errors.is_empty() {
        found = state
            .read(move |store| store.notifications(organizer, &query))
            .await?;
    }
    let has_errors = !errors.is_empty();
    let mut response = render(&list_template(page, filters, errors, found))?;
    if has_errors {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

fn list_template(
    page: OrganizerPage,
    filters: NotificationFilters,
    errors: FormErrors,
    mut found: Vec<NotificationEntry>,
) -> ListTemplate {
    let has_more = found.len() > ROWS_PER_PAGE;
    found.truncate(ROWS_PER_PAGE);
    let url = page.url("/notifications/");
    let last = found.last().filter(|_| has_more);
    ListTemplate {
        next: last.map(|last| format!("{url}?{}", filters.next_query(last.notification.id))),
        rows: found.iter().map(|entry| row(&url, entry)).collect(),
        action_types: page
            .organizer
            .catalogue
            .iter()
            .flat_map(|catalogue_entry| catalogue_entry.concrete_names())
            .map(|name| name.to_string())
            .collect(),
        url,
        filters,
        errors,
        layout: page.layout,
    }
}

fn row(url: &str, entry: &NotificationEntry) -> Row {
    let notification = &entry.notification;
    Row {
        url: format!("{url}{}/", notification.id),
        id: notification.id.0,
        at: TimeElement(notification.published_at),
        action_type: notification.action_type.to_string(),
        event: notification.event.as_ref().map(EventSlug::to_string),
        deliveries: entry.delivery_count,
        is_erased: notification.body.is_empty(),
    }
}
