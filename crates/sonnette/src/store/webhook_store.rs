//! Webhooks, and the news of their changes.

use super::{ChangeResult, NewAuditEntry, StoreError};
use crate::domain::{OrganizerId, PendingWebhookChange, Webhook, WebhookId};

/// Webhooks. Every change makes a new version of the registry.
pub trait WebhookStore {
    /// Adds a webhook (its `id` is ignored). `settings_entry` is a second audit entry, for its settings. The store adds
    /// the webhook's `id` to the data of both.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn add_webhook(
        &self,
        webhook: &Webhook,
        entry: NewAuditEntry,
        settings_entry: Option<NewAuditEntry>,
    ) -> Result<Webhook, StoreError>;

    /// Changes a webhook. `change` receives it as it is in the transaction, and returns whether to write the change. If
    /// `change` leaves it as it was, only the audit entries are written and the registry keeps its version. A change of
    /// what pretix's resource shows also adds a [`PendingWebhookChange`]. `settings_entry` is a second audit entry, for
    /// its settings. The store adds the webhook's `id` to the data of both.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn change_webhook(
        &self,
        organizer: OrganizerId,
        id: WebhookId,
        change: &mut dyn FnMut(&mut Webhook) -> bool,
        entry: NewAuditEntry,
        settings_entry: Option<NewAuditEntry>,
    ) -> Result<ChangeResult<Webhook>, StoreError>;

    /// Does what DELETE of the REST API means: disables the webhook, which stays readable, and adds a
    /// [`PendingWebhookChange`] of its deletion.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn mark_webhook_deleted(
        &self,
        organizer: OrganizerId,
        id: WebhookId,
        entry: NewAuditEntry,
    ) -> Result<ChangeResult<Webhook>, StoreError>;

    /// Changes of webhooks that are to be published, oldest first; only organizers with the dialect Creads have any. The
    /// transaction of the change adds each, and the transaction of its publication removes it.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn pending_webhook_changes(
        &self,
        limit: usize,
    ) -> Result<Vec<PendingWebhookChange>, StoreError>;
}
