//! The example of an action type, as tests send it and the catalogue shows it.

use std::sync::Arc;

use jiff::Timestamp;

use super::OrganizerSnapshot;
use crate::dialect::{
    ActionType, CheckBudget, ComposeInput, EventRequirement, body_at_send_time, compose,
};
use crate::domain::{
    ActionTypeName, EventFilter, EventSlug, Notification, NotificationId, Webhook,
};

/// The event of examples.
const EXAMPLE_EVENT: &str = "democon";
/// The id of the notification of examples.
const EXAMPLE_ID: i64 = 123_455;

/// The example of an action type as a notification that is not stored.
pub(super) fn example(
    organizer_snapshot: &OrganizerSnapshot,
    webhook: &Webhook,
    name: Option<&str>,
    id: NotificationId,
    now: Timestamp,
) -> Option<Notification> {
    let catalogue = &organizer_snapshot.catalogue;
    let (catalogue_entry, action_type): (_, ActionTypeName) = match name {
        Some(name) if name.ends_with(".*") => concrete(organizer_snapshot, name)?,
        Some(name) => (catalogue.resolve(name)?.clone(), name.parse().ok()?),
        None => webhook
            .action_types
            .iter()
            .find_map(|name| concrete(organizer_snapshot, name.as_str()))?,
    };
    let slug = event_of(webhook)?;
    compose_example(
        organizer_snapshot,
        &catalogue_entry,
        action_type,
        slug,
        id,
        now,
    )
}

impl OrganizerSnapshot {
    /// The notification that publishing the example of this action type would make, with the body as it would be sent now
    /// and an invented id.
    pub fn example(&self, catalogue_entry: &ActionType, now: Timestamp) -> Option<Notification> {
        let slug = EXAMPLE_EVENT.parse().ok()?;
        let id = NotificationId(EXAMPLE_ID);
        let mut notification = compose_example(
            self,
            catalogue_entry,
            catalogue_entry.first_concrete(),
            slug,
            id,
            now,
        )?;
        notification.body = body_at_send_time(catalogue_entry.shape, &notification.body, now);
        Some(notification)
    }
}

fn compose_example(
    organizer_snapshot: &OrganizerSnapshot,
    catalogue_entry: &ActionType,
    action_type: ActionTypeName,
    slug: EventSlug,
    id: NotificationId,
    now: Timestamp,
) -> Option<Notification> {
    let event = match catalogue_entry.event_requirement(action_type.as_str()) {
        EventRequirement::Forbidden => None,
        _ => Some(slug),
    };
    let data = serde_json::value::to_raw_value(&catalogue_entry.example).ok()?;
    let body = compose(&ComposeInput {
        organizer: &organizer_snapshot.organizer,
        catalogue_entry,
        action_type: &action_type,
        event: event.as_ref(),
        data: &data,
        published_at: now,
        budget: &CheckBudget::full(Arc::default()),
    });
    Some(Notification {
        id,
        organizer: organizer_snapshot.organizer.id,
        shape: catalogue_entry.shape,
        body: body.ok()?.body.render(id),
        action_type,
        event,
        published_at: now,
    })
}

/// The concrete action type for a name of a webhook: the name itself, or the first that its wildcard covers.
fn concrete(
    organizer_snapshot: &OrganizerSnapshot,
    name: &str,
) -> Option<(Arc<ActionType>, ActionTypeName)> {
    let filter: ActionTypeName = name.parse().ok()?;
    let known = organizer_snapshot
        .catalogue
        .iter()
        .find(|catalogue_entry| catalogue_entry.name == filter);
    let catalogue_entry = known.or_else(|| {
        organizer_snapshot
            .catalogue
            .iter()
            .find(|catalogue_entry| filter.matches(catalogue_entry.name.as_str()))
    })?;
    Some((catalogue_entry.clone(), catalogue_entry.first_concrete()))
}

/// An event that the webhook is limited to, else [`EXAMPLE_EVENT`].
fn event_of(webhook: &Webhook) -> Option<EventSlug> {
    match &webhook.events {
        EventFilter::Only(slugs) if !slugs.is_empty() => slugs.first().cloned(),
        _ => EXAMPLE_EVENT.parse().ok(),
    }
}
