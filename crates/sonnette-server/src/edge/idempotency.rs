//! `X-Idempotency-Key`: the first response to a key is stored for a day and sent again.
//!
//! As in pretix, the key and the `Authorization` header alone identify a response; method, path and body do not count.

use std::future::Future;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_body_util::BodyExt;
use ring::digest::{Context, SHA256};
use sonnette::store::StoredResponse;

use super::error::ApiError;
use super::running_idempotency_keys::KeyHash;
use super::state::AppState;

const HEADER_NAME: &str = "x-idempotency-key";
/// Characters of a key.
const MAX_KEY_CHARS: usize = 255;
/// The answer while the first request with the key is running.
pub(crate) const KEY_IN_USE: ApiError = ApiError::Busy("Concurrent request with idempotency key.");
/// The routes that honour the header.
const IDEMPOTENT_ROUTES: [&str; 2] = [
    "/api/v1/organizers/{organizer}/webhooks/",
    "/api/v1/organizers/{organizer}/webhooks/{id}/",
];

/// The hash of the request's key, if its response is to be stored.
pub(crate) fn key_of(template: &str, request: &Request) -> Result<Option<KeyHash>, ApiError> {
    let writes = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    if !IDEMPOTENT_ROUTES.contains(&template) || !writes.contains(request.method()) {
        return Ok(None);
    }
    match request.headers().get(HEADER_NAME) {
        None => Ok(None),
        Some(key) if key.is_empty() => Ok(None),
        Some(key) if count_chars(key) > MAX_KEY_CHARS => {
            let detail =
                "Ensure that X-Idempotency-Key has no more than 255 characters.".to_owned();
            Err(ApiError::Detail(StatusCode::BAD_REQUEST, detail))
        }
        Some(key) => Ok(Some(hash_key(request.headers(), key.as_bytes()))),
    }
}

fn count_chars(value: &HeaderValue) -> usize {
    std::str::from_utf8(value.as_bytes()).map_or(value.len(), |text| text.chars().count())
}

/// Hashes a key together with the `Authorization` header.
pub(crate) fn hash_key(headers: &HeaderMap, key: &[u8]) -> KeyHash {
    let mut context = Context::new(&SHA256);
    let authorization = headers
        .get(header::AUTHORIZATION)
        .map_or(&b""[..], HeaderValue::as_bytes);
    context.update(authorization);
    context.update(&[0]);
    context.update(key);
    let mut hash = KeyHash::default();
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// Returns the stored response of a key. If there is none, `handler` runs and its response is stored, even if the client
/// disconnects meanwhile.
pub(crate) async fn run_once(
    state: &AppState,
    key: KeyHash,
    handler: impl Future<Output = Response> + Send + 'static,
) -> Result<Response, ApiError> {
    let running = state.running_keys.start(key).ok_or(KEY_IN_USE)?;
    if let Some(stored) = find_stored(state, key).await? {
        return Ok(to_response(stored));
    }
    let state = state.clone();
    let task = tokio::spawn(async move {
        let response = store_response(&state, key, handler.await).await;
        drop(running);
        response
    });
    task.await?
}

/// The response that is stored for a key.
pub(crate) async fn find_stored(
    state: &AppState,
    key: KeyHash,
) -> Result<Option<StoredResponse>, ApiError> {
    let now = state.sonnette.clock_reading().trusted;
    state
        .read(move |store| store.stored_response(&key, now))
        .await
}

async fn store_response(
    state: &AppState,
    key: KeyHash,
    response: Response,
) -> Result<Response, ApiError> {
    if !is_final(response.status()) {
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = body
        .collect()
        .await
        .map_err(|error| {
            tracing::error!(%error, "the response to a request with an idempotency key cannot be read: {error}");
            ApiError::Internal
        })?
        .to_bytes();
    let headers = parts.headers.iter();
    let answer = StoredResponse {
        status: parts.status.as_u16(),
        headers: headers
            .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
            .collect(),
        body: body.to_vec(),
    };
    let now = state.sonnette.clock_reading().trusted;
    let stored = state
        .write(move |store| store.store_response(&key, &answer, now))
        .await;
    if stored.is_err() {
        tracing::warn!("the response to a request with an idempotency key cannot be stored");
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

/// Whether repeating the request would give the same response.
fn is_final(status: StatusCode) -> bool {
    let transient = [
        StatusCode::UNAUTHORIZED,
        StatusCode::NOT_ACCEPTABLE,
        StatusCode::REQUEST_TIMEOUT,
        StatusCode::CONFLICT,
        StatusCode::TOO_MANY_REQUESTS,
    ];
    !transient.contains(&status) && !status.is_server_error()
}

/// The HTTP response of a stored one.
pub(crate) fn to_response(stored: StoredResponse) -> Response {
    let mut response = Response::new(Body::from(stored.body));
    *response.status_mut() =
        StatusCode::from_u16(stored.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in stored.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_final_responses_only() {
        for (status, stored) in [
            (201, true),
            (400, true),
            (403, true),
            (401, false),
            (406, false),
            (408, false),
            (429, false),
            (503, false),
        ] {
            assert_eq!(
                is_final(StatusCode::from_u16(status).unwrap()),
                stored,
                "{status}"
            );
        }
    }
}
