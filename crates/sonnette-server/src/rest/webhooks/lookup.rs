//! Finds and changes the webhook of a path.

use std::sync::Arc;

use serde_json::Value;
use sonnette::domain::{Webhook, WebhookId};

use crate::admin::error::AdminError;
use crate::admin::webhooks::change::{self, WebhookEdit};
use crate::edge::AppState;
use crate::edge::authorize::Caller;
use crate::edge::error::ApiError;

/// The name of the resource in pretix's answers.
pub(crate) const WEBHOOK_MODEL_NAME: &str = "WebHook";

/// The organizer's webhook with this id.
pub(crate) fn webhook_of(caller: &Caller, id: WebhookId) -> Result<&Arc<Webhook>, ApiError> {
    caller.organizer()?.webhooks.get(&id).ok_or_else(no_webhook)
}

/// 404 of a webhook.
pub(crate) fn no_webhook() -> ApiError {
    ApiError::no_such(WEBHOOK_MODEL_NAME)
}

/// Changes a webhook with an audit entry, and returns it as it is now.
pub(crate) async fn change(
    state: &AppState,
    caller: &Caller,
    id: WebhookId,
    (action, data): (&'static str, Value),
    mut apply: impl FnMut(&mut Webhook) -> Result<(), AdminError> + Send + 'static,
) -> Result<Webhook, ApiError> {
    let edit = WebhookEdit {
        organizer: caller.organizer()?.organizer.id,
        id,
        action,
        data,
        settings: Vec::new(),
    };
    let author = caller.author();
    let changed = state
        .change(move |store, now| change::change(store, &author, edit, now, &mut apply))
        .await?;
    changed.map_err(|error| ApiError::of_change(error, WEBHOOK_MODEL_NAME))
}
