//! Creates a webhook.

use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;

use super::audit_data::mask_secrets;
use super::resource::{
    WebhookBody, WebhookSchema, check_https, read_parsed_body, webhook_response,
};
use crate::admin::webhooks::change;
use crate::admin::webhooks::fields::WriteMode;
use crate::edge::AppState;
use crate::edge::authorize::Caller;
use crate::edge::error::ApiError;
use crate::rest::drf::webhook_input::parse_webhook;

/// Create a webhook
///
/// Its signing secret is random; see `secret/`.
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
    let organizer = caller.organizer()?.clone();
    let organizer_id = organizer.organizer.id;
    let payload = read_parsed_body(&state, request).await?;
    let events = state.read(move |store| store.events(organizer_id)).await?;
    let data = mask_secrets(&payload.json);
    let known = |slug: &str| events.iter().any(|event| event.slug.as_str() == slug);
    let fields = parse_webhook(WriteMode::Create, payload, known, |name| {
        organizer.catalogue.is_selectable(name)
    })?;
    check_https(&state.settings, &fields, None)?;
    let webhook = change::new_webhook(organizer_id, fields, state.now())?;
    let author = caller.author();
    let webhook = state
        .change(move |store, now| change::create(store, &author, &webhook, data, &[], now))
        .await??;
    state.wait_until_published(&organizer.organizer).await?;
    Ok(webhook_response(StatusCode::CREATED, &webhook, &events))
}
