//! Owing a notification again.

use std::sync::Arc;

use super::ControlError;
use crate::domain::NotificationId;
use crate::engine::{OrganizerSnapshot, Sonnette, publisher};

impl Sonnette {
    /// Owes a notification again to the enabled webhooks that match now, whatever came of it before; how many.
    ///
    /// # Errors
    /// [`ControlError::Missing`] or [`ControlError::Erased`].
    pub async fn replay(
        &self,
        tenant: &Arc<OrganizerSnapshot>,
        notification: NotificationId,
    ) -> Result<usize, ControlError> {
        let (store, now, tenant) = (self.context.store.clone(), self.now(), tenant.clone());
        let webhooks = self
            .context
            .run_blocking(move || {
                let Some(entry) = store.notification(tenant.organizer.id, notification)? else {
                    return Ok(None);
                };
                let what = &entry.notification;
                if what.body.is_empty() {
                    return Ok(Some(None));
                }
                let (action, event) = (what.action_type.as_str(), what.event.as_ref());
                let webhooks = publisher::matching_webhooks(&tenant, action, event, entry.audience);
                store.replay(notification, &webhooks, now)?;
                Ok(Some(Some(webhooks)))
            })
            .await?
            .ok_or(ControlError::Missing)?
            .ok_or(ControlError::Erased)?;
        for webhook in &webhooks {
            self.reload_lane(*webhook, false);
        }
        Ok(webhooks.len())
    }
}
