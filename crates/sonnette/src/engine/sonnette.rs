//! The engine as its user sees it.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::broadcast;
use tokio::task::spawn_blocking;

use super::blocking::{BlockingExecutor, RuntimeExecutor};
use super::committer::{CommitDelays, Committer};
use super::dispatcher::Dispatcher;
use super::janitor::Janitor;
use super::metrics::Metrics;
use super::registry_loader::RegistryLoader;
use super::sender::Sender;
use super::{
    Activity, EngineContext, KeyedSemaphore, Options, OrganizerSnapshot, PublishError,
    PublishRequest, Published, RegistrySnapshot, StartError, publisher,
};
use crate::clock::Clock;
use crate::domain::{OrganizerId, TokenHash, WebhookId};
use crate::engine::dispatcher::inbox::{Command, Inboxes};
use crate::store::{Store, StoreError};

/// Webhooks not saved that may be tried out at a time.
const MAX_DRAFT_TESTS: usize = 8;
/// Those of one organizer.
const MAX_DRAFT_TESTS_PER_ORGANIZER: usize = 2;

/// News that a slow watcher may fall behind by.
const MAX_QUEUED_ACTIVITIES: usize = 4_096;

/// The engine: publishes, sends, and lets people look and mend.
pub struct Sonnette {
    pub(super) context: Arc<EngineContext>,
    pub(super) draft_tests: KeyedSemaphore<OrganizerId>,
    pub(super) janitor: Arc<Janitor>,
    threads: Mutex<Threads>,
}

#[derive(Default)]
struct Threads {
    sending: Vec<JoinHandle<()>>,
    committing: Option<JoinHandle<()>>,
    tidying: Option<JoinHandle<()>>,
    loading: Option<JoinHandle<()>>,
}

impl Sonnette {
    /// Starts the engine on a store that nobody else serves from; what waits in it goes on.
    ///
    /// # Errors
    /// When the store cannot be read, an option cannot be, or a thread not be started.
    pub fn start(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        options: Options,
    ) -> Result<Arc<Self>, StartError> {
        let executor = Arc::new(RuntimeExecutor);
        let sonnette = Self::assemble(store, clock, &options, executor, CommitDelays::default())?;
        let context = &sonnette.context;
        let waiting = context.store.lanes_with_pending_deliveries()?;
        {
            let mut threads = sonnette.threads.lock();
            for thread in 0..context.inboxes.len() {
                let own = waiting
                    .iter()
                    .copied()
                    .filter(|w| context.inboxes.thread_of(*w) == thread)
                    .collect();
                let sender = Sender::new(options.sender.clone(), context.clock.clone())?;
                let sending = start_sending(context.clone(), thread, sender, own)?;
                threads.sending.push(sending);
            }
            let registry = context.registry.clone();
            threads.loading = Some(spawn("registry", move || registry.run())?);
            let committer = context.committer.clone();
            threads.committing = Some(spawn("commit", move || committer.run())?);
            let janitor = sonnette.janitor.clone();
            threads.tidying = Some(spawn("janitor", move || janitor.run())?);
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
        let (news, _) = broadcast::channel(MAX_QUEUED_ACTIVITIES);
        let registry = RegistryLoader::new(store.clone(), inboxes.clone(), news.clone())?;
        let registry = Arc::new(registry);
        let metrics = Arc::new(Metrics::new());
        let committer = Arc::new(Committer::new(
            store.clone(),
            registry.clone(),
            inboxes.clone(),
            clock.clone(),
            news.clone(),
            metrics.clone(),
            delays,
        ));
        let context = Arc::new(EngineContext {
            store,
            clock,
            registry,
            committer,
            inboxes,
            metrics,
            news,
            alerts: options.alerts,
            blocking,
        });
        let janitor = Arc::new(Janitor::new(&context, options.log_kept));
        Ok(Self {
            context,
            draft_tests: KeyedSemaphore::new(MAX_DRAFT_TESTS, MAX_DRAFT_TESTS_PER_ORGANIZER),
            janitor,
            threads: Mutex::default(),
        })
    }

    /// Begins nothing new, lets what is in flight finish for four seconds, and puts on disk what came of it. What was
    /// broken off is sent again at the next start.
    pub async fn stop(&self) {
        for thread in 0..self.context.inboxes.len() {
            self.context.inboxes.get(thread).send(Command::Stop);
        }
        self.janitor.stop();
        let (sending, rest, loading) = {
            let mut threads = self.threads.lock();
            let rest = [threads.committing.take(), threads.tidying.take()];
            let sending = std::mem::take(&mut threads.sending);
            (sending, rest, threads.loading.take())
        };
        let committer = self.context.committer.clone();
        let registry = self.context.registry.clone();
        let joined = spawn_blocking(move || {
            // A thread that panicked has said so; the store has what it needs.
            for thread in sending {
                let _ = thread.join();
            }
            committer.close();
            for thread in rest.into_iter().flatten() {
                let _ = thread.join();
            }
            registry.stop();
            if let Some(thread) = loading {
                let _ = thread.join();
            }
        });
        if joined.await.is_err() {
            tracing::error!("the engine did not stop cleanly");
        }
        for thread in 0..self.context.inboxes.len() {
            self.context.inboxes.get(thread).close();
        }
    }

    /// The store, for reading, and for changing the registry.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.context.store
    }

    /// The clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.context.clock
    }

    /// The newest snapshot in memory: for the hot path.
    pub fn registry(&self) -> Arc<RegistrySnapshot> {
        self.context.registry.current()
    }

    /// The registry as it is in the store now, whoever changed it: before reading settings, and after changing them.
    /// Takes microseconds when nothing changed.
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

    /// Publishes, all or nothing. Answers once it is on disk. With a `token`, only if that is still active at the commit.
    ///
    /// # Errors
    /// [`PublishError`] says what is wrong where, or that the store cannot take it.
    pub async fn publish(
        &self,
        tenant: &OrganizerSnapshot,
        token: Option<TokenHash>,
        requests: Vec<PublishRequest>,
    ) -> Result<Vec<Published>, PublishError> {
        let registry = self.registry();
        let newest = registry.organizer_by_id(tenant.organizer.id);
        let tenant = newest.as_deref().unwrap_or(tenant);
        // It may have been switched off since whoever asked was let in; a later change is found at the commit.
        if token.is_some_and(|hash| registry.token(&hash).is_none_or(|token| !token.active)) {
            return Err(PublishError::TokenInactive);
        }
        let group = publisher::prepare(tenant, token, requests, self.now())?;
        self.context
            .committer
            .publish(group, registry.version())
            .await
    }

    /// What happens from now on. A slow watcher misses some, and is told.
    pub fn watch(&self) -> broadcast::Receiver<Arc<Activity>> {
        self.context.news.subscribe()
    }

    /// The text of `/metrics`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn metrics(&self) -> Result<String, StoreError> {
        let store = self.context.store.clone();
        let (backlog, oldest) = self
            .context
            .run_blocking(move || store.total_backlog())
            .await?;
        let age = oldest.map_or(Duration::ZERO, |at| {
            Duration::try_from(self.now().duration_since(at)).unwrap_or_default()
        });
        Ok(self.context.metrics.encode(backlog, age))
    }

    pub(super) fn now(&self) -> Timestamp {
        self.context.clock.now()
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name(format!("sonnette-{name}"))
        .spawn(work)
}

fn start_sending(
    context: Arc<EngineContext>,
    thread: usize,
    sender: Sender,
    waiting: Vec<WebhookId>,
) -> std::io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let rng = fastrand::Rng::new();
    spawn(&format!("send-{thread}"), move || {
        let local = tokio::task::LocalSet::new();
        let dispatcher = Dispatcher::new(context, thread, Box::new(sender), rng);
        local.block_on(&runtime, dispatcher.run(waiting));
        // Breaks off what is still in flight.
        drop(local);
        runtime.shutdown_background();
    })
}
