//! The data of audit entries of the form: as in pretix, the fields that differ.

use serde_json::{Map, Value, json};
use sonnette::domain::{ActionTypeName, Event, EventFilter, Webhook, WebhookSettings};

/// The fields of a new webhook that differ from the initial values of the form.
pub(super) fn created(webhook: &Webhook, events: &[Event]) -> Map<String, Value> {
    let initial = [
        ("enabled", json!(true)),
        ("comment", Value::Null),
        ("all_events", json!(true)),
        ("limit_events", json!([])),
    ];
    let mut fields = fields(webhook, events);
    fields.retain(|name, value| !initial.iter().any(|(n, v)| n == name && v == value));
    fields
}

/// The fields that differ.
pub(super) fn changed(before: &Webhook, after: &Webhook, events: &[Event]) -> Map<String, Value> {
    let old = fields(before, events);
    let mut fields = fields(after, events);
    fields.retain(|name, value| old.get(name) != Some(value));
    if before.target != after.target {
        // Redacted URLs do not show a change of the credentials.
        fields.insert("target_url".to_owned(), after.target.redacted().into());
    }
    fields
}

/// The names of the settings that differ.
pub(super) fn changed_settings(
    before: &WebhookSettings,
    after: &WebhookSettings,
) -> Vec<&'static str> {
    [
        ("headers", before.headers != after.headers),
        (
            "max_per_second",
            before.max_per_second != after.max_per_second,
        ),
        (
            "max_concurrency",
            before.max_concurrency != after.max_concurrency,
        ),
        ("timeout_seconds", before.timeout != after.timeout),
        (
            "signature_scheme",
            before.extra_signatures != after.extra_signatures,
        ),
        (
            "contact_emails",
            before.contact_emails != after.contact_emails,
        ),
    ]
    .into_iter()
    .filter_map(|(name, differs)| differs.then_some(name))
    .collect()
}

/// The fields by their names in pretix's form, where action types are called `events`.
fn fields(webhook: &Webhook, events: &[Event]) -> Map<String, Value> {
    let limit: Vec<i64> = match &webhook.events {
        EventFilter::All => Vec::new(),
        EventFilter::Only(slugs) => events
            .iter()
            .filter(|event| slugs.contains(&event.slug))
            .map(|event| event.id.0)
            .collect(),
    };
    let names: Vec<_> = webhook
        .action_types
        .iter()
        .map(ActionTypeName::as_str)
        .collect();
    let fields = [
        ("target_url", json!(webhook.target.redacted())),
        ("comment", json!(webhook.comment)),
        ("enabled", json!(webhook.is_enabled())),
        ("events", json!(names)),
        ("all_events", json!(webhook.events == EventFilter::All)),
        ("limit_events", json!(limit)),
    ];
    fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
