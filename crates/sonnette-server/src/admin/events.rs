//! Events of an organizer, such as concerts.

use jiff::Timestamp;
use serde_json::json;
use sonnette::domain::{Event, EventId, EventSlug, OrganizerId, UtcDateTime};
use sonnette::store::{Store, StoreError};

use super::author::Author;
use super::error::{AdminError, require_done};

/// An event to be created.
#[derive(Debug, Clone)]
pub(crate) struct NewEvent {
    /// Unique within the organizer.
    pub(crate) slug: EventSlug,
    /// `None`: the slug.
    pub(crate) name: Option<String>,
    /// When it starts.
    pub(crate) date_from: Option<UtcDateTime>,
}

/// The event with this slug.
///
/// # Errors
/// Where the store fails.
pub(crate) fn find(
    store: &dyn Store,
    organizer: OrganizerId,
    slug: &str,
) -> Result<Option<Event>, StoreError> {
    let events = store.events(organizer)?;
    Ok(events.into_iter().find(|event| event.slug.as_str() == slug))
}

/// Creates an event.
///
/// # Errors
/// [`AdminError::Taken`] for a slug that is in use.
pub(crate) fn create(
    store: &dyn Store,
    author: &Author,
    organizer: OrganizerId,
    event: NewEvent,
    now: Timestamp,
) -> Result<Event, AdminError> {
    let event = Event {
        id: EventId(0),
        name: event.name.unwrap_or_else(|| event.slug.to_string()),
        slug: event.slug,
        date_from: event.date_from,
    };
    let data = json!({"slug": event.slug, "name": event.name});
    let entry = author.audit_entry("sonnette.event.created", data, now);
    require_done(store.add_event(organizer, &event, entry)?, "an event")
}

/// Changes the name and the start of the event with the slug of `event`.
///
/// # Errors
/// [`AdminError::NotFound`] if the event was deleted.
pub(crate) fn change(
    store: &dyn Store,
    author: &Author,
    organizer: OrganizerId,
    event: &Event,
    now: Timestamp,
) -> Result<(), AdminError> {
    let data = json!({ "slug": event.slug });
    let entry = author.audit_entry("sonnette.event.changed", data, now);
    let (slug, name) = (&event.slug, &event.name);
    let changed = store.change_event(organizer, slug, name, event.date_from, entry)?;
    require_done(changed, "an event").map(|_| ())
}

/// Deletes an event, and removes it from the filters of all webhooks.
///
/// # Errors
/// [`AdminError::NotFound`] if the event was deleted before.
pub(crate) fn delete(
    store: &dyn Store,
    author: &Author,
    organizer: OrganizerId,
    slug: &EventSlug,
    now: Timestamp,
) -> Result<(), AdminError> {
    let entry = author.audit_entry("sonnette.event.deleted", json!({ "slug": slug }), now);
    let changed = store.remove_event(organizer, slug, entry)?;
    require_done(changed, "an event").map(|_| ())
}
