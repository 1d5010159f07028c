//! The signing secret: shown, replaced, rotated.

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
use crate::rest::path_params::Segments;

/// Characters of the text of a secret.
const MAX_SECRET_CHARS: usize = 200;

/// What signs a webhook's requests.
#[derive(Serialize, ToSchema)]
pub(crate) struct SecretJson<'a> {
    /// In the notation of Standard Webhooks.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=")]
    secret: &'a str,
    /// For `ed25519`, `whpk_` and base64; null until that is chosen.
    #[schema(example = json!(null))]
    public_key: Option<String>,
}

/// A secret of the organizer's own.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read by Fields")]
pub(crate) struct SecretBody {
    /// `whsec_` and the base64 text of 24 to 64 bytes.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=")]
    secret: String,
}

fn shown(webhook: &Webhook) -> Response {
    response::ok(&SecretJson {
        secret: webhook.secrets.current.text(),
        public_key: secrets::public_key(webhook),
    })
}

/// Get a webhook's secret
///
/// What receivers verify requests with.
#[utoipa::path(
    get,
    path = "/organizers/{organizer}/webhooks/{id}/secret/",
    responses((status = 200, description = "The secret.", body = SecretJson))
)]
pub(crate) async fn get_webhook_secret(
    caller: Caller,
    Segments((_, id)): Segments<(String, WebhookId)>,
) -> Result<Response, ApiError> {
    Ok(shown(webhook_of(&caller, id)?))
}

/// Set a webhook's secret
///
/// The secret before it goes on signing beside the new one for 24 hours; a key pair, if there is one, is new as well.
#[utoipa::path(
    put,
    path = "/organizers/{organizer}/webhooks/{id}/secret/",
    request_body = SecretBody,
    responses((status = 200, description = "The new secret.", body = SecretJson))
)]
pub(crate) async fn set_webhook_secret(
    State(state): State<AppState>,
    caller: Caller,
    Segments((_, id)): Segments<(String, WebhookId)>,
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
/// A new random secret; the one before it goes on signing beside it for 24 hours.
#[utoipa::path(
    post,
    path = "/organizers/{organizer}/webhooks/{id}/secret/rotate/",
    responses((status = 200, description = "The new secret.", body = SecretJson))
)]
pub(crate) async fn rotate_webhook_secret(
    State(state): State<AppState>,
    caller: Caller,
    Segments((_, id)): Segments<(String, WebhookId)>,
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
    let swap = move |webhook: &mut Webhook| secrets::replace(webhook, &secret, &seed, now);
    let webhook = change(state, caller, id, (action, json!({ "id": id })), swap).await?;
    Ok(shown(&webhook))
}
