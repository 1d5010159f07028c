//! Replaces or changes a webhook.

use axum::extract::{RawQuery, Request, State};
use axum::response::Response;
use http::StatusCode;
use sonnette::domain::WebhookId;
use sonnette::store::StoreError;

use super::audit_data::mask_secrets;
use super::lookup::WEBHOOK_MODEL_NAME;
use super::resource::{
    WebhookBody, WebhookPatch, WebhookSchema, check_https, filtered_webhook, read_parsed_body,
    webhook_response, with_id,
};
use crate::admin::error::AdminError;
use crate::admin::webhooks::change::{self, WebhookEdit, expedite_in_background};
use crate::admin::webhooks::fields::WriteMode;
use crate::edge::AppState;
use crate::edge::authorize::Caller;
use crate::edge::error::ApiError;
use crate::rest::drf::error::DrfError;
use crate::rest::drf::webhook_input::parse_webhook;
use crate::rest::path_params::PathParams;

/// Replace a webhook
///
/// Optional fields that are left out get their default values.
#[utoipa::path(
    put,
    path = "/organizers/{organizer}/webhooks/{id}/",
    params(("X-Idempotency-Key" = Option<String>, Header, description = "The first answer to this key is given again for 24 hours.")),
    request_body = WebhookBody,
    responses(
        (status = 200, description = "The webhook as it is now.", body = WebhookSchema),
        (status = 409, description = "A request with this idempotency key is still running.", example = json!({"detail": "Concurrent request with idempotency key."})),
    )
)]
pub(crate) async fn replace_webhook(
    State(state): State<AppState>,
    caller: Caller,
    PathParams((_, id)): PathParams<(String, WebhookId)>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<Response, ApiError> {
    filtered_webhook(&caller, id, query.as_deref())?;
    save(&state, &caller, id, request, false).await
}

/// Change a webhook
///
/// Only the fields that are sent change. Attempts that begin after the response use them.
#[utoipa::path(
    patch,
    path = "/organizers/{organizer}/webhooks/{id}/",
    params(("X-Idempotency-Key" = Option<String>, Header, description = "The first answer to this key is given again for 24 hours.")),
    request_body = WebhookPatch,
    responses(
        (status = 200, description = "The webhook as it is now.", body = WebhookSchema),
        (status = 409, description = "A request with this idempotency key is still running.", example = json!({"detail": "Concurrent request with idempotency key."})),
    )
)]
pub(crate) async fn change_webhook(
    State(state): State<AppState>,
    caller: Caller,
    PathParams((_, id)): PathParams<(String, WebhookId)>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<Response, ApiError> {
    filtered_webhook(&caller, id, query.as_deref())?;
    save(&state, &caller, id, request, true).await
}

async fn save(
    state: &AppState,
    caller: &Caller,
    id: WebhookId,
    request: Request,
    is_partial: bool,
) -> Result<Response, ApiError> {
    let organizer = caller.organizer()?.clone();
    let organizer_id = organizer.organizer.id;
    let payload = read_parsed_body(state, request).await?;
    let edit = WebhookEdit {
        organizer: organizer_id,
        id,
        action: "pretix.webhook.changed",
        data: with_id(mask_secrets(&payload.json), id),
        settings: Vec::new(),
    };
    let (author, settings) = (caller.author(), state.settings.clone());
    let saved = state.change(move |store, now| {
        let events = store.events(organizer_id)?;
        let mut was_enabled = false;
        let webhook = change::change(store, &author, edit, now, |webhook| {
            let change = if is_partial {
                WriteMode::Update(webhook)
            } else {
                WriteMode::Replace(webhook)
            };
            let known = |slug: &str| events.iter().any(|event| event.slug.as_str() == slug);
            let selectable = |name: &str| organizer.catalogue.is_selectable(name);
            let fields = parse_webhook(change, payload.clone(), known, selectable)?;
            check_https(&settings, &fields, Some(webhook))?;
            was_enabled = fields.enabled && !webhook.is_enabled();
            fields.apply(webhook, now);
            Ok::<_, SaveError>(())
        })?;
        Ok::<_, SaveError>((webhook, events, was_enabled))
    });
    let (webhook, events, was_enabled) = saved.await??;
    state
        .wait_until_published(&caller.organizer()?.organizer)
        .await?;
    if was_enabled {
        expedite_in_background(&state.sonnette, id);
    }
    Ok(webhook_response(StatusCode::OK, &webhook, &events))
}

/// Why a webhook was not changed.
enum SaveError {
    Refused(DrfError),
    Failed(AdminError),
}

impl From<DrfError> for SaveError {
    fn from(error: DrfError) -> Self {
        Self::Refused(error)
    }
}

impl From<AdminError> for SaveError {
    fn from(error: AdminError) -> Self {
        Self::Failed(error)
    }
}

impl From<StoreError> for SaveError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<SaveError> for ApiError {
    fn from(error: SaveError) -> Self {
        match error {
            SaveError::Refused(error) => error.into(),
            SaveError::Failed(error) => Self::of_change(error, WEBHOOK_MODEL_NAME),
        }
    }
}
