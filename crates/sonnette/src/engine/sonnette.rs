//! The engine: start, stop, publish and watch.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::runtime::Runtime;
use tokio::sync::broadcast;
use tokio::task::spawn_blocking;

use super::backlog_count::BacklogCount;
use super::blocking::{BlockingExecutor, RuntimeExecutor};
use super::committer::{CommitDelays, Committer};
use super::dispatcher::Dispatcher;
use super::host_table::HostTable;
use super::janitor::Janitor;
use super::metrics::Metrics;
use super::publication::MAX_DELIVERIES;
use super::registry_loader::RegistryLoader;
use super::sender::Sender;
use super::supervisor::{Supervisor, ThreadFailure, catch_panic};
use super::{
    Activity, EngineContext, KeyedSemaphore, Options, OrganizerSnapshot, PublishError,
    PublishRequest, PublishedNotification, RegistrySnapshot, StartError,
};
use crate::clock::Clock;
use crate::domain::{ClockReading, HostCounts, OrganizerId, TokenHash, TrustedTime, WebhookId};
use crate::engine::dispatcher::inbox::{Inboxes, LaneCommand};
use crate::store::{Store, StoreError};

/// Tests of webhooks that are not saved, at a time.
const MAX_DRAFT_TESTS: usize = 8;
/// Those of one organizer, at a time.
const MAX_DRAFT_TESTS_PER_ORGANIZER: usize = 2;

/// Checks of publications that cost much, at a time; one of each organizer. Each takes a thread that may block.
const MAX_RUNNING_CHECKS: usize = 2;
/// Requests of one organizer that wait for their check.
const MAX_WAITING_CHECKS_PER_ORGANIZER: usize = 64;

/// Scans of the store, that is work that may read many rows, at a time; one of each organizer.
const MAX_SCANS: usize = 4;
/// Scans of one organizer that wait, beside the one that runs.
const MAX_WAITING_SCANS_PER_ORGANIZER: usize = 31;

/// Activities that are kept for a slow watcher, which misses older ones.
const MAX_QUEUED_ACTIVITIES: usize = 4_096;

/// Threads of a sending thread for work on the store: more would only take memory, since the store serves few at a time.
const MAX_STORE_THREADS: usize = 8;

/// A running engine: it publishes notifications and sends them to webhooks.
pub struct Sonnette {
    pub(super) context: Arc<EngineContext>,
    pub(super) draft_test_limit: KeyedSemaphore<OrganizerId>,
    pub(super) checks: KeyedSemaphore<OrganizerId>,
    scans: KeyedSemaphore<Option<OrganizerId>>,
    backlog: Arc<BacklogCount>,
    pub(super) janitor: Arc<Janitor>,
    supervisor: Supervisor,
    threads: Mutex<Threads>,
}

#[derive(Default)]
struct Threads {
    sending: Vec<JoinHandle<()>>,
    commit: Option<JoinHandle<()>>,
    janitor: Option<JoinHandle<()>>,
    registry: Option<JoinHandle<()>>,
}

impl Sonnette {
    /// Starts the threads of an engine, which continue with the pending deliveries of the store. No other process may
    /// serve from the same store.
    ///
    /// # Errors
    /// When the store cannot be read, an option is invalid, or a thread cannot be started.
    pub fn start(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        options: &Options,
    ) -> Result<Arc<Self>, StartError> {
        let executor = Arc::new(RuntimeExecutor);
        let sonnette = Self::assemble(store, clock, options, executor, CommitDelays::default())?;
        let (context, supervisor) = (&sonnette.context, &sonnette.supervisor);
        let pending = context.store.lanes_with_pending_deliveries()?;
        {
            let mut threads = sonnette.threads.lock();
            for thread in 0..context.inboxes.len() {
                let webhooks = pending
                    .iter()
                    .copied()
                    .filter(|w| context.inboxes.thread_of(*w) == thread)
                    .collect();
                let sender = Sender::new(options.sender.clone(), context.clock.clone())?;
                let sending = start_sending(supervisor, context.clone(), thread, sender, webhooks)?;
                threads.sending.push(sending);
            }
            let registry = context.registry.clone();
            threads.registry = Some(supervisor.spawn("sonnette-registry", move || registry.run())?);
            let committer = context.committer.clone();
            threads.commit = Some(supervisor.spawn("sonnette-commit", move || committer.run())?);
            let janitor = sonnette.janitor.clone();
            threads.janitor = Some(supervisor.spawn("sonnette-janitor", move || janitor.run())?);
            // The first scrape of the metrics finds a count.
            sonnette.backlog.start_counting()?;
        }
        Ok(Arc::new(sonnette))
    }

    /// An engine whose threads are not started: a simulation steps what they would run.
    pub(super) fn assemble(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        options: &Options,
        blocking: Arc<dyn BlockingExecutor>,
        delays: CommitDelays,
    ) -> Result<Self, StartError> {
        let inboxes = Inboxes::new(options.sending_threads);
        let (activity, _) = broadcast::channel(MAX_QUEUED_ACTIVITIES);
        let registry = RegistryLoader::new(store.clone(), inboxes.clone(), activity.clone())?;
        let registry = Arc::new(registry);
        let metrics = Arc::new(Metrics::new());
        let hosts = HostTable::new(clock.instant());
        let recorded = store.trusted_time()?;
        let trusted_time = TrustedTime::resume(recorded, clock.now(), clock.instant());
        add_former_hosts(&hosts, &*store, &registry.current(), clock.now())?;
        let committer = Arc::new(Committer::new(
            store.clone(),
            registry.clone(),
            inboxes.clone(),
            clock.clone(),
            activity.clone(),
            metrics.clone(),
            delays,
        ));
        let context = Arc::new(EngineContext {
            installations: store.installations()?,
            store,
            clock,
            registry,
            committer,
            inboxes,
            metrics,
            activity,
            alerts: options.alerts,
            max_in_flight: options.max_in_flight,
            hosts,
            trusted_time,
            blocking,
        });
        let janitor = Arc::new(Janitor::new(&context, options.log_retention));
        Ok(Self {
            backlog: BacklogCount::new(context.store.clone()),
            context,
            draft_test_limit: KeyedSemaphore::new(MAX_DRAFT_TESTS, MAX_DRAFT_TESTS_PER_ORGANIZER),
            checks: KeyedSemaphore::with_queue(
                MAX_RUNNING_CHECKS,
                1,
                MAX_WAITING_CHECKS_PER_ORGANIZER,
            ),
            scans: KeyedSemaphore::with_queue(MAX_SCANS, 1, MAX_WAITING_SCANS_PER_ORGANIZER),
            janitor,
            supervisor: Supervisor::default(),
            threads: Mutex::default(),
        })
    }

    /// Starts no further request, waits up to four seconds for those in flight, and makes their outcomes durable. Requests
    /// that are aborted are sent again at the next start.
    pub async fn stop(&self) {
        for thread in 0..self.context.inboxes.len() {
            self.context.inboxes.get(thread).send(LaneCommand::Stop);
        }
        self.janitor.stop();
        let (sending, rest, loader) = {
            let mut threads = self.threads.lock();
            let rest = [threads.commit.take(), threads.janitor.take()];
            let sending = std::mem::take(&mut threads.sending);
            (sending, rest, threads.registry.take())
        };
        let context = &self.context;
        let (committer, registry) = (context.committer.clone(), context.registry.clone());
        let joined = spawn_blocking(move || {
            // A failed thread has been reported; the store has what it needs.
            for thread in sending {
                let _ = thread.join();
            }
            committer.close();
            for thread in rest.into_iter().flatten() {
                let _ = thread.join();
            }
            registry.stop();
            if let Some(thread) = loader {
                let _ = thread.join();
            }
        });
        if joined.await.is_err() {
            tracing::error!("the threads of the engine could not be joined");
        }
    }

    /// Waits until a thread of the engine has failed, possibly for ever. The engine then no longer does all of its work,
    /// and should be stopped: what is in the store goes on at the next start.
    pub async fn wait_for_failure(&self) -> ThreadFailure {
        self.supervisor.wait_for_failure().await
    }

    /// The first failure of a thread, if there is one.
    pub fn failure(&self) -> Option<ThreadFailure> {
        self.supervisor.failure()
    }

    /// Starts threads whose failure counts as one of the engine's, for an embedder that has such.
    pub fn supervisor(&self) -> &Supervisor {
        &self.supervisor
    }

    /// Whether nearly all hosts that have responded within the last day cannot be reached. Failures then count against no
    /// webhook.
    pub fn has_outage(&self) -> bool {
        self.context.hosts.has_outage()
    }

    /// The store, for reading, and for changing the registry.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.context.store
    }

    /// The clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.context.clock
    }

    /// The time of day, and the time that stored keys and mails grow old by, which does not follow a jump forward until the
    /// clock has stayed there for ten minutes.
    pub fn clock_reading(&self) -> ClockReading {
        self.janitor.read_clock()
    }

    /// The newest snapshot in memory. It may lack changes that another process made less than 250 ms ago.
    pub fn registry(&self) -> Arc<RegistrySnapshot> {
        self.context.registry.current()
    }

    /// The registry as it is in the store now, whichever process changed it. Callers that read or have changed settings
    /// use this.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn refresh(&self) -> Result<Arc<RegistrySnapshot>, StoreError> {
        let before = self.context.registry.version();
        let loader = &self.context.registry;
        let registry = if let Some(registry) = loader.refresh().await {
            registry?
        } else {
            let loader = loader.clone();
            let read = move || loader.refresh_blocking();
            self.context.run_blocking(read).await?
        };
        if registry.version() != before {
            self.context.committer.notify_registry_change();
        }
        Ok(registry)
    }

    /// Publishes all of `requests` or none, and returns once they are on disk. With a `token`, only if that is still active
    /// at the commit.
    ///
    /// # Errors
    /// See [`PublishError`].
    pub async fn publish(
        &self,
        organizer_snapshot: &OrganizerSnapshot,
        token: Option<TokenHash>,
        requests: Vec<PublishRequest>,
    ) -> Result<Vec<PublishedNotification>, PublishError> {
        let registry = self.registry();
        let newest = registry.organizer_by_id(organizer_snapshot.organizer.id);
        let organizer_snapshot = newest.unwrap_or_else(|| Arc::new(organizer_snapshot.clone()));
        // The token may have been deactivated since the request was authorized. The commit checks it again.
        if token.is_some_and(|hash| registry.token(&hash).is_none_or(|token| !token.active)) {
            return Err(PublishError::TokenInactive);
        }
        let group = self.prepare(organizer_snapshot, token, requests).await?;
        let deliveries: usize = group.publications.iter().map(|p| p.webhooks.len()).sum();
        if deliveries > MAX_DELIVERIES {
            return Err(PublishError::TooManyDeliveries(deliveries));
        }
        self.context
            .committer
            .publish(group, registry.version())
            .await
    }

    /// Everything that happens from now on. A slow watcher misses activities and is told how many.
    pub fn watch(&self) -> broadcast::Receiver<Arc<Activity>> {
        self.context.activity.subscribe()
    }

    /// The text of `/metrics`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn metrics(&self) -> Result<String, StoreError> {
        let (backlog, oldest) = self.backlog.read().await?;
        let age = oldest.map_or(Duration::ZERO, |at| {
            Duration::try_from(self.now().duration_since(at)).unwrap_or_default()
        });
        let damaged_rows = self.context.store.damaged_rows().len();
        Ok(self.context.metrics.encode(backlog, age, damaged_rows))
    }

    /// Runs `work` that may read many rows on behalf of an organizer, in its turn.
    pub(super) async fn run_scan<T: Send + 'static>(
        &self,
        organizer: Option<OrganizerId>,
        work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let refused = "too many requests of this organizer are waiting for the store";
        let permit = self.scans.acquire(organizer).await;
        let permit = permit.ok_or_else(|| StoreError::Unavailable(refused.into()))?;
        self.context
            .run_blocking(move || {
                // Held until the work ends, although the client may have disconnected.
                let _permit = permit;
                work()
            })
            .await
    }

    /// The organizer of a webhook.
    pub(super) fn organizer_of(&self, webhook: WebhookId) -> Option<OrganizerId> {
        let registry = self.registry();
        registry.webhook(webhook).map(|webhook| webhook.organizer)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.context.clock.now()
    }
}

/// Adds the hosts that responded within a day before the start.
fn add_former_hosts(
    hosts: &HostTable,
    store: &dyn Store,
    registry: &RegistrySnapshot,
    now: Timestamp,
) -> Result<(), StoreError> {
    let since = now.saturating_sub(HostCounts::HOST_LIFETIME);
    let since = since.unwrap_or(Timestamp::MIN);
    for (webhook, at) in store.last_successes(since)? {
        if let Some(webhook) = registry.webhook(webhook) {
            let age = Duration::try_from(now.duration_since(at)).unwrap_or_default();
            hosts.add_former(webhook.target.host(), webhook.organizer, age);
        }
    }
    Ok(())
}

/// The runtime of a sending thread.
pub(super) fn build_sending_runtime() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(MAX_STORE_THREADS)
        .build()
}

fn start_sending(
    supervisor: &Supervisor,
    context: Arc<EngineContext>,
    thread: usize,
    sender: Sender,
    pending: Vec<WebhookId>,
) -> std::io::Result<JoinHandle<()>> {
    let runtime = build_sending_runtime()?;
    let rng = fastrand::Rng::new();
    supervisor.spawn(&format!("sonnette-send-{thread}"), move || {
        let local = tokio::task::LocalSet::new();
        let dispatcher = Dispatcher::new(context.clone(), thread, Box::new(sender), rng);
        let running = catch_panic(dispatcher.run(pending));
        let result = local.block_on(&runtime, running);
        // Aborts the requests in flight; those who wait for the thread learn that it has ended.
        drop(local);
        context.inboxes.get(thread).close();
        runtime.shutdown_background();
        if let Err(panic) = result {
            resume_unwind(panic);
        }
    })
}
