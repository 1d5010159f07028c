//! One event: its name, its start, its end as an event of ours.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use jiff::Timestamp;
use sonnette::domain::{Event, EventFilter, Permission};

use crate::admin::events;
use crate::admin::validation::MAX_NAME_CHARS;
use crate::dashboard::error::PageError;
use crate::dashboard::faults::Faults;
use crate::dashboard::frame::{Frame, Who, page};
use crate::dashboard::posted::Posted;
use crate::dashboard::said;
use crate::dashboard::times::{field, time_of};
use crate::dashboard::visitor::Desk;
use crate::dashboard::words::Words;
use crate::edge::AppState;

#[derive(Template)]
#[template(path = "organizer/event.html")]
struct EventPage {
    f: Frame,
    list: String,
    url: String,
    slug: String,
    name: String,
    date_from: String,
    faults: Faults,
}

impl EventPage {
    fn new(desk: Desk, event: &Event) -> Self {
        Self {
            list: desk.url("/settings/events/"),
            url: desk.url(format_args!("/settings/events/{}/", event.slug)),
            slug: event.slug.to_string(),
            name: event.name.clone(),
            date_from: event.date_from.map(field).unwrap_or_default(),
            faults: Faults::default(),
            f: desk.frame,
        }
    }
}

/// A webhook that hears of the event by name.
struct Loser {
    target: String,
    /// Whether it then hears of no event at all.
    last: bool,
}

#[derive(Template)]
#[template(path = "organizer/delete_event.html")]
struct DeletePage {
    f: Frame,
    list: String,
    url: String,
    name: String,
    losers: Vec<Loser>,
}

async fn find(state: &AppState, desk: &Desk, slug: &str) -> Result<Event, PageError> {
    desk.need(state, Permission::Organizer).await?;
    let (organizer, slug) = (desk.organizer(), slug.to_owned());
    let found = state
        .store(move |store| events::find(store, organizer, &slug))
        .await?;
    found.ok_or(PageError::NotFound)
}

/// When an event begins, as it was filled in.
pub(super) fn starts(w: &Words, posted: &Posted, faults: &mut Faults) -> Option<Timestamp> {
    let text = posted.filled("date_from")?;
    let at = time_of(text);
    if at.is_none() {
        faults.add("date_from", w.t("fault-no-time"));
    }
    at
}

/// The form.
pub(in crate::dashboard) async fn show(
    State(state): State<AppState>,
    desk: Desk,
    Path((_, slug)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let event = find(&state, &desk, &slug).await?;
    page(&EventPage::new(desk, &event))
}

/// Saves it.
pub(in crate::dashboard) async fn change(
    State(state): State<AppState>,
    desk: Desk,
    Path((_, slug)): Path<(String, String)>,
    posted: Posted,
) -> Result<Response, PageError> {
    let mut event = find(&state, &desk, &slug).await?;
    let w = desk.frame.w;
    let mut faults = Faults::default();
    event.name = faults.filled(w, &posted, "name", MAX_NAME_CHARS);
    event.date_from = starts(w, &posted, &mut faults);
    if !faults.is_empty() {
        let view = EventPage {
            date_from: posted.get("date_from").to_owned(),
            faults,
            ..EventPage::new(desk, &event)
        };
        let mut response = page(&view)?;
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(response);
    }
    let (author, organizer) = (desk.author(), desk.organizer());
    state
        .change(move |store, now| events::change(store, &author, organizer, &event, now))
        .await??;
    Ok(said::go(&desk.url("/settings/events/"), "event-saved"))
}

/// Asks.
pub(in crate::dashboard) async fn ask_delete(
    State(state): State<AppState>,
    desk: Desk,
    Path((_, slug)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let event = find(&state, &desk, &slug).await?;
    let webhooks = desk.tenant.webhooks.values();
    let losers = webhooks.filter_map(|webhook| match &webhook.events {
        EventFilter::Only(slugs) if slugs.contains(&event.slug) => Some(Loser {
            target: webhook.target.redacted(),
            last: slugs.len() == 1,
        }),
        _ => None,
    });
    page(&DeletePage {
        list: desk.url("/settings/events/"),
        url: desk.url(format_args!("/settings/events/{}/", event.slug)),
        losers: losers.collect(),
        name: event.name,
        f: desk.frame,
    })
}

/// Deletes it.
pub(in crate::dashboard) async fn delete(
    State(state): State<AppState>,
    desk: Desk,
    Path((_, slug)): Path<(String, String)>,
    _: Posted,
) -> Result<Response, PageError> {
    let event = find(&state, &desk, &slug).await?;
    let (author, organizer) = (desk.author(), desk.organizer());
    state
        .change(move |store, now| events::delete(store, &author, organizer, &event.slug, now))
        .await??;
    Ok(said::go(&desk.url("/settings/events/"), "event-deleted"))
}
