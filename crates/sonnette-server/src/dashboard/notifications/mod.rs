//! What was published, and what came of it.

mod filters;
pub(super) mod list;
pub(super) mod one;
pub(super) mod replay;

use sonnette::domain::{NotificationId, Permission};
use sonnette::store::NotificationEntry;

use super::error::PageError;
use super::visitor::Desk;
use crate::edge::AppState;

/// Whoever publishes may look as well as whoever listens.
async fn need(state: &AppState, desk: &Desk) -> Result<(), PageError> {
    if desk.may(Permission::Publish) {
        return Ok(());
    }
    desk.need(state, Permission::Webhooks).await
}

async fn find(state: &AppState, desk: &Desk, id: &str) -> Result<NotificationEntry, PageError> {
    let id: NotificationId = id.parse().map_err(|_| PageError::NotFound)?;
    let organizer = desk.organizer();
    let found = state
        .store(move |store| store.notification(organizer, id))
        .await?;
    found.ok_or(PageError::NotFound)
}
