//! Sends a test request.

use axum::extract::State;
use axum::response::Response;
use serde_json::Value;
use sonnette::domain::WebhookId;
use utoipa::ToSchema;

use super::attempt_json::AttemptDetail;
use super::lookup::webhook_of;
use crate::edge::AppState;
use crate::edge::authorize::Caller;
use crate::edge::error::ApiError;
use crate::edge::response;
use crate::rest::fields::Fields;
use crate::rest::json_body::JsonObject;
use crate::rest::path_params::PathParams;

/// The body of a test.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read by Fields")]
pub(crate) struct TestBody {
    /// A concrete action type; by default the first of the webhook's.
    #[schema(example = "pretix.event.order.placed")]
    action_type: Option<String>,
}

/// Test a webhook
///
/// Sends the example of an action type to this webhook only, enabled or not, with the header `webhook-test: 1`, and
/// responds with the finished attempt. A test counts neither for the health nor for disabling the webhook.
#[utoipa::path(
    post,
    path = "/organizers/{organizer}/webhooks/{id}/test/",
    request_body = Option<TestBody>,
    responses((status = 200, description = "The finished attempt, whatever its outcome.", body = AttemptDetail))
)]
pub(crate) async fn test_webhook(
    State(state): State<AppState>,
    caller: Caller,
    PathParams((_, id)): PathParams<(String, WebhookId)>,
    JsonObject(members): JsonObject,
) -> Result<Response, ApiError> {
    webhook_of(&caller, id)?;
    let mut fields = Fields::new(members);
    let action_type = match fields.take("action_type") {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) => Some(name),
        Some(_) => {
            fields.add_error("action_type", "Not a valid string.");
            None
        }
    };
    let catalogue = &caller.organizer()?.catalogue;
    if let Some(name) = action_type
        .as_deref()
        .filter(|name| catalogue.resolve(name).is_none() && !catalogue.is_selectable(name))
    {
        fields.add_error("action_type", catalogue.explain_unknown(name));
    }
    fields.refuse_unknown();
    fields.finish()?;
    let attempt = state.sonnette.test(id, action_type.as_deref()).await?;
    Ok(response::ok(&AttemptDetail::of(&attempt)))
}
