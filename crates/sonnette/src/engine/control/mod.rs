//! What people do to deliveries and webhooks, and how they see a lane.

mod drop;
mod erase;
mod recover;
mod replay;
mod resend;
mod status;
mod test;

use crate::domain::{NotificationId, WebhookId};
use crate::engine::Sonnette;
use crate::engine::dispatcher::inbox::{Command, Inboxes};
use crate::store::StoreError;

pub use self::status::LaneStatus;

/// Why a webhook or delivery was left as it was.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// There is none.
    #[error("there is no such thing")]
    Missing,
    /// The webhook is disabled.
    #[error("the webhook is disabled")]
    Disabled,
    /// What was published has been erased: there is nothing left to send.
    #[error("the notification has been erased")]
    Erased,
    /// There is no concrete action type to try it with.
    #[error("there is no action type to test with")]
    NothingToTest,
    /// As many webhooks are being tried out as may be at a time; worth another try in a moment.
    #[error("too many webhooks are being tried out")]
    Busy,
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Sonnette {
    pub(super) fn reload_lane(&self, webhook: WebhookId, probe_now: bool) {
        self.context
            .inboxes
            .of(webhook)
            .send(Command::ReloadLane { webhook, probe_now });
    }

    pub(super) async fn require_enabled(&self, webhook: WebhookId) -> Result<(), ControlError> {
        match self.refresh().await?.webhook(webhook) {
            None => Err(ControlError::Missing),
            Some(webhook) if !webhook.is_enabled() => Err(ControlError::Disabled),
            Some(_) => Ok(()),
        }
    }
}

/// Lets a paused lane go on once what waits in the store has been changed.
pub(super) struct PauseGuard {
    pub(super) inboxes: Inboxes,
    pub(super) webhook: WebhookId,
    pub(super) through: NotificationId,
}

impl Drop for PauseGuard {
    fn drop(&mut self) {
        self.inboxes
            .of(self.webhook)
            .send(Command::ResumeLane(self.webhook, self.through));
    }
}
