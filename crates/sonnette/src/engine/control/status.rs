//! The state of lanes, for people.

use jiff::Timestamp;

use crate::domain::{ActionTypeName, LaneHealth, WebhookId};
use crate::engine::RegistrySnapshot;
use crate::engine::Sonnette;
use crate::store::{Store, StoreError};

/// The state of a lane.
#[derive(Debug, Clone, PartialEq)]
pub struct LaneStatus {
    /// How the receiver has been responding.
    pub health: LaneHealth,
    /// The action types that the receiver refuses while it accepts others.
    pub refused_action_types: Vec<ActionTypeName>,
    /// The number of pending deliveries.
    pub pending_count: u64,
    /// When the oldest pending delivery was published.
    pub oldest_pending_at: Option<Timestamp>,
    /// When the next request may begin, if there are pending deliveries.
    pub next_attempt: Option<Timestamp>,
    /// The deliveries are held after a restore.
    pub is_held: bool,
}

impl Sonnette {
    /// The state of a lane.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn lane_status(&self, webhook: WebhookId) -> Result<LaneStatus, StoreError> {
        let (store, registry) = (self.context.store.clone(), self.registry());
        let now = self.now();
        self.run_scan(self.organizer_of(webhook), move || {
            status(&*store, &registry, webhook, now)
        })
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
        let organizer = webhooks.first().and_then(|id| self.organizer_of(*id));
        let (webhooks, now) = (webhooks.to_vec(), self.now());
        self.run_scan(organizer, move || {
            statuses(&*store, &registry, &webhooks, now)
        })
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
        self.run_scan(None, move || {
            let webhooks = store.unhealthy_webhooks(now, limit)?;
            statuses(&*store, &registry, &webhooks, now)
        })
        .await
    }
}

fn statuses(
    store: &dyn Store,
    registry: &RegistrySnapshot,
    webhooks: &[WebhookId],
    now: Timestamp,
) -> Result<Vec<(WebhookId, LaneStatus)>, StoreError> {
    webhooks
        .iter()
        .map(|id| Ok((*id, status(store, registry, *id, now)?)))
        .collect()
}

fn status(
    store: &dyn Store,
    registry: &RegistrySnapshot,
    webhook: WebhookId,
    now: Timestamp,
) -> Result<LaneStatus, StoreError> {
    let row = store.lane(webhook)?;
    let mut health = row.current_health();
    // A success before the webhook was enabled or got its target says nothing about its receiver now. The clock may have
    // been ahead when it was changed.
    let is_current = |at: &Timestamp| *at >= row.receiver_since || row.receiver_since > now;
    health.last_success_at = health.last_success_at.filter(is_current);
    let (pending_count, oldest_pending_at) = store.backlog(webhook)?;
    let enabled = registry.webhook(webhook).is_some_and(|w| w.is_enabled());
    let due = if health.is_failing() {
        None
    } else {
        row.next_due_at
    };
    let is_held = registry.is_webhook_held(webhook);
    let next_attempt = (enabled && !is_held && pending_count > 0)
        .then(|| due.max(health.silent_until()))
        .flatten();
    Ok(LaneStatus {
        refused_action_types: row.refused_types.while_others_are_accepted(&health, now),
        health,
        pending_count,
        oldest_pending_at,
        next_attempt,
        is_held,
    })
}
