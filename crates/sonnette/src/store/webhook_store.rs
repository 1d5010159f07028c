//! Webhooks, and the news of their changes.

use super::{ChangeResult, NewAuditEntry, StoreError};
use crate::domain::{OrganizerId, PendingWebhookChange, Webhook, WebhookId};

/// Webhooks. Every change makes a new version of the registry.
pub trait WebhookStore {
    /// Adds a webhook (its `id` is ignored).
    ///
    /// # Errors
    /// When the store cannot be written.
    fn add_webhook(&self, webhook: &Webhook, note: NewAuditEntry) -> Result<Webhook, StoreError>;

    /// Changes a webhook. `change` sees it as it is in the transaction, and says whether to go on; it may fill in the
    /// note. Where nothing changed but the note, the version stays. A change of what pretix's resource shows is news for
    /// other webhooks.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn change_webhook(
        &self,
        organizer: OrganizerId,
        id: WebhookId,
        change: &mut dyn FnMut(&mut Webhook) -> bool,
        note: NewAuditEntry,
    ) -> Result<ChangeResult<Webhook>, StoreError>;

    /// What REST's DELETE does: the webhook is disabled and stays readable; others hear that it was deleted.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn mark_webhook_deleted(
        &self,
        organizer: OrganizerId,
        id: WebhookId,
        note: NewAuditEntry,
    ) -> Result<ChangeResult<Webhook>, StoreError>;

    /// Changes of webhooks, oldest first, that are yet to be published: of organizers that speak Creads. Each is taken
    /// down in the transaction of the change, and gone with that of the publication.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn pending_webhook_changes(
        &self,
        limit: usize,
    ) -> Result<Vec<PendingWebhookChange>, StoreError>;
}
