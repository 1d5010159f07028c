//! What was published, and what came of it.

use sonnette::domain::{NotificationId, Permission};
use sonnette::store::NotificationEntry;

use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::visitor::Desk;
use crate::edge::AppState;

/// Whoever publishes may look as well as whoever listens.
pub(super) async fn need(state: &AppState, desk: &Desk) -> Result<(), PageError> {
    if desk.may(Permission::Publish) {
        return Ok(());
    }
    desk.need(state, Permission::Webhooks).await
}

pub(super) async fn find(
    state: &AppState,
    desk: &Desk,
    id: &str,
) -> Result<NotificationEntry, PageError> {
    let id: NotificationId = id.parse().map_err(|_| PageError::NotFound)?;
    let organizer = desk.organizer();
    let found = state
        .store(move |store| store.notification(organizer, id))
        .await?;
    found.ok_or(PageError::NotFound)
}
