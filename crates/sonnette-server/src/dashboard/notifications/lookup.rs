//! Access to notifications, and loading one.

use sonnette::domain::{NotificationId, Permission};
use sonnette::store::NotificationEntry;

use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::page::OrganizerPage;
use crate::edge::AppState;

/// Refuses users who hold neither the permission `publish` nor `webhooks`.
pub(super) async fn require_access(
    state: &AppState,
    page: &OrganizerPage,
) -> Result<(), PageError> {
    if page.has_permission(Permission::Publish) {
        return Ok(());
    }
    page.require(state, Permission::Webhooks).await
}

pub(super) async fn load(
    state: &AppState,
    page: &OrganizerPage,
    id: &str,
) -> Result<NotificationEntry, PageError> {
    let id: NotificationId = id.parse().map_err(|_| PageError::NotFound)?;
    let organizer = page.organizer_id();
    let found = state
        .read(move |store| store.notification(organizer, id))
        .await?;
    found.ok_or(PageError::NotFound)
}
