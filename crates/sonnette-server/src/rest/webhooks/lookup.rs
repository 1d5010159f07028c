//! Finds the webhook of a path, and changes it.

use std::sync::Arc;

use serde_json::Value;
use sonnette::domain::{OrganizerId, Webhook, WebhookId};
use sonnette::store::ChangeResult;

use crate::edge::AppState;
use crate::edge::authorize::Caller;
use crate::edge::error::ApiError;
use crate::rest::drf::refusal::Refusal;

/// The organizer's webhook with this id.
pub(crate) fn webhook_of(caller: &Caller, id: WebhookId) -> Result<&Arc<Webhook>, ApiError> {
    caller.tenant()?.webhooks.get(&id).ok_or_else(no_webhook)
}

/// 404 of a webhook.
pub(crate) fn no_webhook() -> ApiError {
    Refusal::no_webhook().into()
}

/// Changes a webhook with a line in the audit log; answers it as it is now.
pub(crate) async fn change(
    state: &AppState,
    caller: &Caller,
    id: WebhookId,
    note: (&'static str, Value),
    mut change: impl FnMut(&mut Webhook) -> bool + Send + 'static,
) -> Result<Webhook, ApiError> {
    let organizer: OrganizerId = caller.tenant()?.organizer.id;
    let note = caller.note(note.0, note.1, state.now());
    let changed = state
        .store(move |store| store.change_webhook(organizer, id, &mut change, note))
        .await?;
    state.refresh().await?;
    match changed {
        ChangeResult::Done(webhook) => Ok(webhook),
        ChangeResult::Missing => Err(no_webhook()),
        ChangeResult::Taken | ChangeResult::Refused => Err(ApiError::contradiction("a webhook")),
    }
}

/// Writes a line into the audit log of the caller's organizer.
pub(crate) async fn note(
    state: &AppState,
    caller: &Caller,
    action: &'static str,
    data: Value,
) -> Result<(), ApiError> {
    let organizer = caller.tenant()?.organizer.id;
    let note = caller.note(action, data, state.now());
    state
        .store(move |store| store.add_audit_entry(organizer, note))
        .await
}
