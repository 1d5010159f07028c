//! The stored answer of an idempotency key.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::edge::AppState;
use crate::edge::error::ApiError;
use crate::edge::idempotency::{BUSY, find, hash, restored};

/// Look up the answer kept for an idempotency key
///
/// The answer to the first request of the caller with this `X-Idempotency-Key`: its status, headers and body.
#[utoipa::path(
    get,
    path = "/idempotency_query",
    params(("key" = String, Query, description = "The `X-Idempotency-Key` of the request.", example = "c0ffee-1")),
    responses(
        (status = 200, description = "Whatever was answered, with its own status."),
        (status = 400, description = "No key given.", example = json!({"detail": "No idempotency key given."})),
        (status = 404, description = "No answer is kept.", example = json!({"detail": "Idempotency key not seen before."})),
        (status = 409, description = "The request is still running.", example = json!({"detail": "Concurrent request with idempotency key."})),
    )
)]
pub(crate) async fn query_idempotency(State(state): State<AppState>, request: Request) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let key = url::form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| name == "key")
        .last();
    let Some((_, key)) = key.filter(|(_, key)| !key.is_empty()) else {
        let detail = "No idempotency key given.".to_owned();
        return ApiError::Detail(StatusCode::BAD_REQUEST, detail).into_response();
    };
    let key = hash(request.headers(), key.as_bytes());
    if state.running.has(&key) {
        return BUSY.into_response();
    }
    match find(&state, key).await {
        Ok(Some(kept)) => restored(kept),
        Ok(None) => {
            let detail = "Idempotency key not seen before.".to_owned();
            ApiError::Detail(StatusCode::NOT_FOUND, detail).into_response()
        }
        Err(error) => error.into_response(),
    }
}
