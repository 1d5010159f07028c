//! The test call.

use axum::extract::State;
use axum::response::Response;
use serde_json::Value;
use sonnette::domain::WebhookId;
use utoipa::ToSchema;

use super::attempt_json::AttemptDetail;
use super::webhook_of;
use crate::admin::validation::Fields;
use crate::edge::AppState;
use crate::edge::authorize::Caller;
use crate::edge::body::Object;
use crate::rest::error::ApiError;
use crate::rest::path::Segments;
use crate::rest::reply;

/// With what to test.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read by Fields")]
pub(crate) struct TestBody {
    /// A concrete action type; by default the first of the webhook's.
    #[schema(example = "pretix.event.order.placed")]
    action_type: Option<String>,
}

/// Test a webhook
///
/// Sends the example of an action type to this webhook only, enabled or not, with `webhook-test: 1`, and answers with
/// the finished attempt. Counts neither for its health nor for switching it off.
#[utoipa::path(
    post,
    path = "/organizers/{organizer}/webhooks/{id}/test/",
    request_body = Option<TestBody>,
    responses((status = 200, description = "The finished attempt, whatever came of it.", body = AttemptDetail))
)]
pub(crate) async fn test_webhook(
    State(state): State<AppState>,
    caller: Caller,
    Segments((_, id)): Segments<(String, WebhookId)>,
    Object(members): Object,
) -> Result<Response, ApiError> {
    webhook_of(&caller, id)?;
    let mut fields = Fields::new(members);
    let action_type = match fields.take("action_type") {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) => Some(name),
        Some(_) => {
            fields.refuse("action_type", "Not a valid string.");
            None
        }
    };
    let catalogue = &caller.tenant()?.catalogue;
    if let Some(name) = action_type
        .as_deref()
        .filter(|name| catalogue.resolve(name).is_none() && !catalogue.is_selectable(name))
    {
        fields.refuse("action_type", format!("Unknown action type \"{name}\"."));
    }
    fields.refuse_the_rest();
    fields.finish()?;
    let attempt = state.sonnette.test(id, action_type.as_deref()).await?;
    Ok(reply::ok(&AttemptDetail::of(&attempt)))
}
