//! Sending again, and sending now.

use super::ControlError;
use crate::domain::{Delivery, NotificationId, WebhookId};
use crate::engine::Sonnette;
use crate::engine::dispatcher::inbox::Command;
use crate::store::{DeliveryStateFilter, MAX_BATCH_ROWS, TimeRange};

impl Sonnette {
    /// Sends one delivery now, whatever its state; a settled one gets a fresh schedule and three days.
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
        let (waiting, delivery) = self
            .context
            .run_blocking(move || {
                let waiting = store.resend(webhook, notification, now)?;
                Ok((waiting, store.delivery(webhook, notification)?))
            })
            .await?;
        let delivery = delivery.ok_or(ControlError::Missing)?;
        let waiting = waiting.ok_or(ControlError::Erased)?;
        self.context
            .inboxes
            .of(webhook)
            .send(Command::SendNow(webhook, waiting));
        Ok(delivery)
    }

    /// Sends again what was not delivered of the notifications published in `span`; how many. With `dry_run` it only
    /// counts.
    ///
    /// # Errors
    /// [`ControlError::Missing`] or [`ControlError::Disabled`].
    pub async fn resend_undelivered(
        &self,
        webhook: WebhookId,
        span: TimeRange,
        only: Option<DeliveryStateFilter>,
        dry_run: bool,
    ) -> Result<u64, ControlError> {
        self.require_enabled(webhook).await?;
        let (store, now) = (self.context.store.clone(), self.now());
        let count = self
            .context
            .run_blocking(move || {
                let (mut count, mut after) = (0, None);
                loop {
                    let (found, next) =
                        store.resend_undelivered(webhook, span, only, after, now, dry_run)?;
                    count += found;
                    after = next;
                    if after.is_none() {
                        return Ok(count);
                    }
                }
            })
            .await?;
        if !dry_run {
            self.reload_lane(webhook, false);
        }
        Ok(count)
    }

    /// Makes everything that waits due now; how many. A failing lane looks at its receiver at once, and the rest follows
    /// its success.
    ///
    /// # Errors
    /// [`ControlError::Missing`] or [`ControlError::Disabled`].
    pub async fn expedite(&self, webhook: WebhookId) -> Result<u64, ControlError> {
        self.require_enabled(webhook).await?;
        let (store, now) = (self.context.store.clone(), self.now());
        let count = self
            .context
            .run_blocking(move || {
                let (count, _) = store.backlog(webhook)?;
                while store.schedule_now(webhook, now)? == MAX_BATCH_ROWS {}
                Ok(count)
            })
            .await?;
        self.reload_lane(webhook, true);
        Ok(count)
    }
}
