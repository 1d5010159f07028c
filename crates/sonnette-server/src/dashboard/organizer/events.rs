//! The organizer's events, and adding one.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use sonnette::domain::{Event, EventFilter, EventSlug, Permission};

use super::event::starts;
use crate::admin::error::AdminError;
use crate::admin::events::{self, NewEvent};
use crate::admin::validation::MAX_NAME_CHARS;
use crate::dashboard::error::PageError;
use crate::dashboard::faults::Faults;
use crate::dashboard::frame::{Frame, Who, page};
use crate::dashboard::posted::Posted;
use crate::dashboard::said;
use crate::dashboard::visitor::Desk;
use crate::dashboard::when::When;
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
#[template(path = "organizer/events.html")]
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
pub(in crate::dashboard) async fn show(
    State(state): State<AppState>,
    desk: Desk,
) -> Result<Response, PageError> {
    desk.need(&state, Permission::Organizer).await?;
    page(&EventsPage::new(&state, desk).await?)
}

/// Adds an event.
pub(in crate::dashboard) async fn add(
    State(state): State<AppState>,
    desk: Desk,
    posted: Posted,
) -> Result<Response, PageError> {
    desk.need(&state, Permission::Organizer).await?;
    let w = desk.frame.w;
    let mut faults = Faults::default();
    let slug: Option<EventSlug> = posted.get("slug").parse().ok();
    let name = faults.text(w, &posted, "name", MAX_NAME_CHARS);
    let date_from = starts(w, &posted, &mut faults);
    match slug {
        None => faults.add("slug", w.t("event-slug-wrong")),
        Some(slug) if faults.is_empty() => {
            let event = NewEvent {
                slug: slug.clone(),
                name: Some(name.clone()).filter(|name| !name.is_empty()),
                date_from,
            };
            let (author, organizer) = (desk.author(), desk.organizer());
            let created = state
                .change(move |store, now| events::create(store, &author, organizer, event, now))
                .await?;
            match created {
                Ok(_) => return Ok(said::go(&desk.url("/settings/events/"), "event-added")),
                Err(AdminError::Taken) => faults.add("slug", w.a("event-known", slug)),
                Err(error) => return Err(error.into()),
            }
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
