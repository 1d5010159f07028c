//! Lists webhooks, and shows one.

use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use sonnette::domain::WebhookId;

use super::resource::{WebhookSchema, filtered_webhook, slugs, webhook_response};
use crate::edge::AppState;
use crate::edge::authorize::Caller;
use crate::edge::error::ApiError;
use crate::edge::links::RequestUrl;
use crate::rest::drf::page_number::Page;
use crate::rest::drf::webhook_json::WebhookJson;
use crate::rest::pagination::{ListJson, PageNumber, numbered_page, offset_and_limit};
use crate::rest::path_params::PathParams;

/// List webhooks
///
/// The organizer's webhooks by id, disabled ones included.
#[utoipa::path(
    get,
    path = "/organizers/{organizer}/webhooks/",
    params(("enabled" = Option<bool>, Query, description = "Only enabled ones, or only disabled ones."), PageNumber),
    responses((status = 200, description = "One page.", body = ListJson<WebhookSchema>))
)]
pub(crate) async fn list_webhooks(
    State(state): State<AppState>,
    caller: Caller,
    url: RequestUrl,
) -> Result<Response, ApiError> {
    let organizer = caller.organizer()?;
    let organizer_id = organizer.organizer.id;
    let enabled_filter = url.query.enabled();
    let webhooks = &organizer.webhooks;
    let (page, count, shown): (_, _, Vec<_>) = if let Some(enabled) = enabled_filter {
        let matching = || {
            let all = webhooks.values();
            all.filter(move |webhook| webhook.is_enabled() == enabled)
        };
        let count = matching().count();
        let page = Page::of(&url.query, count as u64)?;
        let (skip, size) = offset_and_limit(&page);
        (page, count, matching().skip(skip).take(size).collect())
    } else {
        let count = webhooks.len();
        let page = Page::of(&url.query, count as u64)?;
        let (skip, size) = offset_and_limit(&page);
        let shown = webhooks.iter_after(skip).take(size);
        (page, count, shown.map(|(_, webhook)| webhook).collect())
    };
    let events = slugs(&state.read(move |store| store.events(organizer_id)).await?);
    let results = shown
        .into_iter()
        .map(|webhook| WebhookJson::new(webhook, &events))
        .collect();
    Ok(numbered_page(&url, &page, count, results))
}

/// Get a webhook
///
/// The webhook.
#[utoipa::path(
    get,
    path = "/organizers/{organizer}/webhooks/{id}/",
    responses((status = 200, description = "The webhook.", body = WebhookSchema))
)]
pub(crate) async fn get_webhook(
    State(state): State<AppState>,
    caller: Caller,
    PathParams((_, id)): PathParams<(String, WebhookId)>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let webhook = filtered_webhook(&caller, id, query.as_deref())?;
    let organizer = webhook.organizer;
    let events = state.read(move |store| store.events(organizer)).await?;
    Ok(webhook_response(StatusCode::OK, &webhook, &events))
}
