//! From a publication to a receiver, one file per step.

mod api;
mod inbox;
mod registry;
pub mod sender;

use std::sync::Arc;
use tokio::sync::broadcast;

pub use api::*;
pub use registry::{Registry, Tenant};
use crate::clock::Clock;
use crate::domain::*;
use crate::store::*;

/// The engine.
pub struct Sonnette { }

#[expect(clippy::todo, clippy::unused_async, reason = "being built")]
impl Sonnette {
    /// Starts it.
    pub fn start(store: Arc<dyn Store>, clock: Arc<dyn Clock>, options: Options) -> Result<Arc<Self>, StartError> { let _ = (store, clock, options); todo!() }
    /// Finishes or hands back what is in flight, within four seconds; commits what is settled.
    pub async fn stop(&self) { todo!() }
    /// The store, for reading and for changing the registry.
    pub fn store(&self) -> &Arc<dyn Store> { todo!() }
    /// The clock.
    pub fn clock(&self) -> &Arc<dyn Clock> { todo!() }
    /// The newest snapshot in memory: for the hot path.
    pub fn registry(&self) -> Arc<Registry> { todo!() }
    /// The registry as it is in the store now, whoever changed it. Call it before reading settings, and after changing them. Takes microseconds when nothing changed.
    pub fn refresh(&self) -> Result<Arc<Registry>, StoreError> { todo!() }
    /// Publishes, all or nothing.
    pub async fn publish(&self, tenant: &Arc<Tenant>, requests: Vec<PublishRequest>) -> Result<Vec<Published>, PublishError> { let _ = (tenant, requests); todo!() }
    /// Sends a test; answers with the finished attempt.
    pub async fn test(&self, webhook: WebhookId, action_type: Option<&str>) -> Result<Arc<Attempt>, ControlError> { let _ = (webhook, action_type); todo!() }
    /// Sends one delivery now.
    pub async fn resend(&self, webhook: WebhookId, notification: NotificationId) -> Result<Delivery, ControlError> { let _ = (webhook, notification); todo!() }
    /// Sends again what was not delivered; counts.
    pub async fn resend_undelivered(&self, webhook: WebhookId, span: Span, only: Option<DeliveryWord>, dry_run: bool) -> Result<u64, ControlError> { let _ = (webhook, span, only, dry_run); todo!() }
    /// Everything waiting, now.
    pub async fn expedite(&self, webhook: WebhookId) -> Result<u64, ControlError> { let _ = webhook; todo!() }
    /// Everything waiting, never.
    pub async fn drop_waiting(&self, webhook: WebhookId) -> Result<u64, ControlError> { let _ = webhook; todo!() }
    /// Owes a notification again to the enabled webhooks that match now; how many.
    pub async fn replay(&self, tenant: &Arc<Tenant>, notification: NotificationId) -> Result<usize, ControlError> { let _ = (tenant, notification); todo!() }
    /// How a lane stands.
    pub async fn lane(&self, webhook: WebhookId) -> Result<LaneView, StoreError> { let _ = webhook; todo!() }
    /// What happens from now on. A slow watcher misses some.
    pub fn watch(&self) -> broadcast::Receiver<Arc<News>> { todo!() }
}
