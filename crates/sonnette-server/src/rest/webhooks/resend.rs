//! Sends deliveries again.

use axum::extract::State;
use axum::response::Response;
use serde_json::json;
use sonnette::domain::{NotificationId, WebhookId};
use sonnette::engine::ControlError;
use sonnette::store::BatchAuditEntry;

use super::count_json::CountJson;
use super::deliveries::DeliveryJson;
use super::lookup::webhook_of;
use super::resend_input::{ResendInput, ResendSelection, RetryBody};
use crate::admin::webhooks::hold_reason::HoldReason;
use crate::edge::AppState;
use crate::edge::authorize::Caller;
use crate::edge::error::ApiError;
use crate::edge::response;
use crate::rest::fields::Fields;
use crate::rest::json_body::JsonObject;
use crate::rest::path_params::PathParams;

/// Send a delivery again
///
/// Sent now, whatever its state; a settled one gets a fresh schedule and three days.
#[utoipa::path(
    post,
    path = "/organizers/{organizer}/webhooks/{id}/deliveries/{delivery}/retry/",
    responses(
        (status = 200, description = "The delivery as it is now.", body = DeliveryJson),
        (status = 409, description = "The webhook is disabled, or the notification has been erased.", example = json!({"detail": "The webhook is disabled. Enable it first."})),
    )
)]
pub(crate) async fn retry_delivery(
    State(state): State<AppState>,
    caller: Caller,
    PathParams((_, id, delivery)): PathParams<(String, WebhookId, NotificationId)>,
) -> Result<Response, ApiError> {
    let webhook = webhook_of(&caller, id)?;
    let resent = state
        .sonnette
        .resend(id, delivery)
        .await
        .map_err(|error| match error {
            ControlError::Missing => ApiError::no_such("Delivery"),
            error => error.into(),
        })?;
    let hold_reason = HoldReason::of(&state.sonnette, Some(webhook)).await?;
    Ok(response::ok(&DeliveryJson::of(&resent, hold_reason)))
}

/// Send again what was not delivered
///
/// Every delivery of notifications published in that time that was not delivered is due again, settled ones with a
/// fresh schedule and three days. With `"state": "missed"` what matched while the webhook was off is owed to it, once.
#[utoipa::path(
    post,
    path = "/organizers/{organizer}/webhooks/{id}/retry/",
    request_body = RetryBody,
    responses(
        (status = 200, description = "How many.", body = CountJson),
        (status = 409, description = "The webhook is disabled.", example = json!({"detail": "The webhook is disabled. Enable it first."})),
    )
)]
pub(crate) async fn retry_webhook(
    State(state): State<AppState>,
    caller: Caller,
    PathParams((_, id)): PathParams<(String, WebhookId)>,
    JsonObject(members): JsonObject,
) -> Result<Response, ApiError> {
    let webhook = webhook_of(&caller, id)?;
    let input = ResendInput::parse(Fields::new(members))?;
    if !webhook.is_enabled() {
        return Err(ControlError::Disabled.into());
    }
    let (sonnette, published, dry_run) = (&state.sonnette, input.published, input.dry_run);
    let data = json!({ "webhook": id });
    let entry = caller
        .author()
        .audit_entry("sonnette.webhook.retried", data, state.now());
    let mut entry = (!dry_run).then(|| BatchAuditEntry::from(entry));
    let entry = entry.as_mut();
    let count = match input.selection {
        Some(ResendSelection::Missed) => sonnette.resend_missed(id, published, entry).await?,
        Some(ResendSelection::State(filter)) => {
            sonnette
                .resend_undelivered(id, published, Some(filter), entry)
                .await?
        }
        None => {
            sonnette
                .resend_undelivered(id, published, None, entry)
                .await?
        }
    };
    Ok(response::ok(&CountJson { count }))
}
