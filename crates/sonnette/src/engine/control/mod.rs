//! What people do: resend, recover, drop and erase deliveries, test webhooks, and see how a lane is doing.

mod drop_pending;
mod erase;
mod replay;
mod resend;
mod resend_missed;
mod status;
mod test;

use tokio::sync::oneshot;

use crate::domain::{NotificationId, WebhookId};
use crate::engine::Sonnette;
use crate::engine::dispatcher::inbox::{Inboxes, LaneCommand};
use crate::store::StoreError;

pub use self::status::LaneStatus;

/// Why an action on a webhook or delivery was not done.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The organizer, webhook, notification or delivery does not exist.
    #[error("there is no such thing")]
    Missing,
    /// The webhook is disabled.
    #[error("the webhook is disabled")]
    Disabled,
    /// The notification has been erased, so that nothing is left to send.
    #[error("the notification has been erased")]
    Erased,
    /// There is no concrete action type to send an example of.
    #[error("there is no action type to test with")]
    NothingToTest,
    /// Too many tests of unsaved webhooks are running. The client may try again in a moment.
    #[error("too many webhooks are being tried out")]
    Busy,
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Sonnette {
    fn reload_on_drop(&self, webhook: WebhookId, probe_now: bool) -> ReloadOnDrop {
        ReloadOnDrop {
            inboxes: self.context.inboxes.clone(),
            webhook,
            probe_now,
        }
    }

    /// Stops the lane from starting requests, until the guard is dropped.
    async fn pause_lane(&self, webhook: WebhookId) -> Result<PauseGuard, ControlError> {
        let (confirm, paused) = oneshot::channel();
        let inboxes = self.context.inboxes.clone();
        inboxes
            .of(webhook)
            .send(LaneCommand::PauseLane(webhook, confirm));
        // The client may disconnect at any moment: dropping the guard resumes the lane.
        let guard = PauseGuard {
            inboxes,
            webhook,
            through: NotificationId(0),
        };
        paused.await.map_err(|_| ControlError::Stopping)?;
        Ok(guard)
    }

    async fn require_enabled(&self, webhook: WebhookId) -> Result<(), ControlError> {
        match self.refresh().await?.webhook(webhook) {
            None => Err(ControlError::Missing),
            Some(webhook) if !webhook.is_enabled() => Err(ControlError::Disabled),
            Some(_) => Ok(()),
        }
    }
}

/// Tells a lane, when dropped, that the store has new or changed deliveries for it. It belongs to the work on the store:
/// that may fail after it has changed something, and the client may disconnect before it ends.
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
            .send(LaneCommand::ReloadLane { webhook, probe_now });
    }
}

/// Resumes a paused lane when dropped.
struct PauseGuard {
    inboxes: Inboxes,
    webhook: WebhookId,
    /// Deliveries of notifications up to this one may have been changed in the store.
    through: NotificationId,
}

impl PauseGuard {
    /// While it is not known which notifications may have been changed.
    const MAX_NOTIFICATION_ID: NotificationId = NotificationId(i64::MAX);
}

impl Drop for PauseGuard {
    fn drop(&mut self) {
        self.inboxes
            .of(self.webhook)
            .send(LaneCommand::ResumeLane(self.webhook, self.through));
    }
}
