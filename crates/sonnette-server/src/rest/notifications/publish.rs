//! Publishes notifications.

use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use sonnette::domain::EventSlug;
use sonnette::engine::{PublishError, PublishedNotification};
use utoipa::ToSchema;

use super::publish_input::{data_too_large, parse};
use crate::edge::AppState;
use crate::edge::authorization_header::AuthenticationError;
use crate::edge::authorize::Caller;
use crate::edge::error::{ApiError, messages_by_field};
use crate::edge::read_body;
use crate::edge::response;
use crate::rest::fields::first_messages;
use crate::rest::json_body;

/// A notification to be published.
#[derive(Serialize, ToSchema)]
pub(crate) struct PublishBody {
    /// A concrete action type of the organizer's catalogue.
    #[schema(example = "pretix.event.order.placed")]
    action_type: String,
    /// The slug of its event; an unknown event is created. Whether it is required depends on the action type.
    #[schema(example = "democon", pattern = "^[A-Za-z0-9][A-Za-z0-9.-]{0,49}$")]
    event: Option<String>,
    /// The input of the action type, at most 262,144 bytes.
    #[schema(value_type = Object, example = json!({"code": "ABC23"}))]
    data: Value,
    /// A repeated publication with the same key publishes nothing new. Keys are stored for 7 days.
    #[schema(example = "order-ABC23-placed", min_length = 1, max_length = 255)]
    idempotency_key: Option<String>,
    /// An opaque key of the person whom it concerns.
    #[schema(example = "customer-4711", min_length = 1, max_length = 255)]
    subject: Option<String>,
}

/// A publication or an array of up to 1,000; either all are published or none.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(
    dead_code,
    reason = "describes the body; it is read without building one"
)]
pub(crate) enum PublishBodies {
    /// A single publication.
    One(PublishBody),
    /// Several publications.
    Many(Vec<PublishBody>),
}

/// A notification that is on disk.
#[derive(Serialize, ToSchema)]
pub(crate) struct PublishedJson {
    /// Ascending over all organizers.
    #[schema(example = 123_455)]
    pub(crate) notification_id: i64,
    /// The concrete action type.
    #[schema(example = "pretix.event.order.placed")]
    pub(crate) action_type: String,
    /// The event it belongs to, if any.
    #[schema(example = "democon")]
    pub(crate) event: Option<String>,
    /// When it was published.
    #[schema(example = "2026-11-21T18:00:00.000000Z")]
    pub(crate) datetime: String,
    /// The number of enabled webhooks that match.
    #[schema(example = 2)]
    pub(crate) deliveries: usize,
}

/// The published notifications, as an array for an array.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes the answer; it is written by hand")]
pub(crate) enum PublishedBodies {
    /// The response to a single publication.
    One(PublishedJson),
    /// The response to several, in their order.
    Many(Vec<PublishedJson>),
}

impl PublishedJson {
    /// The response, for the stream.
    pub(crate) fn of(published: &PublishedNotification) -> Self {
        Self {
            notification_id: published.id.0,
            action_type: published.action_type.to_string(),
            event: published.event.as_ref().map(EventSlug::to_string),
            datetime: response::format_time(published.published_at),
            deliveries: published.deliveries,
        }
    }
}

fn api_error(error: PublishError, is_array: bool) -> ApiError {
    let place = |index: usize| is_array.then_some(index);
    match error {
        PublishError::Invalid(entries) if is_array => {
            let entries = entries.into_iter();
            let entries = entries.map(|(index, errors)| (index, messages_by_field(errors)));
            ApiError::Entries(first_messages(entries))
        }
        PublishError::Invalid(entries) => entries.into_iter().next().map_or_else(
            || {
                tracing::error!("a publication was refused without a reason");
                ApiError::Internal
            },
            |(_, errors)| errors.into(),
        ),
        PublishError::TooLarge(index) => data_too_large(place(index)),
        error @ PublishError::TooManyDeliveries(_) => {
            ApiError::too_large(format!("Publish fewer at a time: {error}."))
        }
        PublishError::Conflict(index) => {
            let of = place(index)
                .map(|index| format!(" of notification {index}"))
                .unwrap_or_default();
            ApiError::conflict(format!(
                "The idempotency_key{of} was used for other content."
            ))
        }
        PublishError::TokenInactive => AuthenticationError::Inactive.into(),
        PublishError::Unavailable => ApiError::Unavailable,
    }
}

/// Publish a notification
///
/// Publishes one notification or an array of up to 1,000, all or none. The response 201 is sent after the notifications
/// and their deliveries are on disk. The response to an array is an array in the same order.
#[utoipa::path(
    post,
    path = "/organizers/{organizer}/notifications/",
    request_body = PublishBodies,
    responses(
        (status = 201, description = "Published, and on disk.", body = PublishedBodies),
        (status = 200, description = "Nothing new: the keys were used before for the same content.", body = PublishedBodies),
        (status = 409, description = "A key was used before for other content; nothing was published.", example = json!({"detail": "The idempotency_key was used for other content."})),
        (status = 413, description = "`data` has more than 262,144 bytes, the body more than 16 MiB, or there would be more than 200,000 deliveries.", example = json!({"detail": "The data is longer than 262144 bytes."})),
    )
)]
pub(crate) async fn publish_notifications(
    State(state): State<AppState>,
    caller: Caller,
    request: Request,
) -> Result<Response, ApiError> {
    let organizer = caller.organizer()?;
    let (parts, body) = request.into_parts();
    let body = read_body::read_limited(&parts.headers, body, state.settings.max_publish_body_bytes)
        .await?;
    if !body.is_empty() {
        json_body::check_json(&parts.headers)?;
    }
    let publications = read_body::parse(body, parse).await??;
    let is_array = publications.is_array;
    let published = state
        .sonnette
        .publish(organizer, Some(caller.hash), publications.requests)
        .await;
    let published = published.map_err(|error| api_error(error, is_array))?;
    let new = published.iter().any(|one| one.is_new);
    let status = if new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok(response::json_text(
        status,
        response_text(&published, is_array),
    ))
}

/// The JSON of the response, written by hand for speed. Action types and slugs contain nothing that JSON escapes.
fn response_text(published: &[PublishedNotification], is_array: bool) -> Vec<u8> {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(160 * published.len() + 2);
    if is_array {
        text.push('[');
    }
    for (index, one) in published.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "{{\"notification_id\":{},\"action_type\":\"{}\",\"event\":",
            one.id, one.action_type
        );
        let _ = match &one.event {
            Some(event) => write!(text, "\"{event}\""),
            None => text.write_str("null"),
        };
        let _ = write!(
            text,
            ",\"datetime\":\"{:.6}\",\"deliveries\":{}}}",
            one.published_at, one.deliveries
        );
    }
    if is_array {
        text.push(']');
    }
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use sonnette::domain::NotificationId;

    use super::*;

    #[test]
    fn the_text_equals_that_of_serde() {
        let published = PublishedNotification {
            id: NotificationId(7),
            action_type: "pretix.event.order.placed".parse().unwrap(),
            event: "gala.2026-b".parse().ok(),
            published_at: "2026-11-21T18:00:00.25Z".parse().unwrap(),
            deliveries: 2,
            is_new: true,
        };
        let by_hand = response_text(std::slice::from_ref(&published), false);
        assert_eq!(
            by_hand,
            serde_json::to_vec(&PublishedJson::of(&published)).unwrap()
        );
        let none = PublishedNotification {
            event: None,
            ..published.clone()
        };
        let by_hand = response_text(&[none.clone(), published.clone()], true);
        assert_eq!(
            by_hand,
            serde_json::to_vec(&[PublishedJson::of(&none), PublishedJson::of(&published)]).unwrap()
        );
    }
}
