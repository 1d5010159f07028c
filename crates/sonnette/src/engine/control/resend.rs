//! Sending deliveries again, or at once.

use super::ControlError;
use crate::domain::{Delivery, NotificationId, WebhookId};
use crate::engine::Sonnette;
use crate::engine::dispatcher::inbox::LaneCommand;
use crate::store::{
    BatchAuditEntry, DeliveryStateFilter, MAX_BATCH_ROWS, NewAuditEntry, TimeRange,
};

impl Sonnette {
    /// Sends one delivery now, whatever its state. A settled one gets a new schedule and lifetime.
    ///
    /// # Errors
    /// [`ControlError::Missing`], [`ControlError::Disabled`] or [`ControlError::Erased`].
    pub async fn resend(
        &self,
        webhook: WebhookId,
        notification: NotificationId,
    ) -> Result<Delivery, ControlError> {
        self.require_enabled(webhook).await?;
        let now = self.now();
        let store = self.context.store.clone();
        let reload = self.reload_on_drop(webhook, false);
        let (pending, delivery) = self
            .context
            .run_blocking(move || {
                let _reload = reload;
                let pending = store.resend(webhook, notification, now)?;
                Ok((pending, store.delivery(webhook, notification)?))
            })
            .await?;
        let delivery = delivery.ok_or(ControlError::Missing)?;
        let pending = pending.ok_or(ControlError::Erased)?;
        self.context
            .inboxes
            .of(webhook)
            .send(LaneCommand::SendNow(webhook, pending));
        Ok(delivery)
    }

    /// Sends again the deliveries of notifications published in `span` that were not delivered, and returns their number.
    /// The number is added to `count` in the data of the audit `entry`; without an `entry` it only counts.
    ///
    /// # Errors
    /// [`ControlError::Missing`] or [`ControlError::Disabled`].
    pub async fn resend_undelivered(
        &self,
        webhook: WebhookId,
        span: TimeRange,
        only: Option<DeliveryStateFilter>,
        entry: Option<&mut BatchAuditEntry>,
    ) -> Result<u64, ControlError> {
        self.require_enabled(webhook).await?;
        let (store, now) = (self.context.store.clone(), self.now());
        let mut written = entry.as_deref().cloned();
        let reload = written
            .is_some()
            .then(|| self.reload_on_drop(webhook, false));
        let (count, written) = self
            .run_scan(self.organizer_of(webhook), move || {
                let _reload = reload;
                let (mut count, mut after) = (0, None);
                loop {
                    let (found, next) = store.resend_undelivered(
                        webhook,
                        span,
                        only,
                        after,
                        now,
                        written.as_mut(),
                    )?;
                    count += found;
                    after = next;
                    if after.is_none() {
                        return Ok((count, written));
                    }
                }
            })
            .await?;
        if let Some((entry, written)) = entry.zip(written) {
            *entry = written;
        }
        Ok(count)
    }

    /// Makes all pending deliveries due now and returns their number. A failing lane sends a probe at once, and the others
    /// after it succeeded.
    ///
    /// # Errors
    /// [`ControlError::Missing`] or [`ControlError::Disabled`].
    pub async fn expedite(
        &self,
        webhook: WebhookId,
        entry: Option<NewAuditEntry>,
    ) -> Result<u64, ControlError> {
        self.require_enabled(webhook).await?;
        let (store, now) = (self.context.store.clone(), self.now());
        let reload = self.reload_on_drop(webhook, true);
        let count = self
            .run_scan(self.organizer_of(webhook), move || {
                let _reload = reload;
                let (count, _) = store.backlog(webhook)?;
                let mut changed = store.expedite_pending(webhook, now, entry.as_ref())?;
                while changed == MAX_BATCH_ROWS {
                    changed = store.expedite_pending(webhook, now, None)?;
                }
                Ok(count)
            })
            .await?;
        Ok(count)
    }
}
