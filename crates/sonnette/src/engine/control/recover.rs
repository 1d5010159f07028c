//! Notifications that a webhook missed while it was disabled.

use jiff::Timestamp;

use super::ControlError;
use crate::domain::{NotificationId, WebhookId};
use crate::engine::Sonnette;
use crate::engine::{OrganizerSnapshot, publisher};
use crate::store::{Store, StoreError, TimeRange};

impl Sonnette {
    /// Enqueues the notifications published in `span` that match the webhook and made no delivery because it was disabled,
    /// and returns their number. The filters that the webhook has now apply. With `dry_run` it only counts.
    ///
    /// # Errors
    /// [`ControlError::Missing`] or [`ControlError::Disabled`].
    pub async fn resend_missed(
        &self,
        webhook: WebhookId,
        span: TimeRange,
        dry_run: bool,
    ) -> Result<u64, ControlError> {
        self.require_enabled(webhook).await?;
        let registry = self.registry();
        let organizer = registry.webhook(webhook).map(|w| w.organizer);
        let tenant = organizer
            .and_then(|id| registry.organizer_by_id(id))
            .ok_or(ControlError::Missing)?;
        let (store, now) = (self.context.store.clone(), self.context.clock.now());
        let reload = (!dry_run).then(|| self.reload_on_drop(webhook, false));
        let count = self.context.run_blocking(move || {
            let _reload = reload;
            recover(&*store, &tenant, webhook, span, now, dry_run)
        });
        Ok(count.await?)
    }
}

fn recover(
    store: &dyn Store,
    tenant: &OrganizerSnapshot,
    webhook: WebhookId,
    span: TimeRange,
    now: Timestamp,
    dry_run: bool,
) -> Result<u64, StoreError> {
    let (mut count, mut after) = (0, None);
    loop {
        let (notifications, next) = store.missed_notifications(webhook, span, after)?;
        let missed: Vec<NotificationId> = notifications
            .iter()
            .filter(|n| {
                let (action, event) = (n.action_type.as_str(), n.event.as_ref());
                let webhooks = publisher::matching_webhooks(tenant, action, event, n.audience);
                webhooks.contains(&webhook)
            })
            .map(|n| n.id)
            .collect();
        count += if dry_run {
            missed.len() as u64
        } else {
            store.enqueue(webhook, &missed, now)?
        };
        after = next;
        if after.is_none() {
            return Ok(count);
        }
    }
}
