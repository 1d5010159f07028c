//! Erases the data of a person.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::path_params::PathParams;
use crate::edge::AppState;
use crate::edge::authorize::Caller;
use crate::edge::error::ApiError;
use crate::edge::response;

/// What was erased.
#[derive(Serialize, ToSchema)]
pub(crate) struct ErasureResultJson {
    /// Notifications whose `data` was erased.
    #[schema(example = 3)]
    notifications: u64,
    /// Attempts whose payload and response were erased.
    #[schema(example = 4)]
    attempts: u64,
    /// Waiting deliveries that were dropped.
    #[schema(example = 1)]
    dropped: u64,
}

/// Erase a person's data
///
/// Erases `data`, payloads and response bodies of all notifications with this `subject`, and the subject itself, and drops
/// their waiting deliveries. Running attempts end, and their responses are not stored.
#[utoipa::path(
    delete,
    path = "/organizers/{organizer}/subjects/{subject}/",
    responses((status = 200, description = "What was erased.", body = ErasureResultJson))
)]
pub(crate) async fn erase_subject(
    State(state): State<AppState>,
    caller: Caller,
    PathParams((_, subject)): PathParams<(String, String)>,
) -> Result<Response, ApiError> {
    // The entry does not name the person; the store adds the numbers to it.
    let entry = caller
        .author()
        .audit_entry("sonnette.subject.erased", json!({}), state.now());
    let erased = state
        .sonnette
        .erase(caller.organizer()?, &subject, entry)
        .await?;
    let receipt = ErasureResultJson {
        notifications: erased.notifications,
        attempts: erased.attempts,
        dropped: erased.dropped,
    };
    Ok(response::ok(&receipt))
}
