//! Actions on the deliveries of a webhook that wait.

use axum::extract::State;
use axum::response::Response;
use serde_json::json;
use sonnette::domain::WebhookId;
use sonnette::engine::ControlError;

use super::count_json::CountJson;
use super::lookup::webhook_of;
use crate::edge::AppState;
use crate::edge::authorize::Caller;
use crate::edge::error::ApiError;
use crate::edge::response;
use crate::rest::path_params::PathParams;

/// Send what waits now
///
/// Everything waiting is due at once. On a failing lane a probe goes at once, and the rest follows its success.
#[utoipa::path(
    post,
    path = "/organizers/{organizer}/webhooks/{id}/expedite/",
    responses(
        (status = 200, description = "How many wait.", body = CountJson),
        (status = 409, description = "The webhook is disabled.", example = json!({"detail": "The webhook is disabled. Enable it first."})),
    )
)]
pub(crate) async fn expedite_webhook(
    State(state): State<AppState>,
    caller: Caller,
    PathParams((_, id)): PathParams<(String, WebhookId)>,
) -> Result<Response, ApiError> {
    if !webhook_of(&caller, id)?.is_enabled() {
        return Err(ControlError::Disabled.into());
    }
    let data = json!({ "webhook": id });
    let entry = caller
        .author()
        .audit_entry("pretix.webhook.retries.expedited", data, state.now());
    let count = state.sonnette.expedite(id, Some(entry)).await?;
    Ok(response::ok(&CountJson { count }))
}

/// Drop what waits
///
/// Everything waiting is never sent. It can be sent again with `retry/`.
#[utoipa::path(
    post,
    path = "/organizers/{organizer}/webhooks/{id}/drop/",
    responses((status = 200, description = "How many waited.", body = CountJson))
)]
pub(crate) async fn drop_webhook_deliveries(
    State(state): State<AppState>,
    caller: Caller,
    PathParams((_, id)): PathParams<(String, WebhookId)>,
) -> Result<Response, ApiError> {
    webhook_of(&caller, id)?;
    let data = json!({ "webhook": id });
    let entry = caller
        .author()
        .audit_entry("pretix.webhook.retries.dropped", data, state.now());
    let count = state.sonnette.drop_pending(id, Some(entry)).await?;
    Ok(response::ok(&CountJson { count }))
}
