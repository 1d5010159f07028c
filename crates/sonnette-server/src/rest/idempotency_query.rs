//! The stored answer of an idempotency key.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};

use crate::edge::AppState;
use crate::edge::authorize::check_stored_access;
use crate::edge::error::ApiError;
use crate::edge::idempotency::{KEY_IN_USE, find_stored, hash_key, to_response};

/// Look up the response stored for an idempotency key
///
/// The response to the caller's first request with this `X-Idempotency-Key`: status, headers and body.
#[utoipa::path(
    get,
    path = "/idempotency_query",
    params(("key" = String, Query, description = "The `X-Idempotency-Key` of the request.", example = "c0ffee-1")),
    responses(
        (status = 200, description = "The stored response, with its own status."),
        (status = 400, description = "No key is given.", example = json!({"detail": "No idempotency key given."})),
        (status = 401, description = "The token is invalid or inactive."),
        (status = 404, description = "No response is stored.", example = json!({"detail": "Idempotency key not seen before."})),
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
    let headers = request.headers();
    // Nothing is stored for requests without a token.
    if headers.contains_key(header::AUTHORIZATION)
        && let Err(error) = check_stored_access(&state, headers).await
    {
        return error.into_response();
    }
    let key = hash_key(headers, key.as_bytes());
    if state.running_keys.contains(&key) {
        return KEY_IN_USE.into_response();
    }
    match find_stored(&state, key).await {
        Ok(Some(stored)) => to_response(stored),
        Ok(None) => {
            let detail = "Idempotency key not seen before.".to_owned();
            ApiError::Detail(StatusCode::NOT_FOUND, detail).into_response()
        }
        Err(error) => error.into_response(),
    }
}
