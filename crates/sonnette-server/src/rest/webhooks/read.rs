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
use crate::rest::pagination::{Listing, PageNumber, bounds, numbered_page};
use crate::rest::path_params::PathParams;

/// List webhooks
///
/// The organizer's webhooks by id, disabled ones included.
#[utoipa::path(
    get,
    path = "/organizers/{organizer}/webhooks/",
    params(("enabled" = Option<bool>, Query, description = "Only enabled ones, or only disabled ones."), PageNumber),
    responses((status = 200, description = "One page.", body = Listing<WebhookSchema>))
)]
pub(crate) async fn list_webhooks(
    State(state): State<AppState>,
    caller: Caller,
    url: RequestUrl,
) -> Result<Response, ApiError> {
    let tenant = caller.tenant()?;
    let organizer = tenant.organizer.id;
    let enabled_filter = url.query.enabled();
    let webhooks = tenant.webhooks.values();
    let listed: Vec<_> = webhooks
        .filter(|webhook| enabled_filter.is_none_or(|on| on == webhook.is_enabled()))
        .collect();
    let page = Page::of(&url.query, listed.len() as u64)?;
    let events = slugs(&state.store(move |store| store.events(organizer)).await?);
    let (skip, size) = bounds(&page);
    let results = listed
        .iter()
        .skip(skip)
        .take(size)
        .map(|webhook| WebhookJson::new(webhook, &events))
        .collect();
    Ok(numbered_page(&url, &page, listed.len(), results))
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
    let events = state.store(move |store| store.events(organizer)).await?;
    Ok(webhook_response(StatusCode::OK, &webhook, &events))
}
