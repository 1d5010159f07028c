//! The page of one event: its name and start, and its deletion.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use sonnette::domain::{Event, EventFilter, Permission, UtcDateTime};

use crate::admin::events;
use crate::admin::validation::MAX_NAME_CHARS;
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::flash;
use crate::dashboard::shell::form_data::FormData;
use crate::dashboard::shell::form_errors::FormErrors;
use crate::dashboard::shell::layout::{Layout, LayoutUser, render};
use crate::dashboard::shell::page::OrganizerPage;
use crate::dashboard::shell::texts::Texts;
use crate::dashboard::shell::time::{datetime_local, parse_date_time};
use crate::edge::AppState;

#[derive(Template)]
#[template(path = "events/show.html")]
struct ShowTemplate {
    layout: Layout,
    list: String,
    url: String,
    slug: String,
    name: String,
    date_from: String,
    errors: FormErrors,
}

impl ShowTemplate {
    fn new(page: OrganizerPage, event: &Event) -> Self {
        Self {
            list: page.url("/settings/events/"),
            url: page.url(format_args!("/settings/events/{}/", event.slug)),
            slug: event.slug.to_string(),
            name: event.name.clone(),
            date_from: event.date_from.map(datetime_local).unwrap_or_default(),
            errors: FormErrors::default(),
            layout: page.layout,
        }
    }
}

/// A webhook that is limited to the event.
struct AffectedWebhook {
    target: String,
    /// Whether it is limited to no other event.
    has_no_other: bool,
}

#[derive(Template)]
#[template(path = "events/delete.html")]
struct DeleteTemplate {
    layout: Layout,
    list: String,
    url: String,
    name: String,
    affected_webhooks: Vec<AffectedWebhook>,
}

async fn load(state: &AppState, page: &OrganizerPage, slug: &str) -> Result<Event, PageError> {
    page.require(state, Permission::Organizer).await?;
    let (organizer, slug) = (page.organizer_id(), slug.to_owned());
    let found = state
        .read(move |store| events::find(store, organizer, &slug))
        .await?;
    found.ok_or(PageError::NotFound)
}

/// The start of an event from the form.
pub(super) fn parse_start(
    texts: &Texts,
    form: &FormData,
    errors: &mut FormErrors,
) -> Option<UtcDateTime> {
    let text = form.get_non_empty("date_from")?;
    let at = parse_date_time(text);
    if at.is_none() {
        errors.add("date_from", texts.get("field-error-time"));
    }
    at
}

/// Shows the event.
pub(crate) async fn show(
    State(state): State<AppState>,
    page: OrganizerPage,
    Path((_, slug)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let event = load(&state, &page, &slug).await?;
    render(&ShowTemplate::new(page, &event))
}

/// Saves the event.
pub(crate) async fn change(
    State(state): State<AppState>,
    page: OrganizerPage,
    Path((_, slug)): Path<(String, String)>,
    form: FormData,
) -> Result<Response, PageError> {
    let mut event = load(&state, &page, &slug).await?;
    let texts = page.layout.texts;
    let mut errors = FormErrors::default();
    event.name = errors.filled_text(texts, &form, "name", MAX_NAME_CHARS);
    event.date_from = parse_start(texts, &form, &mut errors);
    if !errors.is_empty() {
        let view = ShowTemplate {
            date_from: form.get("date_from").to_owned(),
            errors,
            ..ShowTemplate::new(page, &event)
        };
        let mut response = render(&view)?;
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(response);
    }
    let (author, organizer) = (page.author(), page.organizer_id());
    state
        .change(move |store, now| events::change(store, &author, organizer, &event, now))
        .await??;
    Ok(flash::redirect(
        &page.url("/settings/events/"),
        "event-saved",
    ))
}

/// Asks for confirmation before the event is deleted.
pub(crate) async fn confirm_delete(
    State(state): State<AppState>,
    page: OrganizerPage,
    Path((_, slug)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let event = load(&state, &page, &slug).await?;
    let webhooks = page.organizer.webhooks.values();
    let affected_webhooks = webhooks.filter_map(|webhook| match &webhook.events {
        EventFilter::Only(slugs) if slugs.contains(&event.slug) => Some(AffectedWebhook {
            target: webhook.target.redacted(),
            has_no_other: slugs.len() == 1,
        }),
        _ => None,
    });
    render(&DeleteTemplate {
        list: page.url("/settings/events/"),
        url: page.url(format_args!("/settings/events/{}/", event.slug)),
        affected_webhooks: affected_webhooks.collect(),
        name: event.name,
        layout: page.layout,
    })
}

/// Deletes the event.
pub(crate) async fn delete(
    State(state): State<AppState>,
    page: OrganizerPage,
    Path((_, slug)): Path<(String, String)>,
    _: FormData,
) -> Result<Response, PageError> {
    let event = load(&state, &page, &slug).await?;
    let (author, organizer) = (page.author(), page.organizer_id());
    state
        .change(move |store, now| events::delete(store, &author, organizer, &event.slug, now))
        .await??;
    Ok(flash::redirect(
        &page.url("/settings/events/"),
        "event-deleted",
    ))
}
