//! Sends a notification again to all webhooks that match it now.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use sonnette::domain::NotificationId;
use sonnette::engine::ControlError;
use utoipa::ToSchema;

use crate::edge::AppState;
use crate::edge::authorize::Caller;
use crate::edge::error::ApiError;
use crate::edge::response;
use crate::rest::path_params::PathParams;

/// Replay a notification
///
/// Owes a notification again to the enabled webhooks that match now, whatever came of it before.
#[utoipa::path(
    post,
    path = "/organizers/{organizer}/notifications/{notification_id}/replay/",
    responses(
        (status = 201, description = "To how many webhooks.", body = inline(ReplayResultJson)),
        (status = 409, description = "The notification has been erased.", example = json!({"detail": "The notification has been erased: there is nothing left to send."})),
    )
)]
pub(crate) async fn replay_notification(
    State(state): State<AppState>,
    caller: Caller,
    PathParams((_, id)): PathParams<(String, NotificationId)>,
) -> Result<Response, ApiError> {
    let organizer = caller.organizer()?;
    let deliveries = state
        .sonnette
        .replay(organizer, id)
        .await
        .map_err(|error| match error {
            ControlError::Missing => ApiError::no_such("Notification"),
            error => error.into(),
        })?;
    Ok(response::json(
        StatusCode::CREATED,
        &ReplayResultJson { deliveries },
    ))
}

/// The number of webhooks that get the notification again.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReplayResultJson {
    /// The number of deliveries.
    #[schema(example = 2)]
    deliveries: usize,
}
