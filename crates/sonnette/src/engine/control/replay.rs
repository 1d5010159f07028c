//! Sending a notification again to every webhook that matches it.

use std::sync::Arc;

use super::{ControlError, ReloadOnDrop};
use crate::domain::{NotificationId, WebhookId};
use crate::engine::{OrganizerSnapshot, Sonnette, publisher};

impl Sonnette {
    /// Enqueues a notification for every enabled webhook that matches it now, also where it was delivered before, and
    /// returns their number.
    ///
    /// # Errors
    /// [`ControlError::Missing`] or [`ControlError::Erased`].
    pub async fn replay(
        &self,
        organizer_snapshot: &Arc<OrganizerSnapshot>,
        notification: NotificationId,
    ) -> Result<usize, ControlError> {
        let (store, now, organizer_snapshot) = (
            self.context.store.clone(),
            self.now(),
            organizer_snapshot.clone(),
        );
        let inboxes = self.context.inboxes.clone();
        let webhooks = self
            .context
            .run_blocking(move || {
                let Some(entry) =
                    store.notification(organizer_snapshot.organizer.id, notification)?
                else {
                    return Ok(None);
                };
                let replayed = &entry.notification;
                if replayed.body.is_empty() {
                    return Ok(Some(None));
                }
                let (action, event) = (replayed.action_type.as_str(), replayed.event.as_ref());
                let webhooks = publisher::matching_webhooks(
                    &organizer_snapshot,
                    action,
                    event,
                    entry.audience,
                );
                let reload = |webhook: &WebhookId| ReloadOnDrop {
                    inboxes: inboxes.clone(),
                    webhook: *webhook,
                    probe_now: false,
                };
                let _reloads: Vec<_> = webhooks.iter().map(reload).collect();
                store.replay(notification, &webhooks, now)?;
                Ok(Some(Some(webhooks)))
            })
            .await?
            .ok_or(ControlError::Missing)?
            .ok_or(ControlError::Erased)?;
        Ok(webhooks.len())
    }
}
