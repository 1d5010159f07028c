//! The state of lanes, for people.

use jiff::Timestamp;

use crate::domain::{LaneHealth, WebhookId};
use crate::engine::RegistrySnapshot;
use crate::engine::Sonnette;
use crate::store::{Store, StoreError};

/// The state of a lane.
#[derive(Debug, Clone, PartialEq)]
pub struct LaneStatus {
    /// How the receiver has been responding.
    pub health: LaneHealth,
    /// The number of pending deliveries.
    pub backlog: u64,
    /// When the oldest pending delivery was published.
    pub oldest_waiting: Option<Timestamp>,
    /// When the next request may begin, if there are pending deliveries.
    pub next_attempt: Option<Timestamp>,
}

impl Sonnette {
    /// The state of a lane.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn lane_status(&self, webhook: WebhookId) -> Result<LaneStatus, StoreError> {
        let (store, registry) = (self.context.store.clone(), self.registry());
        self.context
            .run_blocking(move || status(&*store, &registry, webhook))
            .await
    }

    /// The state of each of these lanes, in the given order.
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
            .run_blocking(move || statuses(&*store, &registry, &webhooks))
            .await
    }

    /// The unhealthy lanes of all organizers, at most `limit`: failing ones first, then by number and age of the pending
    /// deliveries. Lanes of disabled webhooks are not among them.
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
                statuses(&*store, &registry, &webhooks)
            })
            .await
    }
}

fn statuses(
    store: &dyn Store,
    registry: &RegistrySnapshot,
    webhooks: &[WebhookId],
) -> Result<Vec<(WebhookId, LaneStatus)>, StoreError> {
    webhooks
        .iter()
        .map(|id| Ok((*id, status(store, registry, *id)?)))
        .collect()
}

fn status(
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
