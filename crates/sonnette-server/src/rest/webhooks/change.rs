//! A webhook changed, in part or as a whole.

use axum::extract::{RawQuery, Request, State};
use axum::response::Response;
use http::StatusCode;
use sonnette::domain::{Webhook, WebhookId};
use sonnette::store::ChangeResult;

use super::audited::audited;
use super::resource::{
    WebhookBody, WebhookPatch, WebhookSchema, check_https, filtered, payload, shown, with_id,
};
use crate::admin::webhooks::{put, send_what_waits};
use crate::edge::AppState;
use crate::edge::authorize::Caller;
use crate::rest::beside::no_webhook;
use crate::rest::drf::webhook_fields::{Change, parse_webhook};
use crate::rest::error::ApiError;
use crate::rest::path::Segments;

/// Replace a webhook
///
/// Optional fields that are left out get their defaults.
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
    Segments((_, id)): Segments<(String, WebhookId)>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<Response, ApiError> {
    filtered(&caller, id, query.as_deref())?;
    save(&state, &caller, id, request, false).await
}

/// Change a webhook
///
/// Only the fields sent change. An attempt begun after the answer uses them.
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
    Segments((_, id)): Segments<(String, WebhookId)>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<Response, ApiError> {
    filtered(&caller, id, query.as_deref())?;
    save(&state, &caller, id, request, true).await
}

async fn save(
    state: &AppState,
    caller: &Caller,
    id: WebhookId,
    request: Request,
    partial: bool,
) -> Result<Response, ApiError> {
    let tenant = caller.tenant()?.clone();
    let organizer = tenant.organizer.id;
    let payload = payload(state, request).await?;
    let now = state.now();
    let data = with_id(audited(&payload.json), id);
    let note = caller.note("pretix.webhook.changed", data, now);
    let settings = state.settings.clone();
    let saved = state
        .store(move |store| {
            let events = store.events(organizer)?;
            let mut refusal = None;
            let mut enabled = false;
            let mut apply = |webhook: &mut Webhook| {
                let known = |slug: &str| events.iter().any(|event| event.slug.as_str() == slug);
                let selectable = |name: &str| tenant.catalogue.is_selectable(name);
                let change = if partial {
                    Change::Update(webhook)
                } else {
                    Change::Replace(webhook)
                };
                let fields = parse_webhook(change, payload.clone(), known, selectable);
                let checked = fields.and_then(|fields| {
                    check_https(&settings, &fields, Some(webhook))?;
                    Ok(fields)
                });
                match checked {
                    Ok(fields) => {
                        enabled = fields.enabled && !webhook.is_enabled();
                        put(webhook, fields, now);
                        true
                    }
                    Err(said) => {
                        refusal = Some(said);
                        false
                    }
                }
            };
            let changed = store.change_webhook(organizer, id, &mut apply, note)?;
            Ok((changed, refusal, events, enabled))
        })
        .await?;
    match saved {
        (_, Some(refusal), ..) => Err(refusal.into()),
        (ChangeResult::Done(webhook), None, events, enabled) => {
            state.announced(&caller.tenant()?.organizer).await?;
            if enabled {
                send_what_waits(state, id);
            }
            Ok(shown(StatusCode::OK, &webhook, &events))
        }
        (ChangeResult::Missing, None, ..) => Err(no_webhook()),
        (ChangeResult::Taken | ChangeResult::Refused, None, ..) => {
            Err(ApiError::contradiction("a webhook"))
        }
    }
}
