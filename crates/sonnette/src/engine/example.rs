//! What a test sends: the example of an action type. The catalogue shows the same.

use std::sync::Arc;

use jiff::Timestamp;

use super::OrganizerSnapshot;
use crate::dialect::{ActionType, ComposeInput, EventRequirement, body_at_send_time, compose};
use crate::domain::{ActionName, EventFilter, EventSlug, Notification, NotificationId, Webhook};

/// A name as good as any.
const ANY_EVENT: &str = "democon";
/// The same of a number.
const ANY_ID: i64 = 123_455;

/// The example of an action type as a notification that is not stored.
pub(super) fn example(
    tenant: &OrganizerSnapshot,
    webhook: &Webhook,
    wanted: Option<&str>,
    id: NotificationId,
    now: Timestamp,
) -> Option<Notification> {
    let catalogue = &tenant.catalogue;
    let (spec, action_type): (_, ActionName) = match wanted {
        Some(name) if name.ends_with(".*") => concrete(tenant, name)?,
        Some(name) => (catalogue.resolve(name)?.clone(), name.parse().ok()?),
        None => webhook
            .action_types
            .iter()
            .find_map(|name| concrete(tenant, name.as_str()))?,
    };
    let slug = tenant_event(webhook)?;
    made(tenant, &spec, action_type, slug, id, now)
}

impl OrganizerSnapshot {
    /// What would be published, and sent, if somebody published the example of this action type of the catalogue now;
    /// the number of the notification is as good as any.
    pub fn example(&self, spec: &ActionType, now: Timestamp) -> Option<Notification> {
        let slug = ANY_EVENT.parse().ok()?;
        let id = NotificationId(ANY_ID);
        let mut notification = made(self, spec, spec.first_concrete(), slug, id, now)?;
        notification.body = body_at_send_time(spec.shape, &notification.body, now);
        Some(notification)
    }
}

fn made(
    tenant: &OrganizerSnapshot,
    spec: &ActionType,
    action_type: ActionName,
    slug: EventSlug,
    id: NotificationId,
    now: Timestamp,
) -> Option<Notification> {
    let event = match spec.event_requirement(action_type.as_str()) {
        EventRequirement::Forbidden => None,
        _ => Some(slug),
    };
    let data = serde_json::value::to_raw_value(&spec.example).ok()?;
    let body = compose(&ComposeInput {
        organizer: &tenant.organizer,
        spec,
        action_type: &action_type,
        event: event.as_ref(),
        data: &data,
        published_at: now,
    });
    Some(Notification {
        id,
        organizer: tenant.organizer.id,
        shape: spec.shape,
        body: body.ok()?.body.render(id),
        action_type,
        event,
        published_at: now,
    })
}

/// A name of a webhook's list made concrete: itself, or the first that its wildcard covers.
fn concrete(tenant: &OrganizerSnapshot, name: &str) -> Option<(Arc<ActionType>, ActionName)> {
    let filter: ActionName = name.parse().ok()?;
    let known = tenant.catalogue.iter().find(|spec| spec.name == filter);
    let spec = known.or_else(|| {
        tenant
            .catalogue
            .iter()
            .find(|spec| filter.covers(spec.name.as_str()))
    })?;
    Some((spec.clone(), spec.first_concrete()))
}

/// One of the webhook's own events, else any.
fn tenant_event(webhook: &Webhook) -> Option<EventSlug> {
    match &webhook.events {
        EventFilter::Only(slugs) if !slugs.is_empty() => slugs.first().cloned(),
        _ => ANY_EVENT.parse().ok(),
    }
}
