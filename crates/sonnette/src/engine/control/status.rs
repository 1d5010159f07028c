//! How lanes stand, for those who look.

use crate::domain::{LaneHealth, WebhookId};
use crate::engine::RegistrySnapshot;
use crate::engine::Sonnette;
use crate::store::{Store, StoreError};
use jiff::Timestamp;

/// A lane as its owner sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct LaneStatus {
    /// How its receiver has been answering.
    pub health: LaneHealth,
    /// How many deliveries wait.
    pub backlog: u64,
    /// Since when the oldest of them waits.
    pub oldest_waiting: Option<Timestamp>,
    /// When the next request may begin, if anything waits.
    pub next_attempt: Option<Timestamp>,
}

impl Sonnette {
    /// How a lane stands.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn lane_status(&self, webhook: WebhookId) -> Result<LaneStatus, StoreError> {
        let (store, registry) = (self.context.store.clone(), self.registry());
        self.context
            .run_blocking(move || view(&*store, &registry, webhook))
            .await
    }

    /// How each of these lanes stands, in the order asked for.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn lane_statuses(
        &self,
        webhooks: &[WebhookId],
    ) -> Result<Vec<(WebhookId, LaneStatus)>, StoreError> {
        let (store, registry) = (self.context.store.clone(), self.registry());
        let webhooks = webhooks.to_vec();
        self.context
            .run_blocking(move || views(&*store, &registry, &webhooks))
            .await
    }

    /// The lanes of all organizers that need looking after, at most `limit`, the worst first; those of webhooks that are
    /// off the registry knows.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn lanes_needing_attention(
        &self,
        limit: usize,
    ) -> Result<Vec<(WebhookId, LaneStatus)>, StoreError> {
        let (store, registry) = (self.context.store.clone(), self.registry());
        let now = self.context.clock.now();
        self.context
            .run_blocking(move || {
                let webhooks = store.unhealthy_webhooks(now, limit)?;
                views(&*store, &registry, &webhooks)
            })
            .await
    }
}

fn views(
    store: &dyn Store,
    registry: &RegistrySnapshot,
    webhooks: &[WebhookId],
) -> Result<Vec<(WebhookId, LaneStatus)>, StoreError> {
    let each = webhooks.iter();
    each.map(|id| Ok((*id, view(store, registry, *id)?)))
        .collect()
}

fn view(
    store: &dyn Store,
    registry: &RegistrySnapshot,
    webhook: WebhookId,
) -> Result<LaneStatus, StoreError> {
    let row = store.lane(webhook)?;
    let (backlog, oldest_waiting) = store.backlog(webhook)?;
    let enabled = registry.webhook(webhook).is_some_and(|w| w.is_enabled());
    let due = if row.health.is_failing() {
        None
    } else {
        row.next_due_at
    };
    let next_attempt = (enabled && backlog > 0)
        .then(|| due.max(row.health.silent_until()))
        .flatten();
    Ok(LaneStatus {
        health: row.health,
        backlog,
        oldest_waiting,
        next_attempt,
    })
}
