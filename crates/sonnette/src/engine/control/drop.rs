//! Dropping what waits.

use tokio::sync::oneshot;

use super::{ControlError, PauseGuard};
use crate::domain::{NotificationId, WebhookId};
use crate::engine::Sonnette;
use crate::engine::dispatcher::inbox::Command;
use crate::store::MAX_BATCH_ROWS;

impl Sonnette {
    /// Drops everything that waits, and nothing else; how many. Once it answers nothing of it is sent any more, but for
    /// what was in flight.
    ///
    /// # Errors
    /// [`ControlError::Missing`]; [`ControlError::Stopping`].
    pub async fn drop_waiting(&self, webhook: WebhookId) -> Result<u64, ControlError> {
        self.refresh()
            .await?
            .webhook(webhook)
            .ok_or(ControlError::Missing)?;
        let (paused, pause) = oneshot::channel();
        let inbox = self.context.inboxes.of(webhook);
        inbox.send(Command::PauseLane(webhook, paused));
        // Whoever asked may go away at any moment; the lane goes on all the same.
        let resume = PauseGuard {
            inboxes: self.context.inboxes.clone(),
            webhook,
            through: NotificationId(0),
        };
        pause.await.map_err(|_| ControlError::Stopping)?;
        let (store, now) = (self.context.store.clone(), self.now());
        Ok(self
            .context
            .run_blocking(move || {
                // The whole of it, not just the part that is set.
                let mut resume = resume;
                let mut count = 0;
                loop {
                    let dropped = store.drop_pending(webhook, now, "dropped by hand")?;
                    count += dropped as u64;
                    if dropped < MAX_BATCH_ROWS {
                        resume.through = store.newest_notification_id()?;
                        return Ok(count);
                    }
                }
            })
            .await?)
    }
}
