//! The hot path: a publication in, 201 out.

use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use sonnette::domain::EventSlug;
use sonnette::engine::{PublishError, Published};
use utoipa::ToSchema;

use super::publish_input::{data_too_large, parse};
use crate::edge::AppState;
use crate::edge::authorization_header::Unauthenticated;
use crate::edge::authorize::Caller;
use crate::edge::body;
use crate::edge::error::{ApiError, messages};
use crate::edge::response;
use crate::rest::json_body;

/// A fact to be published.
#[derive(Serialize, ToSchema)]
pub(crate) struct PublishBody {
    /// A concrete action type of the organizer's catalogue.
    #[schema(example = "pretix.event.order.placed")]
    action_type: String,
    /// The slug of the event it belongs to; an unknown one is registered. Whether it is required depends on the type.
    #[schema(example = "democon", pattern = "^[A-Za-z0-9][A-Za-z0-9.-]{0,49}$")]
    event: Option<String>,
    /// The input of the action type, at most 262,144 bytes.
    #[schema(value_type = Object, example = json!({"code": "ABC23"}))]
    data: Value,
    /// Repeating a publication with its key publishes nothing new. Kept for 7 days.
    #[schema(example = "order-ABC23-placed", min_length = 1, max_length = 255)]
    idempotency_key: Option<String>,
    /// An opaque key of the person concerned.
    #[schema(example = "customer-4711", min_length = 1, max_length = 255)]
    subject: Option<String>,
}

/// One publication or an array of up to 1,000 of them, all or nothing.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(
    dead_code,
    reason = "describes the body; it is read without building one"
)]
pub(crate) enum PublishBodies {
    /// A single one.
    One(PublishBody),
    /// Several, all or nothing.
    Many(Vec<PublishBody>),
}

/// What is on disk.
#[derive(Serialize, ToSchema)]
pub(crate) struct PublishedJson {
    /// Rising over all organizers.
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
    /// How many enabled webhooks match.
    #[schema(example = 2)]
    pub(crate) deliveries: usize,
}

/// What is on disk, as an array for an array.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes the answer; it is written by hand")]
pub(crate) enum PublishedBodies {
    /// Of a single publication.
    One(PublishedJson),
    /// Of several, in their order.
    Many(Vec<PublishedJson>),
}

impl PublishedJson {
    /// What is answered, for the stream.
    pub(crate) fn of(published: &Published) -> Self {
        Self {
            notification_id: published.id.0,
            action_type: published.action_type.to_string(),
            event: published.event.as_ref().map(EventSlug::to_string),
            datetime: response::time(published.at),
            deliveries: published.deliveries,
        }
    }
}

fn refused(error: PublishError, as_array: bool) -> ApiError {
    let place = |index: usize| as_array.then_some(index);
    match error {
        PublishError::Invalid(entries) if as_array => ApiError::Entries(
            entries
                .into_iter()
                .map(|(index, errors)| (index, messages(errors)))
                .collect(),
        ),
        PublishError::Invalid(entries) => entries.into_iter().next().map_or_else(
            || {
                tracing::error!("a publication was refused without a reason");
                ApiError::Internal
            },
            |(_, errors)| errors.into(),
        ),
        PublishError::TooLarge(index) => data_too_large(place(index)),
        PublishError::Conflict(index) => {
            let of = place(index)
                .map(|index| format!(" of notification {index}"))
                .unwrap_or_default();
            ApiError::conflict(format!(
                "The idempotency_key{of} was used for other content."
            ))
        }
        PublishError::TokenInactive => Unauthenticated::Inactive.into(),
        PublishError::Unavailable => ApiError::Unavailable,
    }
}

/// Publish a notification
///
/// Publishes one fact or, all or nothing, an array of up to 1,000. 201 is said only after the notifications and their
/// deliveries are on disk. An array is answered by an array in its order.
#[utoipa::path(
    post,
    path = "/organizers/{organizer}/notifications/",
    request_body = PublishBodies,
    responses(
        (status = 201, description = "Published, and on disk.", body = PublishedBodies),
        (status = 200, description = "Nothing new: the keys were used before for the same content.", body = PublishedBodies),
        (status = 409, description = "A key was used before for other content; nothing was published.", example = json!({"detail": "The idempotency_key was used for other content."})),
        (status = 413, description = "`data` has more than 262,144 bytes, or the body more than 16 MiB.", example = json!({"detail": "The data is longer than 262144 bytes."})),
    )
)]
pub(crate) async fn publish_notifications(
    State(state): State<AppState>,
    caller: Caller,
    request: Request,
) -> Result<Response, ApiError> {
    let tenant = caller.tenant()?;
    let (parts, body) = request.into_parts();
    let body = body::read(&parts.headers, body, state.settings.max_publish_body).await?;
    if !body.is_empty() {
        json_body::check_json(&parts.headers)?;
    }
    let publications = parse(&body)?;
    drop(body);
    let as_array = publications.as_array;
    let published = state
        .sonnette
        .publish(tenant, Some(caller.hash), publications.requests)
        .await;
    let published = published.map_err(|error| refused(error, as_array))?;
    let new = published.iter().any(|one| one.new);
    let status = if new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok(response::json_text(status, answer(&published, as_array)))
}

/// Action types and slugs are of letters that JSON need not escape.
fn answer(published: &[Published], as_array: bool) -> Vec<u8> {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(160 * published.len() + 2);
    if as_array {
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
            one.at, one.deliveries
        );
    }
    if as_array {
        text.push(']');
    }
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use sonnette::domain::NotificationId;

    use super::*;

    #[test]
    fn writes_what_serde_would_write() {
        let published = Published {
            id: NotificationId(7),
            action_type: "pretix.event.order.placed".parse().unwrap(),
            event: "gala.2026-b".parse().ok(),
            at: "2026-11-21T18:00:00.25Z".parse().unwrap(),
            deliveries: 2,
            new: true,
        };
        let by_hand = answer(std::slice::from_ref(&published), false);
        assert_eq!(
            by_hand,
            serde_json::to_vec(&PublishedJson::of(&published)).unwrap()
        );
        let none = Published {
            event: None,
            ..published.clone()
        };
        let by_hand = answer(&[none.clone(), published.clone()], true);
        assert_eq!(
            by_hand,
            serde_json::to_vec(&[PublishedJson::of(&none), PublishedJson::of(&published)]).unwrap()
        );
    }
}
