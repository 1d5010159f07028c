//! Writes changes of webhooks, each with its audit entry.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};
use sonnette::Sonnette;
use sonnette::domain::{OrganizerId, Secrets, Webhook, WebhookId, WebhookSettings, WebhookState};
use sonnette::store::{ChangeResult, NewAuditEntry, Store};

use super::fields::{WebhookFields, state_after};
use crate::admin::author::Author;
use crate::admin::error::{AdminError, require_done};
use crate::credentials::{NoRandomBytes, random_secret};

/// A webhook with a random secret and default settings that is not stored yet.
///
/// # Errors
/// Where the system gives no random bytes.
pub(crate) fn new_webhook(
    organizer: OrganizerId,
    fields: WebhookFields,
    now: Timestamp,
) -> Result<Webhook, NoRandomBytes> {
    Ok(Webhook {
        id: WebhookId(0),
        organizer,
        generation: 0,
        state: state_after(&WebhookState::Enabled, fields.enabled, now),
        target: fields.target,
        events: fields.events,
        action_types: fields.action_types,
        comment: fields.comment,
        secrets: Secrets {
            current: random_secret()?,
            previous: None,
        },
        settings: WebhookSettings::default(),
    })
}

/// Stores a new webhook. `data` is what the audit log keeps; the names of `settings` that differ from their defaults go into
/// an entry of their own.
///
/// # Errors
/// Where the store fails.
pub(crate) fn create(
    store: &dyn Store,
    author: &Author,
    webhook: &Webhook,
    data: Value,
    settings: &[&str],
    now: Timestamp,
) -> Result<Webhook, AdminError> {
    let entry = author.audit_entry("pretix.webhook.created", data, now);
    Ok(store.add_webhook(webhook, entry, settings_entry(author, settings, now))?)
}

/// Which webhook changes, and what the audit log keeps of it.
#[derive(Debug)]
pub(crate) struct WebhookEdit {
    /// Owns the webhook.
    pub(crate) organizer: OrganizerId,
    /// The webhook.
    pub(crate) id: WebhookId,
    /// The action of the audit entry.
    pub(crate) action: &'static str,
    /// The data of the audit entry.
    pub(crate) data: Value,
    /// The names of changed settings, which go into an entry of their own.
    pub(crate) settings: Vec<&'static str>,
}

/// The action of the audit entry of changed settings.
pub(crate) const SETTINGS_CHANGED: &str = "sonnette.webhook.settings.changed";

/// The entry of changed settings, if there are any. The store adds the id of the webhook.
fn settings_entry(author: &Author, settings: &[&str], now: Timestamp) -> Option<NewAuditEntry> {
    let data = json!({ "changed": settings });
    (!settings.is_empty()).then(|| author.audit_entry(SETTINGS_CHANGED, data, now))
}

/// Changes the stored webhook by `apply`; nothing is written if that fails.
///
/// # Errors
/// The error of `apply`, [`AdminError::NotFound`], or where the store fails.
pub(crate) fn change<E: From<AdminError>>(
    store: &dyn Store,
    author: &Author,
    edit: WebhookEdit,
    now: Timestamp,
    mut apply: impl FnMut(&mut Webhook) -> Result<(), E>,
) -> Result<Webhook, E> {
    let entry = author.audit_entry(edit.action, edit.data, now);
    let settings_entry = settings_entry(author, &edit.settings, now);
    let mut error = None;
    let mut apply_once = |webhook: &mut Webhook| match apply(webhook) {
        Ok(()) => true,
        Err(reason) => {
            error = Some(reason);
            false
        }
    };
    let changed = store.change_webhook(
        edit.organizer,
        edit.id,
        &mut apply_once,
        entry,
        settings_entry,
    );
    match (changed.map_err(AdminError::from)?, error) {
        (ChangeResult::Refused, Some(error)) => Err(error),
        (changed, _) => Ok(require_done(changed, "a webhook")?),
    }
}

/// Disables a webhook that is deleted over the API. It stays readable, and can be enabled again.
///
/// # Errors
/// [`AdminError::NotFound`].
pub(crate) fn delete(
    store: &dyn Store,
    author: &Author,
    organizer: OrganizerId,
    id: WebhookId,
    now: Timestamp,
) -> Result<(), AdminError> {
    let data = json!({"enabled": false, "id": id});
    let entry = author.audit_entry("pretix.webhook.changed", data, now);
    require_done(
        store.mark_webhook_deleted(organizer, id, entry)?,
        "a webhook",
    )
    .map(|_| ())
}

/// Sends the deliveries of a webhook that was enabled again now instead of when they are due. The caller does not wait
/// for a long backlog; if this fails, deliveries are sent when they are due.
pub(crate) fn expedite_in_background(sonnette: &Arc<Sonnette>, id: WebhookId) {
    let sonnette = sonnette.clone();
    tokio::spawn(async move {
        if let Err(error) = sonnette.expedite(id, None).await {
            tracing::warn!(webhook.id = id.0, %error, "webhook {id}: waiting deliveries are sent only when they are due: {error}");
        }
    });
}
