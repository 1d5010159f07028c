//! Why the deliveries of a webhook are not sent yet.

use sonnette::Sonnette;
use sonnette::domain::Webhook;
use sonnette::store::StoreError;

/// Why the waiting deliveries of a webhook are not sent yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HoldReason {
    /// None is due.
    NotDue,
    /// The receiver keeps failing; only probes are sent.
    ReceiverFailing,
    /// The webhook is disabled.
    WebhookDisabled,
    /// The server was restored from a backup, and its operator has not resumed deliveries.
    Restored,
}

impl HoldReason {
    /// The reason as the lane of the webhook is now. `None`: the webhook is gone, which holds nothing.
    ///
    /// # Errors
    /// Where the lane cannot be read.
    pub(crate) async fn of(
        sonnette: &Sonnette,
        webhook: Option<&Webhook>,
    ) -> Result<Self, StoreError> {
        let Some(webhook) = webhook else {
            return Ok(Self::NotDue);
        };
        if !webhook.is_enabled() {
            return Ok(Self::WebhookDisabled);
        }
        let lane = sonnette.lane_status(webhook.id).await?;
        Ok(if lane.is_held {
            Self::Restored
        } else if lane.health.is_failing() {
            Self::ReceiverFailing
        } else {
            Self::NotDue
        })
    }
}
