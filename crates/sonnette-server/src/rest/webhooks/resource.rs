//! What the actions on the webhook resource share.

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::StatusCode;
use serde_json::Value;
use sonnette::domain::{Event, EventSlug, Webhook, WebhookId};
use utoipa::ToSchema;

use crate::admin::validation::Violation;
use crate::admin::webhooks::fields::WebhookFields;
use crate::edge::AppState;
use crate::edge::HttpSettings;
use crate::edge::authorize::Caller;
use crate::edge::body;
use crate::edge::error::ApiError;
use crate::edge::query::Query;
use crate::edge::response;
use crate::rest::drf::media::{Payload, read_body};
use crate::rest::drf::refusal::Refusal;
use crate::rest::drf::webhook_json::WebhookJson;
use crate::rest::violation_text::violation_text;
use crate::rest::webhooks::lookup::{no_webhook, webhook_of};

/// The webhook resource.
#[derive(ToSchema)]
#[schema(as = Webhook)]
#[expect(
    dead_code,
    reason = "describes the resource; it is written by WebhookJson"
)]
pub(crate) struct WebhookSchema {
    /// Assigned by the server, ascending.
    #[schema(example = 2, read_only)]
    id: i64,
    /// Whether it is called.
    #[schema(example = true)]
    enabled: bool,
    /// Where it is called; may hold credentials for Basic authentication.
    #[schema(example = "https://receiver.example/hook", max_length = 1024)]
    target_url: String,
    /// Whether it hears the notifications of all events.
    #[schema(example = false)]
    all_events: bool,
    /// The slugs of the events it hears, unless it hears all.
    #[schema(example = json!(["democon"]))]
    limit_events: Vec<String>,
    /// The action types it hears.
    #[schema(example = json!(["pretix.event.order.paid", "pretix.event.order.placed"]))]
    action_types: Vec<String>,
    /// The organizer's own note.
    #[schema(example = json!(null), max_length = 255)]
    comment: Option<String>,
}

/// What is sent to create or replace a webhook.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read by parse_webhook")]
pub(crate) struct WebhookBody {
    /// Whether it is called; true by default.
    #[schema(example = true)]
    enabled: Option<bool>,
    /// Where it is called; may hold credentials for Basic authentication.
    #[schema(example = "https://receiver.example/hook", max_length = 1024)]
    target_url: String,
    /// Whether it hears the notifications of all events; by default whether `limit_events` is empty.
    #[schema(example = false)]
    all_events: Option<bool>,
    /// The slugs of the events it hears, unless it hears all.
    #[schema(example = json!(["democon"]))]
    limit_events: Vec<String>,
    /// The action types it hears.
    #[schema(example = json!(["pretix.event.order.paid", "pretix.event.order.placed"]))]
    action_types: Vec<String>,
    /// The organizer's own note.
    #[schema(example = json!(null), max_length = 255)]
    comment: Option<String>,
}

/// What is sent to change a webhook; what is left out stays.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read by parse_webhook")]
pub(crate) struct WebhookPatch {
    /// Whether it is called.
    #[schema(example = true)]
    enabled: Option<bool>,
    /// Where it is called.
    #[schema(max_length = 1024)]
    target_url: Option<String>,
    /// Whether it hears the notifications of all events.
    all_events: Option<bool>,
    /// The slugs of the events it hears, unless it hears all.
    limit_events: Option<Vec<String>>,
    /// The action types it hears.
    action_types: Option<Vec<String>>,
    /// The organizer's own note.
    #[schema(max_length = 255)]
    comment: Option<String>,
}

/// The organizer's webhook with this id, if the `enabled` filter of the query lets it through.
pub(super) fn filtered(
    caller: &Caller,
    id: WebhookId,
    query: Option<&str>,
) -> Result<std::sync::Arc<Webhook>, ApiError> {
    let webhook = webhook_of(caller, id)?;
    let wanted = query.map(Query::new).and_then(|query| query.enabled());
    if wanted.is_some_and(|enabled| enabled != webhook.is_enabled()) {
        return Err(no_webhook());
    }
    Ok(webhook.clone())
}

/// The request body, parsed as its media type says.
pub(super) async fn payload(state: &AppState, request: Request) -> Result<Payload, ApiError> {
    let (parts, body): (_, Body) = request.into_parts();
    let bytes = body::read(&parts.headers, body, state.settings.max_body).await?;
    Ok(read_body(body::content_type(&parts.headers), &bytes)?)
}

/// An answer with the resource.
pub(super) fn shown(status: StatusCode, webhook: &Webhook, events: &[Event]) -> Response {
    response::json(status, &WebhookJson::new(webhook, &slugs(events)))
}

/// In the order of the events.
pub(super) fn slugs(events: &[Event]) -> Vec<EventSlug> {
    events.iter().map(|event| event.slug.clone()).collect()
}

/// Refuses a new target that is not encrypted, where the server demands it.
pub(super) fn check_https(
    settings: &HttpSettings,
    fields: &WebhookFields,
    before: Option<&Webhook>,
) -> Result<(), Refusal> {
    if fields.violates_https(settings.require_https, before) {
        let message = violation_text(&Violation::NotHttps).into_owned();
        return Err(Refusal::fields([("target_url", vec![message])]));
    }
    Ok(())
}

/// The body of the resource as `audited` keeps it, with the id.
pub(super) fn with_id(mut data: Value, id: WebhookId) -> Value {
    if let Some(members) = data.as_object_mut() {
        members.insert("id".to_owned(), id.0.into());
    }
    data
}
