//! `X-Idempotency-Key`: the first answer to a key is kept for a day and given again.
//!
//! The key and the `Authorization` header name an answer, and nothing else does: not the method, the path or the body.

use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_body_util::BodyExt;
use parking_lot::Mutex;
use ring::digest::{Context, SHA256};
use sonnette::store::StoredResponse;

use crate::edge::AppState;
use crate::edge::error::ApiError;

const HEADER: &str = "x-idempotency-key";
/// The first request with the key is still running.
pub(crate) const BUSY: ApiError = ApiError::Busy("Concurrent request with idempotency key.");
const SETTINGS: [&str; 2] = [
    "/api/v1/organizers/{organizer}/webhooks/",
    "/api/v1/organizers/{organizer}/webhooks/{id}/",
];

/// What names an answer.
pub(crate) type KeyHash = [u8; 32];

/// Keys whose first request is still running.
#[derive(Debug, Clone, Default)]
pub(crate) struct Running(Arc<Mutex<HashSet<KeyHash>>>);

struct Turn(Running, KeyHash);

impl Running {
    fn begin(&self, key: KeyHash) -> Option<Turn> {
        self.0.lock().insert(key).then(|| Turn(self.clone(), key))
    }

    /// Whether a request with this key is running.
    pub(crate) fn has(&self, key: &KeyHash) -> bool {
        self.0.lock().contains(key)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.0.lock().remove(&self.1);
    }
}

/// What names the answer to this request, if it is one whose answer is kept.
pub(crate) fn key(template: &str, request: &Request) -> Result<Option<KeyHash>, ApiError> {
    let writes = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    if !SETTINGS.contains(&template) || !writes.contains(request.method()) {
        return Ok(None);
    }
    match request.headers().get(HEADER) {
        None => Ok(None),
        Some(key) if key.is_empty() => Ok(None),
        Some(key) if characters(key) > 255 => {
            let detail =
                "Ensure that X-Idempotency-Key has no more than 255 characters.".to_owned();
            Err(ApiError::Detail(StatusCode::BAD_REQUEST, detail))
        }
        Some(key) => Ok(Some(hash(request.headers(), key.as_bytes()))),
    }
}

fn characters(value: &HeaderValue) -> usize {
    std::str::from_utf8(value.as_bytes()).map_or(value.len(), |text| text.chars().count())
}

/// The hash that names the answer of a key to the sender of these headers.
pub(crate) fn hash(headers: &HeaderMap, key: &[u8]) -> KeyHash {
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

/// The kept answer; or `work` is done, to its end even if the client leaves, and its answer kept.
pub(crate) async fn once(
    state: &AppState,
    key: KeyHash,
    work: impl Future<Output = Response> + Send + 'static,
) -> Result<Response, ApiError> {
    let turn = state.running.begin(key).ok_or(BUSY)?;
    if let Some(kept) = find(state, key).await? {
        return Ok(restored(kept));
    }
    let state = state.clone();
    let task = tokio::spawn(async move {
        let response = keep(&state, key, work.await).await;
        drop(turn);
        response
    });
    task.await?
}

/// The answer that is stored for a key.
pub(crate) async fn find(
    state: &AppState,
    key: KeyHash,
) -> Result<Option<StoredResponse>, ApiError> {
    let now = state.now();
    state
        .store(move |store| store.stored_response(&key, now))
        .await
}

async fn keep(state: &AppState, key: KeyHash, response: Response) -> Result<Response, ApiError> {
    if !is_kept(response.status()) {
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = body
        .collect()
        .await
        .map_err(|error| {
            tracing::error!(%error, "an answer could not be read to be kept");
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
    let now = state.now();
    if state
        .store(move |store| store.store_response(&key, &answer, now))
        .await
        .is_err()
    {
        tracing::warn!("an answer could not be kept for its idempotency key");
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn is_kept(status: StatusCode) -> bool {
    let again = [
        StatusCode::UNAUTHORIZED,
        StatusCode::NOT_ACCEPTABLE,
        StatusCode::CONFLICT,
        StatusCode::TOO_MANY_REQUESTS,
    ];
    !again.contains(&status) && !status.is_server_error()
}

/// A stored answer as a response.
pub(crate) fn restored(kept: StoredResponse) -> Response {
    let mut response = Response::new(Body::from(kept.body));
    *response.status_mut() =
        StatusCode::from_u16(kept.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in kept.headers {
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
    fn a_key_runs_once_at_a_time() {
        let running = Running::default();
        let turn = running.begin([1; 32]);
        assert!(turn.is_some());
        assert!(running.begin([1; 32]).is_none());
        drop(turn);
        assert!(!running.has(&[1; 32]));
    }

    #[test]
    fn keeps_what_is_final() {
        for (status, kept) in [
            (201, true),
            (400, true),
            (403, true),
            (401, false),
            (406, false),
            (429, false),
            (503, false),
        ] {
            assert_eq!(
                is_kept(StatusCode::from_u16(status).unwrap()),
                kept,
                "{status}"
            );
        }
    }
}
