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

/// Has a lane read again when it is dropped: whatever came of a change in the store, and whether or not anybody still
/// waits for the answer.
struct ReloadOnDrop {
    inboxes: Inboxes,
    webhook: WebhookId,
    probe_now: bool,
}

impl Drop for ReloadOnDrop {
    fn drop(&mut self) {
        let (webhook, probe_now) = (self.webhook, self.probe_now);
        self.inboxes
            .of(webhook)
            .send(Command::ReloadLane { webhook, probe_now });
    }
}

impl Sonnette {
    fn reload_on_drop(&self, webhook: WebhookId, probe_now: bool) -> ReloadOnDrop {
        ReloadOnDrop {
            inboxes: self.context.inboxes.clone(),
            webhook,
            probe_now,
        }
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
    /// The newest notification that may have been changed.
    pub(super) through: NotificationId,
}

impl PauseGuard {
    /// Until it is known up to where the store has changed, whatever was handed over is looked up in it.
    pub(super) const EVERYTHING: NotificationId = NotificationId(i64::MAX);
}

impl Drop for PauseGuard {
    fn drop(&mut self) {
        self.inboxes
            .of(self.webhook)
            .send(Command::ResumeLane(self.webhook, self.through));
    }
}
