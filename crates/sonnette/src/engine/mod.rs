//! From a publication to a receiver, one module per step.
//!
//! ```text
//! publisher   checks a publication, composes the body and finds the matching webhooks, in a registry_snapshot
//!             that the registry_loader keeps up to date
//! committer   makes publications and settlements durable in one transaction, answers, hands deliveries over
//! dispatcher  a sending thread: receives deliveries and commands (inbox), asks each lane what to do, sends, settles
//! lane        the queue of one webhook and the state of its receiver: pure
//! sender      sends one signed request and reads the response
//! janitor     copies the write-ahead log, removes old rows, gives up expired deliveries
//! control     what people do: resend, recover, drop, erase, test
//! supervisor  starts the threads and reports the one that fails
//! ```

mod activity;
mod backlog_count;
mod blocking;
mod committer;
mod content_hash;
mod control;
mod dispatcher;
mod example;
mod host_table;
mod janitor;
mod keyed_semaphore;
mod lane;
mod metrics;
mod monotonic_clock;
mod options;
mod organizer_snapshot;
mod prepare_publication;
mod publication;
mod publisher;
mod registry_loader;
#[cfg(test)]
mod registry_loader_tests;
mod registry_snapshot;
#[cfg(test)]
mod registry_snapshot_tests;
pub mod sender;
#[cfg(test)]
#[cfg(all(feature = "sqlite", feature = "testing"))]
mod simulation;
mod sonnette;
mod supervisor;
mod thread_priority;
#[cfg(test)]
#[cfg(all(feature = "sqlite", feature = "testing"))]
mod work_limits_tests;

use std::sync::Arc;

use tokio::sync::broadcast;

use crate::clock::Clock;
use crate::domain::{
    AlertRules, Attempt, HostCounts, Installations, OrganizerId, TrustedTime, WebhookId,
};
use crate::store::Store;

pub use crate::cow_map::CowMap;
pub use activity::{Activity, LaneState};
pub use control::{ControlError, LaneStatus};
pub use keyed_semaphore::{KeyedSemaphore, Permit};
pub use options::{Options, StartError};
pub use organizer_snapshot::OrganizerSnapshot;
pub use publication::{PublishError, PublishRequest, PublishedNotification};
pub use registry_snapshot::RegistrySnapshot;
pub use sonnette::Sonnette;
pub use supervisor::{Supervisor, ThreadFailure};
pub use thread_priority::lower_thread_priority;

/// What all threads of an engine use.
pub(crate) struct EngineContext {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    registry: Arc<registry_loader::RegistryLoader>,
    committer: Arc<committer::Committer>,
    installations: Installations,
    inboxes: dispatcher::inbox::Inboxes,
    metrics: Arc<metrics::Metrics>,
    activity: broadcast::Sender<Arc<Activity>>,
    alerts: AlertRules,
    max_in_flight: usize,
    hosts: host_table::HostTable,
    /// What is trusted at the start. Each thread that reads the clock continues with its own.
    trusted_time: TrustedTime,
    blocking: Arc<dyn blocking::BlockingExecutor>,
}

impl EngineContext {
    fn broadcast(&self, activity: impl FnOnce() -> Activity) {
        if self.activity.receiver_count() > 0 {
            // The last watcher may have left meanwhile.
            let _ = self.activity.send(Arc::new(activity()));
        }
    }

    /// Counts the hosts of receivers, if that is due, and reports an outage that has begun or ended.
    fn count_hosts(&self) {
        let Some(change) = self.hosts.count_if_due(self.clock.instant()) else {
            return;
        };
        self.metrics.set_outage(change.has_outage);
        let HostCounts {
            known_hosts: known,
            unreachable_hosts: unreachable,
        } = change.counts;
        if change.has_outage {
            tracing::error!(
                known,
                unreachable,
                "{unreachable} of {known} hosts cannot be reached: this is taken for an outage of our own network or name \
                 server, and counts against no webhook"
            );
        } else {
            tracing::info!(known, unreachable, "the outage is over");
        }
    }

    fn broadcast_attempt(&self, organizer: OrganizerId, attempt: &Arc<Attempt>) {
        self.broadcast(|| Activity::Attempted {
            organizer,
            attempt: attempt.clone(),
        });
    }

    fn broadcast_lane_state(&self, organizer: OrganizerId, webhook: WebhookId, state: LaneState) {
        self.broadcast(|| Activity::Lane {
            organizer,
            webhook,
            state,
        });
    }
}
