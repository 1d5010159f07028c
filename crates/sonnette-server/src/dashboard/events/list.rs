//! The list of an organizer's events, and a form that adds one.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use sonnette::domain::{Event, EventFilter, EventSlug, Permission};

use super::show::parse_start;
use crate::admin::error::AdminError;
use crate::admin::events::{self, NewEvent};
use crate::admin::validation::MAX_NAME_CHARS;
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::flash;
use crate::dashboard::shell::form_data::FormData;
use crate::dashboard::shell::form_errors::FormErrors;
use crate::dashboard::shell::layout::{Layout, LayoutUser, render};
use crate::dashboard::shell::page::OrganizerPage;
use crate::dashboard::shell::time_element::DateTimeElement;
use crate::edge::AppState;

struct Row {
    url: String,
    slug: String,
    name: String,
    date_from: Option<DateTimeElement>,
    /// The number of webhooks that are limited to it.
    webhooks: usize,
}

#[derive(Default)]
struct Input {
    slug: String,
    name: String,
    date_from: String,
}

#[derive(Template)]
#[template(path = "events/list.html")]
struct ListTemplate {
    layout: Layout,
    settings_url: String,
    url: String,
    rows: Vec<Row>,
    input: Input,
    errors: FormErrors,
}

impl ListTemplate {
    async fn load(state: &AppState, page: OrganizerPage) -> Result<Self, PageError> {
        let organizer = page.organizer_id();
        let events = state.read(move |store| store.events(organizer)).await?;
        Ok(Self {
            settings_url: page.url("/settings/"),
            url: page.url("/settings/events/"),
            rows: events.iter().map(|event| row(&page, event)).collect(),
            input: Input::default(),
            errors: FormErrors::default(),
            layout: page.layout,
        })
    }
}

fn row(page: &OrganizerPage, event: &Event) -> Row {
    let webhooks = page.organizer.webhooks.values();
    let is_limited = |filter: &EventFilter| matches!(filter, EventFilter::Only(slugs) if slugs.contains(&event.slug));
    Row {
        url: page.url(format_args!("/settings/events/{}/", event.slug)),
        slug: event.slug.to_string(),
        name: event.name.clone(),
        date_from: event.date_from.map(DateTimeElement),
        webhooks: webhooks
            .filter(|webhook| is_limited(&webhook.events))
            .count(),
    }
}

/// Lists the events.
pub(crate) async fn show(
    State(state): State<AppState>,
    page: OrganizerPage,
) -> Result<Response, PageError> {
    page.require(&state, Permission::Organizer).await?;
    render(&ListTemplate::load(&state, page).await?)
}

/// Adds an event.
pub(crate) async fn add(
    State(state): State<AppState>,
    page: OrganizerPage,
    form: FormData,
) -> Result<Response, PageError> {
    page.require(&state, Permission::Organizer).await?;
    let texts = page.layout.texts;
    let mut errors = FormErrors::default();
    let slug: Option<EventSlug> = form.get("slug").parse().ok();
    let name = errors.text(texts, &form, "name", MAX_NAME_CHARS);
    let date_from = parse_start(texts, &form, &mut errors);
    match slug {
        None => errors.add("slug", texts.get("event-slug-invalid")),
        Some(slug) if errors.is_empty() => {
            let event = NewEvent {
                slug: slug.clone(),
                name: Some(name.clone()).filter(|name| !name.is_empty()),
                date_from,
            };
            let (author, organizer) = (page.author(), page.organizer_id());
            let created = state
                .change(move |store, now| events::create(store, &author, organizer, event, now))
                .await?;
            match created {
                Ok(_) => {
                    return Ok(flash::redirect(
                        &page.url("/settings/events/"),
                        "event-added",
                    ));
                }
                Err(AdminError::Taken) => errors.add("slug", texts.get_with("event-known", slug)),
                Err(error) => return Err(error.into()),
            }
        }
        Some(_) => {}
    }
    let input = Input {
        slug: form.get("slug").to_owned(),
        name,
        date_from: form.get("date_from").to_owned(),
    };
    let view = ListTemplate {
        input,
        errors,
        ..ListTemplate::load(&state, page).await?
    };
    let mut response = render(&view)?;
    *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(response)
}
