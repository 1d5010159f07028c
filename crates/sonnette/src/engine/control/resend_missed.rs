//! Notifications that a webhook missed while it was disabled.

use jiff::Timestamp;

use super::ControlError;
use crate::domain::{NotificationId, WebhookId};
use crate::engine::Sonnette;
use crate::engine::{OrganizerSnapshot, publisher};
use crate::store::{BatchAuditEntry, Store, StoreError, TimeRange};

impl Sonnette {
    /// Enqueues the notifications published in `span` that match the webhook and made no delivery because it was disabled,
    /// and returns their number. The filters that the webhook has now apply. The number is added to
    /// `count` in the data of the audit `entry`; without an `entry` it only counts.
    ///
    /// # Errors
    /// [`ControlError::Missing`] or [`ControlError::Disabled`].
    pub async fn resend_missed(
        &self,
        webhook: WebhookId,
        span: TimeRange,
        entry: Option<&mut BatchAuditEntry>,
    ) -> Result<u64, ControlError> {
        self.require_enabled(webhook).await?;
        let registry = self.registry();
        let organizer = registry.webhook(webhook).map(|w| w.organizer);
        let organizer = organizer
            .and_then(|id| registry.organizer_by_id(id))
            .ok_or(ControlError::Missing)?;
        let (store, now) = (self.context.store.clone(), self.context.clock.now());
        let mut written = entry.as_deref().cloned();
        let reload = written
            .is_some()
            .then(|| self.reload_on_drop(webhook, false));
        let (count, written) = self
            .context
            .run_blocking(move || {
                let _reload = reload;
                let count = recover(&*store, &organizer, webhook, span, now, written.as_mut())?;
                Ok((count, written))
            })
            .await?;
        if let Some((entry, written)) = entry.zip(written) {
            *entry = written;
        }
        Ok(count)
    }
}

fn recover(
    store: &dyn Store,
    organizer: &OrganizerSnapshot,
    webhook: WebhookId,
    span: TimeRange,
    now: Timestamp,
    mut entry: Option<&mut BatchAuditEntry>,
) -> Result<u64, StoreError> {
    let (mut count, mut after) = (0, None);
    loop {
        let (notifications, next) = store.missed_notifications(webhook, span, after)?;
        let missed: Vec<NotificationId> = notifications
            .iter()
            .filter(|n| {
                let (action, event) = (n.action_type.as_str(), n.event.as_ref());
                let webhooks = publisher::matching_webhooks(organizer, action, event, n.audience);
                webhooks.contains(&webhook)
            })
            .map(|n| n.id)
            .collect();
        count += match entry.as_deref_mut() {
            // A batch without any is written only if it is the last, and then for the sake of the entry.
            Some(entry) if !missed.is_empty() || next.is_none() => {
                store.enqueue(webhook, &missed, now, entry)?
            }
            _ => missed.len() as u64,
        };
        after = next;
        if after.is_none() {
            return Ok(count);
        }
    }
}
