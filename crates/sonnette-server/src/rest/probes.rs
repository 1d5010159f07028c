//! Liveness, readiness, metrics, and the OpenAPI document.

use std::sync::LazyLock;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::json;
use sonnette::store::StoreError;

use crate::edge::AppState;
use crate::edge::error::ApiError;
use crate::edge::response;
use crate::rest::metrics_format::{
    MetricsFormat, OPEN_METRICS_TYPE, PROMETHEUS_TYPE, prometheus_text,
};

/// Liveness
///
/// Responds while the process is alive.
#[utoipa::path(
    get,
    path = "/healthz",
    responses((status = 200, description = "The process is alive.", example = json!({"status": "ok"})))
)]
pub(crate) async fn get_health() -> Response {
    response::ok(&json!({"status": "ok"}))
}

/// Readiness
///
/// Whether the store can be read and written now, and every thread runs. The store is written for this, at most four
/// times a second.
#[utoipa::path(
    get,
    path = "/readyz",
    responses(
        (status = 200, description = "The store can be read and written. `damaged_rows` counts rows that are left out because they cannot be read, if there are any. `outage` is true while nearly all receivers cannot be reached, which counts against no webhook. `hold` is there while deliveries are held after a restore.", example = json!({"status": "ok"})),
        (status = 503, description = "The store cannot be read or written, with the kind of error and its text.", example = json!({"status": "unavailable", "reason": "store_unavailable", "detail": "the store is not available: database or disk is full"})),
    )
)]
pub(crate) async fn get_readiness(State(state): State<AppState>) -> Response {
    if let Some(failure) = state.sonnette.failure() {
        tracing::debug!(%failure, "not ready: {failure}");
        return not_ready("thread_failed", &failure.to_string());
    }
    match state.readiness.check().await {
        Ok(damaged) => {
            let mut body = json!({"status": "ok"});
            if damaged > 0 {
                body["damaged_rows"] = damaged.into();
            }
            if state.sonnette.has_outage() {
                body["outage"] = true.into();
            }
            if let Some(since) = state.sonnette.registry().hold() {
                body["hold"] = json!({
                    "since": response::format_time(since),
                    "detail": "Deliveries are held after a restore, until `sonnette resume`.",
                });
            }
            response::ok(&body)
        }
        Err(error) => {
            let reason = match &error {
                StoreError::Unavailable(_) => "store_unavailable",
                StoreError::Inconsistent { .. } => "store_inconsistent",
                StoreError::Refused(_) => "store_refused",
            };
            not_ready(reason, &error.to_string())
        }
    }
}

fn not_ready(reason: &str, detail: &str) -> Response {
    let body = json!({"status": "unavailable", "reason": reason, "detail": detail});
    response::json(StatusCode::SERVICE_UNAVAILABLE, &body)
}

/// Metrics
///
/// For Prometheus: in the text format of `OpenMetrics`, or in Prometheus's own (version 0.0.4) if `Accept` prefers
/// `text/plain`.
#[utoipa::path(
    get,
    path = "/metrics",
    responses(
        (status = 200, description = "The metrics.", content_type = "text/plain", body = String),
        (status = 503, description = "The store cannot be read."),
    )
)]
pub(crate) async fn get_metrics(State(state): State<AppState>, headers: HeaderMap) -> Response {
    match state.sonnette.metrics().await {
        Ok(text) => {
            let (kind, text) = match MetricsFormat::accepted_by(&headers) {
                MetricsFormat::OpenMetrics => (OPEN_METRICS_TYPE, text),
                MetricsFormat::Prometheus => (PROMETHEUS_TYPE, prometheus_text(&text)),
            };
            let kind = HeaderValue::from_static(kind);
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(error) => ApiError::from(error).into_response(),
    }
}

/// The text of the document, which is built at its first request.
#[derive(Clone)]
pub(crate) struct OpenApiDocument(pub(crate) &'static LazyLock<Bytes>);

/// This document
///
/// The REST API as `OpenAPI` 3.1.
#[utoipa::path(
    get,
    path = "/openapi.json",
    responses((status = 200, description = "The document.", body = Object))
)]
pub(crate) async fn get_openapi(
    Extension(OpenApiDocument(document)): Extension<OpenApiDocument>,
) -> Response {
    // Shared: an answer that is never read holds no copy.
    let body = Body::from(LazyLock::force(document).clone());
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], body).into_response()
}
