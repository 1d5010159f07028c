//! Disables a webhook in response to DELETE, which removes nothing.

use axum::extract::{RawQuery, State};
use axum::response::Response;
use sonnette::domain::WebhookId;

use super::resource::filtered_webhook;
use crate::admin::webhooks::change;
use crate::edge::AppState;
use crate::edge::authorize::Caller;
use crate::edge::error::ApiError;
use crate::edge::response;
use crate::rest::path_params::PathParams;
use crate::rest::webhooks::lookup::WEBHOOK_MODEL_NAME;

/// Disable a webhook
///
/// Disables the webhook and drops its waiting deliveries. It stays readable, and PATCH enables it again.
#[utoipa::path(
    delete,
    path = "/organizers/{organizer}/webhooks/{id}/",
    params(("X-Idempotency-Key" = Option<String>, Header, description = "The first answer to this key is given again for 24 hours.")),
    responses(
        (status = 204, description = "It is disabled."),
        (status = 409, description = "A request with this idempotency key is still running.", example = json!({"detail": "Concurrent request with idempotency key."})),
    )
)]
pub(crate) async fn disable_webhook(
    State(state): State<AppState>,
    caller: Caller,
    PathParams((_, id)): PathParams<(String, WebhookId)>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    filtered_webhook(&caller, id, query.as_deref())?;
    let organizer = caller.organizer()?.organizer.id;
    let author = caller.author();
    state
        .change(move |store, now| change::delete(store, &author, organizer, id, now))
        .await?
        .map_err(|error| ApiError::of_change(error, WEBHOOK_MODEL_NAME))?;
    state.sonnette.drop_pending(id, None).await?;
    state
        .wait_until_published(&caller.organizer()?.organizer)
        .await?;
    Ok(response::no_content())
}
