//! Shows and changes the settings that pretix does not have.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use serde_json::{Map, Value, json};
use sonnette::domain::{SignatureScheme, WebhookId, WebhookSettings};
use utoipa::ToSchema;

use super::lookup::{change, webhook_of};
use super::settings_input::parse_settings;
use crate::admin::webhooks::change::SETTINGS_CHANGED;
use crate::admin::webhooks::masks;
use crate::admin::webhooks::secrets::{ensure_key_pair, random_seed};
use crate::edge::AppState;
use crate::edge::authorize::Caller;
use crate::edge::error::ApiError;
use crate::edge::response;
use crate::rest::fields::Fields;
use crate::rest::json_body::JsonObject;
use crate::rest::path_params::PathParams;

/// How requests are sent.
#[derive(Serialize, ToSchema)]
pub(crate) struct SettingsJson {
    /// Extra request headers. Values are masked; a masked value keeps the stored one.
    #[schema(value_type = std::collections::BTreeMap<String, String>, example = json!({"X-Api-Key": "***"}))]
    headers: Map<String, Value>,
    /// Requests per second; null: no limit.
    #[schema(minimum = 1, maximum = 10_000, example = json!(null))]
    max_per_second: Option<u32>,
    /// Requests in flight; null: no limit.
    #[schema(minimum = 1, maximum = 1_000, example = json!(null))]
    max_concurrency: Option<u32>,
    /// Seconds for a whole attempt; null: the server's timeout.
    #[schema(minimum = 1, maximum = 30, example = json!(null))]
    timeout_seconds: Option<u64>,
    /// `standard` is always sent; `ed25519` adds `v1a` signatures, `creads` adds `X-Partners-Signature`.
    #[schema(example = json!(["standard"]))]
    signature_scheme: Vec<&'static str>,
    /// Who gets mail when the webhook is disabled; empty: the organizer's contacts.
    #[schema(example = json!(["ops@example.org"]))]
    contact_emails: Vec<String>,
}

impl SettingsJson {
    fn of(settings: &WebhookSettings) -> Self {
        let extra = settings
            .extra_signatures
            .iter()
            .map(|scheme| scheme.as_str());
        Self {
            headers: masks::mask_headers(&settings.headers),
            max_per_second: settings.max_per_second,
            max_concurrency: settings.max_concurrency,
            timeout_seconds: settings.timeout.map(|timeout| timeout.as_secs()),
            signature_scheme: std::iter::once(SignatureScheme::Standard.as_str())
                .chain(extra)
                .collect(),
            contact_emails: settings.contact_emails.clone(),
        }
    }
}

/// Get a webhook's settings
///
/// The settings that pretix's resource does not have.
#[utoipa::path(
    get,
    path = "/organizers/{organizer}/webhooks/{id}/settings/",
    responses((status = 200, description = "The settings.", body = SettingsJson))
)]
pub(crate) async fn get_webhook_settings(
    caller: Caller,
    PathParams((_, id)): PathParams<(String, WebhookId)>,
) -> Result<Response, ApiError> {
    Ok(response::ok(&SettingsJson::of(
        &webhook_of(&caller, id)?.settings,
    )))
}

/// Change a webhook's settings
///
/// Only the settings that are sent change. `headers` replaces all headers; a masked value keeps the stored one.
#[utoipa::path(
    patch,
    path = "/organizers/{organizer}/webhooks/{id}/settings/",
    request_body = SettingsJson,
    responses((status = 200, description = "The settings as they are now.", body = SettingsJson))
)]
pub(crate) async fn change_webhook_settings(
    State(state): State<AppState>,
    caller: Caller,
    PathParams((_, id)): PathParams<(String, WebhookId)>,
    JsonObject(members): JsonObject,
) -> Result<Response, ApiError> {
    let stored = webhook_of(&caller, id)?;
    let patch = parse_settings(Fields::new(members), &stored.settings)?;
    if patch.names().is_empty() {
        return Ok(response::ok(&SettingsJson::of(&stored.settings)));
    }
    let note = (
        SETTINGS_CHANGED,
        json!({"id": id, "changed": patch.names()}),
    );
    let seed = random_seed()?;
    let apply = move |webhook: &mut sonnette::domain::Webhook| {
        patch.apply(&mut webhook.settings);
        ensure_key_pair(webhook, &seed);
        Ok(())
    };
    let webhook = change(&state, &caller, id, note, apply).await?;
    Ok(response::ok(&SettingsJson::of(&webhook.settings)))
}
