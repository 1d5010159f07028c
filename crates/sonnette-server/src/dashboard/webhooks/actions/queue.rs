//! What waits for a webhook: sent now, or never; and one delivery sent again.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use sonnette::domain::NotificationId;

use super::confirm::{ask, note};
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::flash;
use crate::dashboard::shell::form_data::FormData;
use crate::dashboard::shell::paths::local_path;
use crate::dashboard::webhooks::page::WebhookPage;
use crate::edge::AppState;

/// Everything that waits is due now.
pub(crate) async fn expedite(
    State(state): State<AppState>,
    at: WebhookPage,
    _: FormData,
) -> Result<Response, PageError> {
    let id = at.webhook.id;
    let fails = state.sonnette.lane(id).await?.health.is_failing();
    let count = state.sonnette.expedite(id).await?;
    let data = json!({ "webhook": id });
    note(&state, &at, "pretix.webhook.retries.expedited", data).await?;
    let key = if fails && count > 0 {
        "expedited-failing"
    } else {
        "expedited"
    };
    Ok(flash::redirect_with_count(&at.url(""), key, count))
}

/// Asks before what waits is dropped.
pub(crate) async fn ask_to_drop(
    State(state): State<AppState>,
    at: WebhookPage,
) -> Result<Response, PageError> {
    let texts = at.page.layout.texts;
    let lane = state.sonnette.lane(at.webhook.id).await?;
    let says = vec![
        texts.get_count("drop-waiting", lane.backlog),
        texts.get("drop-again").into_owned(),
    ];
    ask(at, "drop/", "drop", says, true)
}

/// Everything that waits is never sent.
pub(crate) async fn drop_waiting(
    State(state): State<AppState>,
    at: WebhookPage,
    _: FormData,
) -> Result<Response, PageError> {
    let count = dropped(&state, &at).await?;
    Ok(flash::redirect_with_count(&at.url(""), "dropped", count))
}

/// Drops what waits; how many.
pub(super) async fn dropped(state: &AppState, at: &WebhookPage) -> Result<u64, PageError> {
    let id = at.webhook.id;
    let count = state.sonnette.drop_waiting(id).await?;
    let data = json!({ "webhook": id });
    note(state, at, "pretix.webhook.retries.dropped", data).await?;
    Ok(count)
}

/// One delivery is sent now, whatever came of it.
pub(crate) async fn retry(
    State(state): State<AppState>,
    at: WebhookPage,
    Path((_, _, notification)): Path<(String, String, String)>,
    form: FormData,
) -> Result<Response, PageError> {
    let notification = notification.parse().map_err(|_| PageError::NotFound)?;
    let notification = NotificationId(notification);
    state.sonnette.resend(at.webhook.id, notification).await?;
    let to = match form.get_non_empty("next") {
        Some(next) => local_path(next).to_owned(),
        None => at.url(""),
    };
    Ok(flash::redirect(&to, "retried").into_response())
}
