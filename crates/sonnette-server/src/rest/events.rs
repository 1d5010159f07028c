//! Events of an organizer, such as concerts.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use sonnette::domain::{Event, EventSlug, UtcDateTime};
use utoipa::ToSchema;

use super::path_params::PathParams;
use crate::admin::error::AdminError;
use crate::admin::events::{self, NewEvent};
use crate::admin::validation::MAX_NAME_CHARS;
use crate::edge::AppState;
use crate::edge::authorize::Caller;
use crate::edge::error::ApiError;
use crate::edge::links::RequestUrl;
use crate::edge::response;
use crate::edge::response::serialize_optional_date_time;
use crate::rest::fields::Fields;
use crate::rest::json_body::JsonObject;
use crate::rest::pagination::{ListJson, PageNumber, page_of_all};

/// A concert, fair or season.
#[derive(Serialize, ToSchema)]
pub(crate) struct EventJson {
    /// Assigned by the server.
    #[schema(example = 1, read_only)]
    id: i64,
    /// Unique within the organizer.
    #[schema(example = "democon")]
    slug: String,
    /// Shown to people; the slug if no name was given.
    #[schema(example = "Demo Conference")]
    name: String,
    /// The start; lists of events are ordered by it.
    #[serde(serialize_with = "serialize_optional_date_time")]
    #[schema(value_type = Option<String>, example = "2026-12-24T18:00:00.000000Z")]
    date_from: Option<UtcDateTime>,
}

/// The body that creates an event. To change one, every field is optional, and `slug` cannot change.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read by Fields")]
pub(crate) struct EventBody {
    /// `[A-Za-z0-9][A-Za-z0-9.-]{0,49}`.
    #[schema(example = "democon")]
    slug: String,
    /// By default the slug.
    #[schema(example = "Demo Conference")]
    name: Option<String>,
    /// The start.
    #[schema(example = "2026-12-24T18:00:00Z")]
    date_from: Option<String>,
}

fn event_json(event: &Event) -> EventJson {
    EventJson {
        id: event.id.0,
        slug: event.slug.to_string(),
        name: event.name.clone(),
        date_from: event.date_from,
    }
}

fn no_event() -> ApiError {
    ApiError::no_such("Event")
}

async fn find(state: &AppState, caller: &Caller, slug: &str) -> Result<Event, ApiError> {
    let organizer = caller.organizer()?.organizer.id;
    let slug = slug.to_owned();
    let found = state
        .read(move |store| events::find(store, organizer, &slug))
        .await?;
    found.ok_or_else(no_event)
}

/// List events
///
/// Ordered by start, name and slug.
#[utoipa::path(
    get,
    path = "/organizers/{organizer}/events/",
    params(PageNumber),
    responses((status = 200, description = "One page.", body = ListJson<EventJson>))
)]
pub(crate) async fn list_events(
    State(state): State<AppState>,
    caller: Caller,
    url: RequestUrl,
) -> Result<Response, ApiError> {
    let organizer = caller.organizer()?.organizer.id;
    let events = state.read(move |store| store.events(organizer)).await?;
    page_of_all(&url, events.iter().map(event_json).collect())
}

/// Create an event
///
/// Publishing for an unknown slug also creates an event.
#[utoipa::path(
    post,
    path = "/organizers/{organizer}/events/",
    request_body = EventBody,
    responses((status = 201, description = "The new event.", body = EventJson))
)]
pub(crate) async fn create_event(
    State(state): State<AppState>,
    caller: Caller,
    JsonObject(members): JsonObject,
) -> Result<Response, ApiError> {
    let organizer = caller.organizer()?.organizer.id;
    let mut fields = Fields::new(members);
    let slug: Option<EventSlug> = fields.required("slug", Fields::parsed);
    let name = fields.filled_text("name", MAX_NAME_CHARS);
    let date_from = fields.nullable_time("date_from").and_then(|at| at.0);
    fields.finish()?;
    let event = NewEvent {
        slug: Fields::unwrap_required(slug)?,
        name,
        date_from,
    };
    let author = caller.author();
    let created = state
        .change(move |store, now| events::create(store, &author, organizer, event, now))
        .await?;
    let event = created.map_err(|error| match error {
        AdminError::Taken => ApiError::field("slug", "An event with this slug already exists."),
        error => error.into(),
    })?;
    Ok(response::json(StatusCode::CREATED, &event_json(&event)))
}

/// Get an event
///
/// The event.
#[utoipa::path(
    get,
    path = "/organizers/{organizer}/events/{slug}/",
    responses((status = 200, description = "The event.", body = EventJson))
)]
pub(crate) async fn get_event(
    State(state): State<AppState>,
    caller: Caller,
    PathParams((_, slug)): PathParams<(String, String)>,
) -> Result<Response, ApiError> {
    Ok(response::ok(&event_json(
        &find(&state, &caller, &slug).await?,
    )))
}

/// Change an event
///
/// Only the fields that are sent change. The slug never changes.
#[utoipa::path(
    patch,
    path = "/organizers/{organizer}/events/{slug}/",
    request_body = EventBody,
    responses((status = 200, description = "The event as it is now.", body = EventJson))
)]
pub(crate) async fn change_event(
    State(state): State<AppState>,
    caller: Caller,
    PathParams((_, slug)): PathParams<(String, String)>,
    JsonObject(members): JsonObject,
) -> Result<Response, ApiError> {
    let mut event = find(&state, &caller, &slug).await?;
    let mut fields = Fields::new(members);
    fields.require_unchanged("slug", event.slug.as_str(), "The slug cannot be changed.");
    let name = fields.filled_text("name", MAX_NAME_CHARS);
    let date_from = fields.nullable_time("date_from");
    fields.finish()?;
    event.name = name.unwrap_or(event.name);
    event.date_from = date_from.map_or(event.date_from, |at| at.0);
    let organizer = caller.organizer()?.organizer.id;
    let author = caller.author();
    let answer = response::ok(&event_json(&event));
    state
        .change(move |store, now| events::change(store, &author, organizer, &event, now))
        .await?
        .map_err(|error| ApiError::of_change(error, "Event"))?;
    Ok(answer)
}

/// Delete an event
///
/// Removes it from the `limit_events` of every webhook. Their `all_events` stays false.
#[utoipa::path(
    delete,
    path = "/organizers/{organizer}/events/{slug}/",
    responses((status = 204, description = "It is deleted."))
)]
pub(crate) async fn delete_event(
    State(state): State<AppState>,
    caller: Caller,
    PathParams((_, slug)): PathParams<(String, String)>,
) -> Result<Response, ApiError> {
    let slug: EventSlug = slug.parse().map_err(|_| no_event())?;
    let organizer = caller.organizer()?.organizer.id;
    let author = caller.author();
    state
        .change(move |store, now| events::delete(store, &author, organizer, &slug, now))
        .await?
        .map_err(|error| ApiError::of_change(error, "Event"))?;
    Ok(response::no_content())
}
