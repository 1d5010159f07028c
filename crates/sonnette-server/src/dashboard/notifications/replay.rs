//! Owing a notification again to the webhooks that match now.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use sonnette::domain::Permission;
use sonnette::store::NotificationEntry;

use super::find;
use crate::dashboard::error::PageError;
use crate::dashboard::frame::{Frame, Who, page};
use crate::dashboard::posted::Posted;
use crate::dashboard::said;
use crate::dashboard::visitor::Desk;
use crate::edge::AppState;

#[derive(Template)]
#[template(path = "notifications/replay.html")]
struct ReplayPage {
    f: Frame,
    back: String,
    id: i64,
    action_type: String,
    /// Who is told, without credentials.
    told: Vec<String>,
}

/// Asks.
pub(in crate::dashboard) async fn ask(
    State(state): State<AppState>,
    desk: Desk,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, PageError> {
    desk.need(&state, Permission::Publish).await?;
    let entry = find(&state, &desk, &id).await?;
    let notification = &entry.notification;
    if notification.body.is_empty() {
        return Err(PageError::Conflict("conflict-erased"));
    }
    page(&ReplayPage {
        back: desk.url(format_args!("/notifications/{}/", notification.id)),
        id: notification.id.0,
        action_type: notification.action_type.to_string(),
        told: told(&desk, &entry),
        f: desk.frame,
    })
}

fn told(desk: &Desk, entry: &NotificationEntry) -> Vec<String> {
    let tenant = &desk.tenant;
    let (name, event) = (&entry.notification.action_type, &entry.notification.event);
    let Some(spec) = tenant.catalogue.resolve(name.as_str()) else {
        return Vec::new();
    };
    let told = tenant.webhooks_for(spec, name.as_str(), event.as_ref());
    told.into_iter()
        .filter(|webhook| entry.audience.has(*webhook))
        .filter_map(|webhook| tenant.webhooks.get(&webhook))
        .map(|webhook| webhook.target.redacted())
        .collect()
}

/// Does it.
pub(in crate::dashboard) async fn replay(
    State(state): State<AppState>,
    desk: Desk,
    Path((_, id)): Path<(String, String)>,
    _: Posted,
) -> Result<Response, PageError> {
    desk.need(&state, Permission::Publish).await?;
    let id = find(&state, &desk, &id).await?.notification.id;
    let told = state.sonnette.replay(&desk.tenant, id).await?;
    let back = desk.url(format_args!("/notifications/{id}/"));
    Ok(said::go_counted(
        &back,
        "notification-replayed",
        told as u64,
    ))
}
