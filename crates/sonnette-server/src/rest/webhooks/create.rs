//! A new webhook.

use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use sonnette::domain::{Secrets, Webhook, WebhookId, WebhookSettings, WebhookState};

use super::audited::audited;
use super::resource::{WebhookBody, WebhookSchema, check_https, payload, shown};
use crate::admin::webhooks::state_after;
use crate::credentials::random_secret;
use crate::edge::AppState;
use crate::edge::authorize::Caller;
use crate::rest::drf::webhook_fields::{Change, parse_webhook};
use crate::rest::error::ApiError;

/// Create a webhook
///
/// Its signing secret is drawn at random; see `secret/`.
#[utoipa::path(
    post,
    path = "/organizers/{organizer}/webhooks/",
    params(("X-Idempotency-Key" = Option<String>, Header, description = "The first answer to this key is given again for 24 hours.")),
    request_body = WebhookBody,
    responses(
        (status = 201, description = "The new webhook.", body = WebhookSchema),
        (status = 409, description = "A request with this idempotency key is still running.", example = json!({"detail": "Concurrent request with idempotency key."})),
    )
)]
pub(crate) async fn create_webhook(
    State(state): State<AppState>,
    caller: Caller,
    request: Request,
) -> Result<Response, ApiError> {
    let tenant = caller.tenant()?.clone();
    let organizer = tenant.organizer.id;
    let payload = payload(&state, request).await?;
    let events = state.store(move |store| store.events(organizer)).await?;
    let data = audited(&payload.json);
    let known = |slug: &str| events.iter().any(|event| event.slug.as_str() == slug);
    let fields = parse_webhook(Change::Create, payload, known, |name| {
        tenant.catalogue.is_selectable(name)
    })?;
    check_https(&state.settings, &fields, None)?;
    let now = state.now();
    let webhook = Webhook {
        id: WebhookId(0),
        organizer,
        state: state_after(&WebhookState::Enabled, fields.enabled, now),
        target: fields.target,
        generation: 0,
        events: fields.events,
        action_types: fields.action_types,
        comment: fields.comment,
        secrets: Secrets {
            current: random_secret()?,
            previous: None,
        },
        settings: WebhookSettings::default(),
    };
    let note = caller.note("pretix.webhook.created", data, now);
    let webhook = state
        .store(move |store| store.add_webhook(&webhook, note))
        .await?;
    state.announced(&tenant.organizer).await?;
    Ok(shown(StatusCode::CREATED, &webhook, &events))
}
