//! The notifications of an organizer.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use sonnette::store::{NotificationEntry, NotificationQuery};
use utoipa::{IntoParams, ToSchema};

use super::notification_json::NotificationJson;
use crate::edge::AppState;
use crate::edge::authorize::Caller;
use crate::edge::error::ApiError;
use crate::edge::links::RequestUrl;
use crate::rest::filters::Filters;
use crate::rest::pagination::{self, CursorParams, ListJson};

/// Which notifications.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "describes parameters; they are read from the query itself"
)]
pub(crate) struct NotificationFilters {
    /// By concrete action type.
    #[param(example = "pretix.event.order.placed")]
    action_type: Option<String>,
    /// By event.
    #[param(example = "democon")]
    event: Option<String>,
    /// Published at this time or later.
    #[param(example = "2026-11-21T18:00:00Z")]
    since: Option<String>,
    /// Published at this time or earlier.
    until: Option<String>,
}

/// A published fact in a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct NotificationSummary {
    #[serde(flatten)]
    notification: NotificationJson,
    /// How many enabled webhooks matched when it was published.
    #[schema(example = 2)]
    deliveries: usize,
}

/// List notifications
///
/// The organizer's notifications, newest first.
#[utoipa::path(
    get,
    path = "/organizers/{organizer}/notifications/",
    params(NotificationFilters, CursorParams),
    responses((status = 200, description = "One page.", body = ListJson<NotificationSummary>))
)]
pub(crate) async fn list_notifications(
    State(state): State<AppState>,
    caller: Caller,
    url: RequestUrl,
) -> Result<Response, ApiError> {
    let organizer = caller.organizer()?.organizer.id;
    let mut filters = Filters::new(&url);
    let size = filters.page_size();
    let query = NotificationQuery {
        action_type: filters.text("action_type").map(str::to_owned),
        event: filters.text("event").map(str::to_owned),
        range: filters.time_range(),
        after: filters.id("after"),
        limit: size + 1,
    };
    filters.finish()?;
    let found = state
        .read(move |store| store.notifications(organizer, &query))
        .await?;
    let to_json = |entry: &NotificationEntry| NotificationSummary {
        notification: NotificationJson::of(entry),
        deliveries: entry.delivery_count,
    };
    Ok(pagination::cursor_page(
        &url,
        size,
        found,
        |entry| entry.notification.id.0,
        to_json,
    ))
}
