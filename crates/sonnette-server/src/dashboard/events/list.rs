//! The organizer's events, and adding one.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use sonnette::domain::{Event, EventFilter, EventId, EventSlug, Permission};

use super::show::starts;
use crate::admin::{LONGEST_NAME, events};
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::flash;
use crate::dashboard::shell::form_data::Posted;
use crate::dashboard::shell::form_errors::Faults;
use crate::dashboard::shell::layout::{Frame, Who, page};
use crate::dashboard::shell::time_element::When;
use crate::dashboard::shell::visitor::Desk;
use crate::edge::AppState;

struct Row {
    url: String,
    slug: String,
    name: String,
    date_from: Option<When>,
    /// Webhooks that are limited to it and others.
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
struct EventsPage {
    f: Frame,
    settings: String,
    here: String,
    rows: Vec<Row>,
    input: Input,
    faults: Faults,
}

impl EventsPage {
    async fn new(state: &AppState, desk: Desk) -> Result<Self, PageError> {
        let organizer = desk.organizer();
        let events = state.store(move |store| store.events(organizer)).await?;
        Ok(Self {
            settings: desk.url("/settings/"),
            here: desk.url("/settings/events/"),
            rows: events.iter().map(|event| row(&desk, event)).collect(),
            input: Input::default(),
            faults: Faults::default(),
            f: desk.frame,
        })
    }
}

fn row(desk: &Desk, event: &Event) -> Row {
    let webhooks = desk.tenant.webhooks.values();
    let limited = |filter: &EventFilter| matches!(filter, EventFilter::Only(slugs) if slugs.contains(&event.slug));
    Row {
        url: desk.url(format_args!("/settings/events/{}/", event.slug)),
        slug: event.slug.to_string(),
        name: event.name.clone(),
        date_from: event.date_from.map(When),
        webhooks: webhooks.filter(|webhook| limited(&webhook.events)).count(),
    }
}

/// The page.
pub(crate) async fn show(State(state): State<AppState>, desk: Desk) -> Result<Response, PageError> {
    desk.need(&state, Permission::Organizer).await?;
    page(&EventsPage::new(&state, desk).await?)
}

/// Adds an event.
pub(crate) async fn add(
    State(state): State<AppState>,
    desk: Desk,
    posted: Posted,
) -> Result<Response, PageError> {
    desk.need(&state, Permission::Organizer).await?;
    let w = desk.frame.w;
    let mut faults = Faults::default();
    let slug: Option<EventSlug> = posted.get("slug").parse().ok();
    let name = faults.text(w, &posted, "name", LONGEST_NAME);
    let date_from = starts(w, &posted, &mut faults);
    match slug {
        None => faults.add("slug", w.t("event-slug-wrong")),
        Some(slug) if faults.is_empty() => {
            let event = Event {
                id: EventId(0),
                name: if name.is_empty() {
                    slug.to_string()
                } else {
                    name.clone()
                },
                slug: slug.clone(),
                date_from,
            };
            let made = events::create(&state, &desk.author(), desk.organizer(), event).await?;
            if made.is_some() {
                return Ok(flash::go(&desk.url("/settings/events/"), "event-added"));
            }
            faults.add("slug", w.a("event-known", slug));
        }
        Some(_) => {}
    }
    let input = Input {
        slug: posted.get("slug").to_owned(),
        name,
        date_from: posted.get("date_from").to_owned(),
    };
    let view = EventsPage {
        input,
        faults,
        ..EventsPage::new(&state, desk).await?
    };
    let mut response = page(&view)?;
    *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(response)
}
