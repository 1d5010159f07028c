//! The webhook resource as pretix shows it.

use serde::Serialize;
use sonnette::domain::{ActionTypeName, EventFilter, EventSlug, Webhook};

/// The webhook resource, with the keys in pretix's order.
#[derive(Debug, Serialize)]
pub(crate) struct WebhookJson<'a> {
    id: i64,
    enabled: bool,
    target_url: &'a str,
    all_events: bool,
    limit_events: Vec<&'a EventSlug>,
    action_types: &'a [ActionTypeName],
    comment: Option<&'a str>,
}

impl<'a> WebhookJson<'a> {
    /// `events` are those of the organizer, ordered by start, name and slug.
    pub(crate) fn new(webhook: &'a Webhook, events: &'a [EventSlug]) -> Self {
        let (all_events, limit_events) = match &webhook.events {
            EventFilter::All => (true, Vec::new()),
            EventFilter::Only(slugs) => (
                false,
                events.iter().filter(|slug| slugs.contains(*slug)).collect(),
            ),
        };
        Self {
            id: webhook.id.0,
            enabled: webhook.is_enabled(),
            target_url: webhook.target.as_unredacted_str(),
            all_events,
            limit_events,
            action_types: &webhook.action_types,
            comment: webhook.comment.as_deref(),
        }
    }
}
