//! Tests: the example of an action type, sent as deliveries are.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::ControlError;
use crate::domain::{Attempt, Notification, Webhook, WebhookId};
use crate::engine::Sonnette;
use crate::engine::dispatcher::inbox::{DraftTest, LaneCommand, WebhookTest};
use crate::engine::example::example;

impl Sonnette {
    /// Sends the example of an action type, by default the first of the webhook, to this webhook only, and returns the
    /// attempt. The webhook may be disabled.
    ///
    /// # Errors
    /// [`ControlError::NothingToTest`] without a concrete action type that the organizer knows.
    pub async fn test(
        &self,
        webhook: WebhookId,
        action_type: Option<&str>,
    ) -> Result<Arc<Attempt>, ControlError> {
        let registry = self.refresh().await?;
        let webhook_to_test = registry.webhook(webhook).ok_or(ControlError::Missing)?;
        let notification = self.example(webhook_to_test, action_type).await?;
        let (reply, attempt) = oneshot::channel();
        let test = WebhookTest {
            notification,
            reply,
        };
        self.context
            .inboxes
            .of(webhook)
            .send(LaneCommand::TestWebhook(webhook, test));
        attempt.await.map_err(|_| ControlError::Stopping)
    }

    /// Sends a test to a webhook that is not saved, or whose changes are not saved: URL, settings and secrets are those of
    /// the draft. The attempt is neither logged nor counted for the health of a lane.
    ///
    /// # Errors
    /// [`ControlError::Missing`] without such an organizer, [`ControlError::NothingToTest`] without a concrete action type
    /// that it knows, [`ControlError::Busy`] while too many such tests run.
    pub async fn test_draft(
        &self,
        draft: Webhook,
        action_type: Option<&str>,
    ) -> Result<Arc<Attempt>, ControlError> {
        let permit = self.draft_test_limit.try_acquire(draft.organizer);
        let permit = permit.ok_or(ControlError::Busy)?;
        let notification = self.example(&draft, action_type).await?;
        let (reply, attempt) = oneshot::channel();
        let inbox = self.context.inboxes.of(draft.id);
        inbox.send(LaneCommand::TestDraft(Box::new(DraftTest {
            draft,
            notification,
            reply,
            permit,
        })));
        attempt.await.map_err(|_| ControlError::Stopping)
    }

    async fn example(
        &self,
        webhook: &Webhook,
        action_type: Option<&str>,
    ) -> Result<Notification, ControlError> {
        let registry = self.refresh().await?;
        let organizer_snapshot = registry
            .organizer_by_id(webhook.organizer)
            .ok_or(ControlError::Missing)?;
        let store = self.context.store.clone();
        let (webhook, action_type) = (webhook.clone(), action_type.map(str::to_owned));
        let now = self.context.clock.now();
        // Checking the example may take long.
        let notification = self
            .context
            .run_blocking(move || {
                let id = store.reserve_notification_id()?;
                Ok(example(
                    &organizer_snapshot,
                    &webhook,
                    action_type.as_deref(),
                    id,
                    now,
                ))
            })
            .await?;
        notification.ok_or(ControlError::NothingToTest)
    }
}
