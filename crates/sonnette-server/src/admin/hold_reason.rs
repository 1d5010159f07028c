//! What was published, and what it waits for.

use serde_json::value::RawValue;
use sonnette::dialect::extract_data;
use sonnette::domain::{Webhook, WebhookId};
use sonnette::engine::OrganizerSnapshot;
use sonnette::store::NotificationEntry;

use crate::edge::AppState;
use crate::rest::error::ApiError;

/// The `data` of a publication: kept beside the body, else read out of it; null once it has been erased.
pub(crate) fn data(entry: &NotificationEntry) -> Box<RawValue> {
    let kept = entry.data.clone().map(RawValue::from_string);
    kept.and_then(Result::ok)
        .or_else(|| extract_data(entry.notification.shape, &entry.notification.body))
        .unwrap_or_else(|| RawValue::NULL.to_owned())
}

/// What the unsettled deliveries of a webhook wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// Each for its own time.
    Time,
    /// For the receiver to answer well again.
    Receiver,
    /// For the webhook to be enabled.
    Webhook,
}

impl Waiting {
    /// As the lane is now.
    pub(crate) async fn of(state: &AppState, webhook: &Webhook) -> Result<Self, ApiError> {
        if !webhook.is_enabled() {
            return Ok(Self::Webhook);
        }
        let lane = state.sonnette.lane_status(webhook.id).await?;
        Ok(if lane.health.is_failing() {
            Self::Receiver
        } else {
            Self::Time
        })
    }

    /// The same of a webhook that the organizer may not have any more.
    pub(crate) async fn at(
        state: &AppState,
        tenant: &OrganizerSnapshot,
        webhook: WebhookId,
    ) -> Result<Self, ApiError> {
        match tenant.webhooks.get(&webhook) {
            Some(webhook) => Self::of(state, webhook).await,
            None => Ok(Self::Time),
        }
    }
}
