//! The webhook resource: its schema, and what its actions share.

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
use crate::edge::error::ApiError;
use crate::edge::query::Query;
use crate::edge::read_body;
use crate::edge::response;
use crate::rest::drf::error::DrfError;
use crate::rest::drf::media::{ParsedBody, read_body};
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
    /// Whether requests are sent.
    #[schema(example = true)]
    enabled: bool,
    /// Where requests are sent; may contain credentials for Basic authentication.
    #[schema(example = "https://receiver.example/hook", max_length = 1024)]
    target_url: String,
    /// Whether notifications of all events match.
    #[schema(example = false)]
    all_events: bool,
    /// The slugs of the events that match, unless all do.
    #[schema(example = json!(["democon"]))]
    limit_events: Vec<String>,
    /// The action types that match.
    #[schema(example = json!(["pretix.event.order.paid", "pretix.event.order.placed"]))]
    action_types: Vec<String>,
    /// A note for the organizer.
    #[schema(example = json!(null), max_length = 255)]
    comment: Option<String>,
}

/// The body that creates or replaces a webhook.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read by parse_webhook")]
pub(crate) struct WebhookBody {
    /// Whether requests are sent; true by default.
    #[schema(example = true)]
    enabled: Option<bool>,
    /// Where requests are sent; may contain credentials for Basic authentication.
    #[schema(example = "https://receiver.example/hook", max_length = 1024)]
    target_url: String,
    /// Whether notifications of all events match; by default whether `limit_events` is empty.
    #[schema(example = false)]
    all_events: Option<bool>,
    /// The slugs of the events that match, unless all do.
    #[schema(example = json!(["democon"]))]
    limit_events: Vec<String>,
    /// The action types that match.
    #[schema(example = json!(["pretix.event.order.paid", "pretix.event.order.placed"]))]
    action_types: Vec<String>,
    /// A note for the organizer.
    #[schema(example = json!(null), max_length = 255)]
    comment: Option<String>,
}

/// The body that changes a webhook. Fields that are left out keep their values.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read by parse_webhook")]
pub(crate) struct WebhookPatch {
    /// Whether requests are sent.
    #[schema(example = true)]
    enabled: Option<bool>,
    /// Where requests are sent.
    #[schema(max_length = 1024)]
    target_url: Option<String>,
    /// Whether notifications of all events match.
    all_events: Option<bool>,
    /// The slugs of the events that match, unless all do.
    limit_events: Option<Vec<String>>,
    /// The action types that match.
    action_types: Option<Vec<String>>,
    /// A note for the organizer.
    #[schema(max_length = 255)]
    comment: Option<String>,
}

/// The organizer's webhook with this id, if it passes the `enabled` filter of the query.
pub(super) fn filtered_webhook(
    caller: &Caller,
    id: WebhookId,
    query: Option<&str>,
) -> Result<std::sync::Arc<Webhook>, ApiError> {
    let webhook = webhook_of(caller, id)?;
    let enabled_filter = query.map(Query::new).and_then(|query| query.enabled());
    if enabled_filter.is_some_and(|enabled| enabled != webhook.is_enabled()) {
        return Err(no_webhook());
    }
    Ok(webhook.clone())
}

/// The request body, parsed by its media type.
pub(super) async fn read_parsed_body(
    state: &AppState,
    request: Request,
) -> Result<ParsedBody, ApiError> {
    let (parts, body): (_, Body) = request.into_parts();
    let bytes =
        read_body::read_limited(&parts.headers, body, state.settings.max_body_bytes).await?;
    let content_type = read_body::content_type(&parts.headers).map(str::to_owned);
    let read = move |bytes: &[u8]| read_body(content_type.as_deref(), bytes);
    Ok(read_body::parse(bytes, read).await??)
}

/// A response with the resource.
pub(super) fn webhook_response(
    status: StatusCode,
    webhook: &Webhook,
    events: &[Event],
) -> Response {
    response::json(status, &WebhookJson::new(webhook, &slugs(events)))
}

/// The slugs of events, in their order.
pub(super) fn slugs(events: &[Event]) -> Vec<EventSlug> {
    events.iter().map(|event| event.slug.clone()).collect()
}

/// Refuses a new `http` target if the server demands `https`.
pub(super) fn check_https(
    settings: &HttpSettings,
    fields: &WebhookFields,
    before: Option<&Webhook>,
) -> Result<(), DrfError> {
    if fields.violates_https(settings.require_https, before) {
        let message = violation_text(&Violation::NotHttps).into_owned();
        return Err(DrfError::fields([("target_url", vec![message])]));
    }
    Ok(())
}

/// Adds the id of the webhook to the data of an audit entry.
pub(super) fn with_id(mut data: Value, id: WebhookId) -> Value {
    if let Some(members) = data.as_object_mut() {
        members.insert("id".to_owned(), id.0.into());
    }
    data
}
