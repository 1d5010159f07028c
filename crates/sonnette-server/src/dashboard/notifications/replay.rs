//! Replays a notification: sends it to all webhooks that match now.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use sonnette::domain::Permission;
use sonnette::store::NotificationEntry;

use super::lookup::load;
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::flash;
use crate::dashboard::shell::form_data::FormData;
use crate::dashboard::shell::layout::{Layout, LayoutUser, render};
use crate::dashboard::shell::page::OrganizerPage;
use crate::edge::AppState;

#[derive(Template)]
#[template(path = "notifications/replay.html")]
struct ReplayTemplate {
    layout: Layout,
    back: String,
    id: i64,
    action_type: String,
    /// The targets of the webhooks that match, without credentials.
    targets: Vec<String>,
}

/// Asks for confirmation before the notification is replayed.
pub(crate) async fn confirm(
    State(state): State<AppState>,
    page: OrganizerPage,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, PageError> {
    page.require(&state, Permission::Publish).await?;
    let entry = load(&state, &page, &id).await?;
    let notification = &entry.notification;
    if notification.body.is_empty() {
        return Err(PageError::Conflict("conflict-erased"));
    }
    render(&ReplayTemplate {
        back: page.url(format_args!("/notifications/{}/", notification.id)),
        id: notification.id.0,
        action_type: notification.action_type.to_string(),
        targets: matching_targets(&page, &entry),
        layout: page.layout,
    })
}

fn matching_targets(page: &OrganizerPage, entry: &NotificationEntry) -> Vec<String> {
    let organizer = &page.organizer;
    let (name, event) = (&entry.notification.action_type, &entry.notification.event);
    let Some(catalogue_entry) = organizer.catalogue.resolve(name.as_str()) else {
        return Vec::new();
    };
    let webhooks = organizer.webhooks_for(catalogue_entry, name.as_str(), event.as_ref());
    webhooks
        .into_iter()
        .filter(|webhook| entry.audience.has(*webhook))
        .filter_map(|webhook| organizer.webhooks.get(&webhook))
        .map(|webhook| webhook.target.redacted())
        .collect()
}

/// Replays the notification.
pub(crate) async fn replay(
    State(state): State<AppState>,
    page: OrganizerPage,
    Path((_, id)): Path<(String, String)>,
    _: FormData,
) -> Result<Response, PageError> {
    page.require(&state, Permission::Publish).await?;
    let id = load(&state, &page, &id).await?.notification.id;
    let count = state.sonnette.replay(&page.organizer, id).await?;
    let back = page.url(format_args!("/notifications/{id}/"));
    Ok(flash::redirect_with_count(
        &back,
        "notification-replayed",
        count as u64,
    ))
}
