//! What was published, and what came of it.

use sonnette::domain::{NotificationId, Permission};
use sonnette::store::NotificationEntry;

use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::page::OrganizerPage;
use crate::edge::AppState;

/// Whoever publishes may look as well as whoever listens.
pub(super) async fn need(state: &AppState, page: &OrganizerPage) -> Result<(), PageError> {
    if page.may(Permission::Publish) {
        return Ok(());
    }
    page.require(state, Permission::Webhooks).await
}

pub(super) async fn find(
    state: &AppState,
    page: &OrganizerPage,
    id: &str,
) -> Result<NotificationEntry, PageError> {
    let id: NotificationId = id.parse().map_err(|_| PageError::NotFound)?;
    let organizer = page.organizer();
    let found = state
        .store(move |store| store.notification(organizer, id))
        .await?;
    found.ok_or(PageError::NotFound)
}
