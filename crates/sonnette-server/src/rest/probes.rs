//! Around the API: is it alive, is it ready, what does it measure.

use std::sync::OnceLock;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;
use sonnette::store::StoreError;

use crate::edge::AppState;
use crate::rest::drf::ascii_json::to_vec;
use crate::rest::openapi;
use crate::rest::reply;

/// Whether the program is alive
///
/// It is, if it answers.
#[utoipa::path(
    get,
    path = "/healthz",
    responses((status = 200, description = "It is.", example = json!({"status": "ok"})))
)]
pub(crate) async fn get_health() -> Response {
    reply::ok(&json!({"status": "ok"}))
}

/// Whether the program can do its work
///
/// Whether the store can be reached, and every thread runs.
#[utoipa::path(
    get,
    path = "/readyz",
    responses(
        (status = 200, description = "It can.", example = json!({"status": "ok"})),
        (status = 503, description = "It cannot, with the kind of reason.", example = json!({"status": "unavailable", "reason": "store_unavailable"})),
    )
)]
pub(crate) async fn get_readiness(State(state): State<AppState>) -> Response {
    if let Some(failure) = state.sonnette.failure() {
        tracing::debug!(%failure, "not ready: {failure}");
        return not_ready("thread_failed");
    }
    let store = state.sonnette.store().clone();
    let reason = match tokio::task::spawn_blocking(move || store.ping()).await {
        Ok(Ok(())) => return reply::ok(&json!({"status": "ok"})),
        Ok(Err(StoreError::Unavailable(_))) => "store_unavailable",
        Ok(Err(StoreError::Inconsistent { .. })) => "store_inconsistent",
        Ok(Err(StoreError::Refused(_))) => "store_refused",
        Err(_) => "internal",
    };
    not_ready(reason)
}

fn not_ready(reason: &str) -> Response {
    let body = json!({"status": "unavailable", "reason": reason});
    reply::json(StatusCode::SERVICE_UNAVAILABLE, &body)
}

/// Metrics
///
/// In the text format of `OpenMetrics`, for Prometheus.
#[utoipa::path(
    get,
    path = "/metrics",
    responses(
        (status = 200, description = "The metrics.", content_type = "text/plain", body = String),
        (status = 503, description = "The store cannot be read."),
    )
)]
pub(crate) async fn get_metrics(State(state): State<AppState>) -> Response {
    match state.sonnette.metrics().await {
        Ok(text) => {
            let kind = HeaderValue::from_static(
                "application/openmetrics-text; version=1.0.0; charset=utf-8",
            );
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(error) => crate::rest::error::ApiError::from(error).into_response(),
    }
}

/// This document
///
/// The REST API as `OpenAPI` 3.1.
#[utoipa::path(
    get,
    path = "/openapi.json",
    responses((status = 200, description = "The document.", body = Object))
)]
pub(crate) async fn get_openapi() -> Response {
    static TEXT: OnceLock<Vec<u8>> = OnceLock::new();
    let text = TEXT.get_or_init(|| to_vec(&openapi()).unwrap_or_default());
    reply::json_text(StatusCode::OK, text.clone())
}
