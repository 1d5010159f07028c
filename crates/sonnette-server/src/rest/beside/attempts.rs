//! The log: of one webhook, and of all.

use axum::extract::State;
use axum::response::Response;
use sonnette::domain::{AttemptId, WebhookId};
use sonnette::store::AttemptQuery;
use utoipa::IntoParams;

use super::attempt_json::{AttemptDetail, AttemptJson, WebhookAttemptJson};
use super::webhook_of;
use crate::edge::AppState;
use crate::edge::authorize::Caller;
use crate::edge::links::Address;
use crate::rest::error::ApiError;
use crate::rest::lists::{self, Filters, Listing, PageAfter};
use crate::rest::path::Segments;
use crate::rest::reply;

/// Which attempts.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "describes parameters; they are read from the query itself"
)]
pub(crate) struct AttemptFilters {
    /// By how they ended.
    success: Option<bool>,
    /// By concrete action type.
    #[param(example = "pretix.event.order.placed")]
    action_type: Option<String>,
    /// By event.
    #[param(example = "democon")]
    event: Option<String>,
    /// By notification.
    notification_id: Option<i64>,
    /// Ended at this time or later.
    #[param(example = "2026-11-21T18:00:00Z")]
    since: Option<String>,
    /// Ended at this time or earlier.
    until: Option<String>,
}

fn query_of(filters: &mut Filters<'_>) -> (AttemptQuery, usize) {
    let size = filters.page_size();
    let query = AttemptQuery {
        success: filters.boolean("success"),
        action_type: filters.text("action_type").map(str::to_owned),
        event: filters.text("event").map(str::to_owned),
        notification: filters.id("notification_id"),
        range: filters.span(),
        after: filters.id("after"),
        limit: size + 1,
    };
    (query, size)
}

/// List a webhook's attempts
///
/// The log of 30 days, newest first. With filters that few attempts pass a page may be short, or empty, before the end:
/// only `next` says that there is no more.
#[utoipa::path(
    get,
    path = "/organizers/{organizer}/webhooks/{id}/attempts/",
    params(AttemptFilters, PageAfter),
    responses((status = 200, description = "One page.", body = Listing<AttemptJson>))
)]
pub(crate) async fn list_webhook_attempts(
    State(state): State<AppState>,
    caller: Caller,
    Segments((_, id)): Segments<(String, WebhookId)>,
    address: Address,
) -> Result<Response, ApiError> {
    webhook_of(&caller, id)?;
    let mut filters = Filters::new(&address);
    let (query, size) = query_of(&mut filters);
    filters.finish()?;
    let found = state
        .store(move |store| store.attempt_page(&[id], &query))
        .await?;
    let until = found.scanned_until.map(|id| id.0);
    Ok(lists::looked(
        &address,
        size,
        (found.attempts, until),
        |attempt| attempt.id.0,
        AttemptJson::of,
    ))
}

/// List attempts
///
/// The log of all of the organizer's webhooks, newest first.
#[utoipa::path(
    get,
    path = "/organizers/{organizer}/attempts/",
    params(("webhook" = Option<i64>, Query, description = "By webhook."), AttemptFilters, PageAfter),
    responses((status = 200, description = "One page.", body = Listing<WebhookAttemptJson>))
)]
pub(crate) async fn list_attempts(
    State(state): State<AppState>,
    caller: Caller,
    address: Address,
) -> Result<Response, ApiError> {
    let mut filters = Filters::new(&address);
    let (query, size) = query_of(&mut filters);
    let webhook: Option<WebhookId> = filters.id("webhook");
    filters.finish()?;
    let own = caller.tenant()?.webhooks.keys().copied();
    let webhooks: Vec<WebhookId> = own
        .filter(|id| webhook.is_none_or(|only| only == *id))
        .collect();
    let found = state
        .store(move |store| store.attempt_page(&webhooks, &query))
        .await?;
    let until = found.scanned_until.map(|id| id.0);
    Ok(lists::looked(
        &address,
        size,
        (found.attempts, until),
        |attempt| attempt.id.0,
        WebhookAttemptJson::of,
    ))
}

/// Get an attempt
///
/// One POST with its request and its response.
#[utoipa::path(
    get,
    path = "/organizers/{organizer}/webhooks/{id}/attempts/{attempt}/",
    responses((status = 200, description = "The attempt.", body = AttemptDetail))
)]
pub(crate) async fn get_attempt(
    State(state): State<AppState>,
    caller: Caller,
    Segments((_, id, attempt)): Segments<(String, WebhookId, AttemptId)>,
) -> Result<Response, ApiError> {
    webhook_of(&caller, id)?;
    let found = state.store(move |store| store.attempt(id, attempt)).await?;
    let found = found.ok_or_else(|| ApiError::no_such("Attempt"))?;
    Ok(reply::ok(&AttemptDetail::of(&found)))
}
