//! Lists attempts of one webhook or of all, and shows one.

use axum::extract::State;
use axum::response::Response;
use sonnette::domain::{AttemptId, WebhookId};
use sonnette::store::AttemptQuery;
use utoipa::IntoParams;

use super::attempt_json::{AttemptDetail, AttemptJson, WebhookAttemptJson};
use super::lookup::webhook_of;
use crate::edge::AppState;
use crate::edge::authorize::Caller;
use crate::edge::error::ApiError;
use crate::edge::links::RequestUrl;
use crate::edge::response;
use crate::rest::filters::Filters;
use crate::rest::pagination::{self, CursorParams, ListJson};
use crate::rest::path_params::PathParams;

/// The filters of attempts.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "describes parameters; they are read from the query itself"
)]
pub(crate) struct AttemptFilters {
    /// Only successes, or only failures.
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
        range: filters.time_range(),
        after: filters.id("after"),
        limit: size + 1,
    };
    (query, size)
}

/// List a webhook's attempts
///
/// The attempts of the last 30 days, newest first. If few attempts match the filters, a page may be short or empty before
/// the end; the last page has no `next`.
#[utoipa::path(
    get,
    path = "/organizers/{organizer}/webhooks/{id}/attempts/",
    params(AttemptFilters, CursorParams),
    responses((status = 200, description = "One page.", body = ListJson<AttemptJson>))
)]
pub(crate) async fn list_webhook_attempts(
    State(state): State<AppState>,
    caller: Caller,
    PathParams((_, id)): PathParams<(String, WebhookId)>,
    url: RequestUrl,
) -> Result<Response, ApiError> {
    webhook_of(&caller, id)?;
    let mut filters = Filters::new(&url);
    let (query, size) = query_of(&mut filters);
    filters.finish()?;
    let found = state
        .read(move |store| store.attempt_page(&[id], &query))
        .await?;
    let until = found.scanned_until.map(|id| id.0);
    Ok(pagination::page_of_scan(
        &url,
        size,
        (found.attempts, until),
        |attempt| attempt.id.0,
        AttemptJson::of,
    ))
}

/// List attempts
///
/// The attempts of all webhooks of the organizer, newest first.
#[utoipa::path(
    get,
    path = "/organizers/{organizer}/attempts/",
    params(("webhook" = Option<i64>, Query, description = "By webhook."), AttemptFilters, CursorParams),
    responses((status = 200, description = "One page.", body = ListJson<WebhookAttemptJson>))
)]
pub(crate) async fn list_attempts(
    State(state): State<AppState>,
    caller: Caller,
    url: RequestUrl,
) -> Result<Response, ApiError> {
    let mut filters = Filters::new(&url);
    let (query, size) = query_of(&mut filters);
    let webhook: Option<WebhookId> = filters.id("webhook");
    filters.finish()?;
    let all = caller.organizer()?.webhooks.keys().copied();
    let webhooks: Vec<WebhookId> = all
        .filter(|id| webhook.is_none_or(|only| only == *id))
        .collect();
    let found = state
        .read(move |store| store.attempt_page(&webhooks, &query))
        .await?;
    let until = found.scanned_until.map(|id| id.0);
    Ok(pagination::page_of_scan(
        &url,
        size,
        (found.attempts, until),
        |attempt| attempt.id.0,
        WebhookAttemptJson::of,
    ))
}

/// Get an attempt
///
/// One request with its response.
#[utoipa::path(
    get,
    path = "/organizers/{organizer}/webhooks/{id}/attempts/{attempt}/",
    responses((status = 200, description = "The attempt.", body = AttemptDetail))
)]
pub(crate) async fn get_attempt(
    State(state): State<AppState>,
    caller: Caller,
    PathParams((_, id, attempt)): PathParams<(String, WebhookId, AttemptId)>,
) -> Result<Response, ApiError> {
    webhook_of(&caller, id)?;
    let found = state.read(move |store| store.attempt(id, attempt)).await?;
    let found = found.ok_or_else(|| ApiError::no_such("Attempt"))?;
    Ok(response::ok(&AttemptDetail::of(&found)))
}
