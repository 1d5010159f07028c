//! Dropping the pending deliveries of a webhook.

use super::{ControlError, PauseGuard};
use crate::domain::WebhookId;
use crate::engine::Sonnette;
use crate::store::{MAX_BATCH_ROWS, NewAuditEntry};

impl Sonnette {
    /// Drops the pending deliveries of a webhook and returns their number; the audit `entry` is written with the first change. None of them is sent after this returns; those
    /// in flight may still arrive.
    ///
    /// # Errors
    /// [`ControlError::Missing`] or [`ControlError::Stopping`].
    pub async fn drop_pending(
        &self,
        webhook: WebhookId,
        entry: Option<NewAuditEntry>,
    ) -> Result<u64, ControlError> {
        self.refresh()
            .await?
            .webhook(webhook)
            .ok_or(ControlError::Missing)?;
        let guard = self.pause_lane(webhook).await?;
        let (store, now) = (self.context.store.clone(), self.now());
        Ok(self
            .context
            .run_blocking(move || {
                // Moves the whole guard into this closure, not only the field that is set.
                let mut guard = guard;
                guard.through = PauseGuard::MAX_NOTIFICATION_ID;
                let (mut count, mut entry) = (0, entry);
                loop {
                    let dropped = store.drop_pending(
                        webhook,
                        now,
                        "dropped by hand",
                        entry.take().as_ref(),
                    )?;
                    count += dropped as u64;
                    if dropped < MAX_BATCH_ROWS {
                        guard.through = store.newest_notification_id()?;
                        return Ok(count);
                    }
                }
            })
            .await?)
    }
}
