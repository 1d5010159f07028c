//! Shows, sets and rotates the signing secret.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use serde_json::json;
use sonnette::domain::{Secret, Webhook, WebhookId};
use utoipa::ToSchema;

use super::lookup::{change, webhook_of};
use crate::admin::validation;
use crate::admin::webhooks::secrets::{self, random_seed};
use crate::credentials::random_secret;
use crate::edge::AppState;
use crate::edge::authorize::Caller;
use crate::edge::error::ApiError;
use crate::edge::response;
use crate::rest::fields::Fields;
use crate::rest::json_body::JsonObject;
use crate::rest::path_params::PathParams;

/// Characters of the text of a secret.
const MAX_SECRET_CHARS: usize = 200;

/// The secret that signs the requests of a webhook.
#[derive(Serialize, ToSchema)]
pub(crate) struct SecretJson<'a> {
    /// In the notation of Standard Webhooks.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=")]
    secret: &'a str,
    /// `whpk_` and base64; null unless the webhook signs with `ed25519`.
    #[schema(example = json!(null))]
    public_key: Option<String>,
}

/// The body that sets a secret.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read by Fields")]
pub(crate) struct SecretBody {
    /// `whsec_` and the base64 text of 24 to 64 bytes.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=")]
    secret: String,
}

fn secret_response(webhook: &Webhook) -> Response {
    response::ok(&SecretJson {
        secret: webhook.secrets.current.text(),
        public_key: secrets::public_key(webhook),
    })
}

/// Get a webhook's secret
///
/// The secret with which receivers verify requests.
#[utoipa::path(
    get,
    path = "/organizers/{organizer}/webhooks/{id}/secret/",
    responses((status = 200, description = "The secret.", body = SecretJson))
)]
pub(crate) async fn get_webhook_secret(
    caller: Caller,
    PathParams((_, id)): PathParams<(String, WebhookId)>,
) -> Result<Response, ApiError> {
    Ok(secret_response(webhook_of(&caller, id)?))
}

/// Set a webhook's secret
///
/// The previous secret also signs for 24 hours, in which the secret cannot be replaced again. A key pair, if the webhook has one, is replaced as well.
#[utoipa::path(
    put,
    path = "/organizers/{organizer}/webhooks/{id}/secret/",
    request_body = SecretBody,
    responses(
        (status = 200, description = "The new secret.", body = SecretJson),
        (status = 409, description = "The previous secret also signs until its 24 hours are over.", example = json!({"detail": "The previous secret also signs until 2026-11-29T12:00:00Z, so that receivers can change over; replace the secret after that."})),
    )
)]
pub(crate) async fn set_webhook_secret(
    State(state): State<AppState>,
    caller: Caller,
    PathParams((_, id)): PathParams<(String, WebhookId)>,
    JsonObject(members): JsonObject,
) -> Result<Response, ApiError> {
    webhook_of(&caller, id)?;
    let mut fields = Fields::new(members);
    let secret = fields.required("secret", |fields, name| {
        let text = fields.filled_text(name, MAX_SECRET_CHARS)?;
        fields.check(name, validation::parsed::<Secret>(&text, MAX_SECRET_CHARS))
    });
    fields.refuse_unknown();
    fields.finish()?;
    let secret = Fields::unwrap_required(secret)?;
    replace(
        &state,
        &caller,
        id,
        secret,
        "sonnette.webhook.secret.changed",
    )
    .await
}

/// Rotate a webhook's secret
///
/// Sets a random secret. The previous one also signs for 24 hours, in which the secret cannot be replaced again.
#[utoipa::path(
    post,
    path = "/organizers/{organizer}/webhooks/{id}/secret/rotate/",
    responses(
        (status = 200, description = "The new secret.", body = SecretJson),
        (status = 409, description = "The previous secret also signs until its 24 hours are over.", example = json!({"detail": "The previous secret also signs until 2026-11-29T12:00:00Z, so that receivers can change over; replace the secret after that."})),
    )
)]
pub(crate) async fn rotate_webhook_secret(
    State(state): State<AppState>,
    caller: Caller,
    PathParams((_, id)): PathParams<(String, WebhookId)>,
) -> Result<Response, ApiError> {
    webhook_of(&caller, id)?;
    replace(
        &state,
        &caller,
        id,
        random_secret()?,
        "sonnette.webhook.secret.rotated",
    )
    .await
}

async fn replace(
    state: &AppState,
    caller: &Caller,
    id: WebhookId,
    secret: Secret,
    action: &'static str,
) -> Result<Response, ApiError> {
    let (seed, now) = (random_seed()?, state.now());
    let apply = move |webhook: &mut Webhook| secrets::replace(webhook, &secret, &seed, now);
    let webhook = change(state, caller, id, (action, json!({ "id": id })), apply).await?;
    Ok(secret_response(&webhook))
}
