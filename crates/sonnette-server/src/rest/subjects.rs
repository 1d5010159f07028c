//! Forgetting a person.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::path_params::Segments;
use crate::edge::AppState;
use crate::edge::authorize::Caller;
use crate::edge::error::ApiError;
use crate::edge::response;
use crate::rest::webhooks::lookup::note;

/// What was forgotten.
#[derive(Serialize, ToSchema)]
pub(crate) struct Receipt {
    /// Notifications whose `data` was blanked.
    #[schema(example = 3)]
    notifications: u64,
    /// Attempts whose payload and answer were blanked.
    #[schema(example = 4)]
    attempts: u64,
    /// Deliveries that waited and are never sent.
    #[schema(example = 1)]
    dropped: u64,
}

/// Erase a person's data
///
/// Blanks `data`, payloads and response bodies of everything that was published with this `subject`, takes the subject
/// away from it, and drops what waits. What is in flight ends, and its answer is not kept.
#[utoipa::path(
    delete,
    path = "/organizers/{organizer}/subjects/{subject}/",
    responses((status = 200, description = "What was erased.", body = Receipt))
)]
pub(crate) async fn erase_subject(
    State(state): State<AppState>,
    caller: Caller,
    Segments((_, subject)): Segments<(String, String)>,
) -> Result<Response, ApiError> {
    let erased = state.sonnette.erase(caller.tenant()?, &subject).await?;
    let receipt = Receipt {
        notifications: erased.notifications,
        attempts: erased.attempts,
        dropped: erased.dropped,
    };
    // The audit log must not remember the person either.
    note(&state, &caller, "sonnette.subject.erased", json!(receipt)).await?;
    Ok(response::ok(&receipt))
}
