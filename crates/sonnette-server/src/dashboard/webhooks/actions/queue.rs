//! Sends or drops the waiting deliveries of a webhook, and sends one delivery again.

use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::json;
use sonnette::domain::NotificationId;

use super::confirm::confirm;
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::flash;
use crate::dashboard::shell::form_data::FormData;
use crate::dashboard::shell::paths::local_path;
use crate::dashboard::webhooks::page::WebhookPage;
use crate::edge::AppState;

/// Makes all waiting deliveries due now.
pub(crate) async fn expedite(
    State(state): State<AppState>,
    page: WebhookPage,
    _: FormData,
) -> Result<Response, PageError> {
    let id = page.webhook.id;
    let is_failing = state.sonnette.lane_status(id).await?.health.is_failing();
    let data = json!({ "webhook": id });
    let author = page.organizer_page.author();
    let entry = author.audit_entry("pretix.webhook.retries.expedited", data, state.now());
    let count = state.sonnette.expedite(id, Some(entry)).await?;
    let key = if is_failing && count > 0 {
        "expedited-failing"
    } else {
        "expedited"
    };
    Ok(flash::redirect_with_count(&page.url(""), key, count))
}

/// Asks for confirmation before waiting deliveries are dropped.
pub(crate) async fn confirm_drop(
    State(state): State<AppState>,
    page: WebhookPage,
) -> Result<Response, PageError> {
    let texts = page.organizer_page.layout.texts;
    let lane = state.sonnette.lane_status(page.webhook.id).await?;
    let consequences = vec![
        texts.get_count("drop-waiting", lane.pending_count),
        texts.get("drop-again").into_owned(),
    ];
    confirm(page, "drop/", "drop", consequences, true)
}

/// Drops all waiting deliveries.
pub(crate) async fn drop_all(
    State(state): State<AppState>,
    page: WebhookPage,
    _: FormData,
) -> Result<Response, PageError> {
    let count = drop_pending(&state, &page).await?;
    Ok(flash::redirect_with_count(&page.url(""), "dropped", count))
}

/// Drops all waiting deliveries and returns their number.
pub(super) async fn drop_pending(state: &AppState, page: &WebhookPage) -> Result<u64, PageError> {
    let id = page.webhook.id;
    let data = json!({ "webhook": id });
    let author = page.organizer_page.author();
    let entry = author.audit_entry("pretix.webhook.retries.dropped", data, state.now());
    Ok(state.sonnette.drop_pending(id, Some(entry)).await?)
}

/// Sends one delivery now, in any state.
pub(crate) async fn retry(
    State(state): State<AppState>,
    page: WebhookPage,
    Path((_, _, notification)): Path<(String, String, String)>,
    form: FormData,
) -> Result<Response, PageError> {
    let notification = notification.parse().map_err(|_| PageError::NotFound)?;
    let notification = NotificationId(notification);
    state.sonnette.resend(page.webhook.id, notification).await?;
    let url = match form.get_non_empty("next") {
        Some(next) => local_path(next).to_owned(),
        None => page.url(""),
    };
    Ok(flash::redirect(&url, "retried"))
}
