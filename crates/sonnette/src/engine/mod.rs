//! From a publication to a receiver, one file per step.
//!
//! ```text
//! publisher  checks, composes and matches (over a registry_snapshot, kept up to date by registry_loader)
//! committer  makes publications and settlements durable together, answers, hands over
//! inbox      what a sending thread is told
//! dispatcher turns lanes (lane: pure), has requests sent (sender), hands in what came of them
//! janitor    copies the write-ahead log, removes what is old, gives up what has expired
//! ```

mod activity;
mod blocking;
mod committer;
mod control;
mod dispatcher;
mod example;
mod janitor;
mod keyed_semaphore;
mod lane;
mod metrics;
mod options;
mod organizer_snapshot;
mod publication;
mod publisher;
mod registry_loader;
#[cfg(test)]
mod registry_loader_tests;
mod registry_snapshot;
#[cfg(test)]
mod registry_snapshot_tests;
pub mod sender;
#[cfg(all(test, feature = "sqlite", feature = "testing"))]
mod simulation;
mod sonnette;

use std::sync::Arc;

use tokio::sync::broadcast;

use crate::clock::Clock;
use crate::domain::{AlertRules, Attempt, OrganizerId, WebhookId};
use crate::store::Store;

pub use crate::cow_map::CowMap;
pub use activity::{Activity, LaneState};
pub use control::{ControlError, LaneStatus};
pub use keyed_semaphore::{KeyedSemaphore, Permit};
pub use options::{Options, StartError};
pub use organizer_snapshot::OrganizerSnapshot;
pub use publication::{PublishError, PublishRequest, Published};
pub use registry_snapshot::RegistrySnapshot;
pub use sonnette::Sonnette;

/// What all threads of an engine share.
pub(crate) struct EngineContext {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    registry: Arc<registry_loader::RegistryLoader>,
    committer: Arc<committer::Committer>,
    inboxes: dispatcher::inbox::Inboxes,
    metrics: Arc<metrics::Metrics>,
    news: broadcast::Sender<Arc<Activity>>,
    alerts: AlertRules,
    blocking: Arc<dyn blocking::BlockingExecutor>,
}

impl EngineContext {
    fn tell(&self, news: impl FnOnce() -> Activity) {
        if self.news.receiver_count() > 0 {
            // The last watcher may have left just now.
            let _ = self.news.send(Arc::new(news()));
        }
    }

    fn broadcast_attempt(&self, organizer: OrganizerId, attempt: &Arc<Attempt>) {
        self.tell(|| Activity::Attempted {
            organizer,
            attempt: attempt.clone(),
        });
    }

    fn broadcast_lane_state(&self, organizer: OrganizerId, webhook: WebhookId, state: LaneState) {
        self.tell(|| Activity::Lane {
            organizer,
            webhook,
            state,
        });
    }
}
