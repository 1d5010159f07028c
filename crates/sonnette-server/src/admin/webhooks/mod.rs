//! What becomes of a webhook that somebody changes, whichever way they came.

pub(crate) mod headers;
pub(crate) mod masks;
pub(crate) mod secrets;
pub(crate) mod settings_input;

use jiff::Timestamp;
use sonnette::domain::{DisableReason, Disablement, Webhook, WebhookId, WebhookState};

use crate::edge::{AppState, HttpSettings};
use crate::rest::drf::webhook_fields::WebhookFields;

/// The state of a webhook that shall be enabled or not.
pub(crate) fn state_after(before: &WebhookState, enabled: bool, now: Timestamp) -> WebhookState {
    match (before, enabled) {
        (_, true) => WebhookState::Enabled,
        (WebhookState::Disabled(since), false) => WebhookState::Disabled(*since),
        (WebhookState::Enabled, false) => WebhookState::Disabled(Disablement {
            since: now,
            reason: DisableReason::User,
        }),
    }
}

/// Lays what was asked for over a webhook.
pub(crate) fn put(webhook: &mut Webhook, fields: WebhookFields, now: Timestamp) {
    webhook.state = state_after(&webhook.state, fields.enabled, now);
    webhook.target = fields.target;
    webhook.events = fields.events;
    webhook.action_types = fields.action_types;
    webhook.comment = fields.comment;
}

/// Whether this is a new target that is not encrypted, where the server demands it.
pub(crate) fn lacks_https(
    settings: &HttpSettings,
    fields: &WebhookFields,
    before: Option<&Webhook>,
) -> bool {
    let unchanged = before.is_some_and(|webhook| webhook.target == fields.target);
    settings.require_https && !unchanged && !fields.target.is_https()
}

/// What a webhook switched on again was owed goes now, not when it would have been due. The answer does
/// not wait for a long backlog; what this does not reach goes when it is due.
pub(crate) fn send_what_waits(state: &AppState, id: WebhookId) {
    let sonnette = state.sonnette.clone();
    tokio::spawn(async move {
        if let Err(error) = sonnette.expedite(id).await {
            tracing::warn!(webhook.id = id.0, %error, "what waits for a webhook goes only when it is due");
        }
    });
}
