//! An organizer's events: concerts, never things we send.

use jiff::Timestamp;
use serde_json::json;
use sonnette::domain::{Event, EventSlug, OrganizerId};
use sonnette::store::ChangeResult;

use super::Author;
use crate::edge::AppState;
use crate::rest::error::ApiError;

/// The event with this slug.
pub(crate) async fn find(
    state: &AppState,
    organizer: OrganizerId,
    slug: &str,
) -> Result<Option<Event>, ApiError> {
    let events = state.store(move |store| store.events(organizer)).await?;
    Ok(events.into_iter().find(|event| event.slug.as_str() == slug))
}

/// Adds an event (its `id` is ignored); none: the slug is taken.
pub(crate) async fn create(
    state: &AppState,
    author: &Author,
    organizer: OrganizerId,
    event: Event,
) -> Result<Option<Event>, ApiError> {
    let data = json!({"slug": event.slug, "name": event.name});
    let note = author.note("sonnette.event.created", data, state.now());
    let added = state
        .store(move |store| store.add_event(organizer, &event, note))
        .await?;
    state.refresh().await?;
    match added {
        ChangeResult::Done(added) => Ok(Some(added)),
        ChangeResult::Taken => Ok(None),
        ChangeResult::Missing | ChangeResult::Refused => Err(ApiError::contradiction("an event")),
    }
}

/// Changes an event; whether there was one.
pub(crate) async fn change(
    state: &AppState,
    author: &Author,
    organizer: OrganizerId,
    event: &Event,
) -> Result<bool, ApiError> {
    let (slug, to) = (event.slug.clone(), (event.name.clone(), event.date_from));
    let action = "sonnette.event.changed";
    put(state, author, organizer, slug, Some(to), action).await
}

/// Removes an event, also from every webhook's list; whether there was one.
pub(crate) async fn remove(
    state: &AppState,
    author: &Author,
    organizer: OrganizerId,
    slug: EventSlug,
) -> Result<bool, ApiError> {
    let action = "sonnette.event.deleted";
    put(state, author, organizer, slug, None, action).await
}

async fn put(
    state: &AppState,
    author: &Author,
    organizer: OrganizerId,
    slug: EventSlug,
    to: Option<(String, Option<Timestamp>)>,
    action: &'static str,
) -> Result<bool, ApiError> {
    let note = author.note(action, json!({ "slug": slug }), state.now());
    let changed = state
        .store(move |store| match to {
            Some((name, date_from)) => store.change_event(organizer, &slug, &name, date_from, note),
            None => store.remove_event(organizer, &slug, note),
        })
        .await?;
    state.refresh().await?;
    match changed {
        ChangeResult::Done(_) => Ok(true),
        ChangeResult::Missing => Ok(false),
        ChangeResult::Taken | ChangeResult::Refused => Err(ApiError::contradiction("an event")),
    }
}
