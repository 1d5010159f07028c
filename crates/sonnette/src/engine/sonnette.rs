//! The engine as its user sees it.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::{broadcast, oneshot};
use tokio::task::spawn_blocking;

use super::committer::Committer;
use super::dispatcher::Dispatcher;
use super::inbox::{Inboxes, Message};
use super::janitor::Janitor;
use super::metrics::Metrics;
use super::registry::RegistryCache;
use super::sender::Sender;
use super::{
    Activity, ControlError, KeyedSemaphore, Options, OrganizerSnapshot, PublishError,
    PublishRequest, Published, RegistrySnapshot, Shared, StartError, publisher,
};
use crate::clock::Clock;
use crate::domain::{Delivery, NotificationId, OrganizerId, TokenHash, WebhookId};
use crate::store::{DeliveryStateFilter, MAX_BATCH_ROWS, Store, StoreError, TimeRange};

/// Webhooks not saved that may be tried out at a time.
const TRY_OUTS: usize = 8;
/// Those of one organizer.
const OWN_TRY_OUTS: usize = 2;

/// News that a slow watcher may fall behind by.
const NEWS: usize = 4_096;

/// The engine: publishes, sends, and lets people look and mend.
pub struct Sonnette {
    pub(super) shared: Arc<Shared>,
    pub(super) try_outs: KeyedSemaphore<OrganizerId>,
    janitor: Arc<Janitor>,
    threads: Mutex<Threads>,
}

struct Threads {
    sending: Vec<JoinHandle<()>>,
    committing: Option<JoinHandle<()>>,
    tidying: Option<JoinHandle<()>>,
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
        let Options {
            sender: sending_as,
            log_kept,
            alerts,
            sending_threads,
        } = options;
        let inboxes = Inboxes::new(sending_threads);
        let (news, _) = broadcast::channel(NEWS);
        let registry = RegistryCache::load(store.clone(), inboxes.clone(), news.clone())?;
        let registry = Arc::new(registry);
        let metrics = Arc::new(Metrics::new());
        let committer = Arc::new(Committer::new(
            store.clone(),
            registry.clone(),
            inboxes.clone(),
            clock.clone(),
            news.clone(),
            metrics.clone(),
        ));
        let shared = Arc::new(Shared {
            store,
            clock,
            registry,
            committer,
            inboxes,
            metrics,
            news,
            alerts,
        });
        let janitor = Arc::new(Janitor::new(&shared, log_kept));
        let waiting = shared.store.lanes_with_pending_deliveries()?;
        let mut sending = Vec::new();
        for thread in 0..shared.inboxes.len() {
            let own = waiting
                .iter()
                .copied()
                .filter(|w| shared.inboxes.thread_of(*w) == thread)
                .collect();
            let sender = Sender::new(sending_as.clone(), shared.clock.clone())?;
            sending.push(start_sending(shared.clone(), thread, sender, own)?);
        }
        let committing = {
            let committer = shared.committer.clone();
            spawn("commit", move || committer.run())?
        };
        let tidying = {
            let janitor = janitor.clone();
            spawn("janitor", move || janitor.run())?
        };
        let threads = Mutex::new(Threads {
            sending,
            committing: Some(committing),
            tidying: Some(tidying),
        });
        Ok(Arc::new(Self {
            shared,
            try_outs: KeyedSemaphore::new(TRY_OUTS, OWN_TRY_OUTS),
            janitor,
            threads,
        }))
    }

    /// Begins nothing new, lets what is in flight finish for four seconds, and puts on disk what came of it. What was
    /// broken off is sent again at the next start.
    pub async fn stop(&self) {
        for thread in 0..self.shared.inboxes.len() {
            self.shared.inboxes.get(thread).send(Message::Stop);
        }
        self.janitor.stop();
        let (sending, rest) = {
            let mut threads = self.threads.lock();
            let rest = [threads.committing.take(), threads.tidying.take()];
            (std::mem::take(&mut threads.sending), rest)
        };
        let committer = self.shared.committer.clone();
        let joined = spawn_blocking(move || {
            // A thread that panicked has said so; the store has what it needs.
            for thread in sending {
                let _ = thread.join();
            }
            committer.close();
            for thread in rest.into_iter().flatten() {
                let _ = thread.join();
            }
        });
        if joined.await.is_err() {
            tracing::error!("the engine did not stop cleanly");
        }
        for thread in 0..self.shared.inboxes.len() {
            self.shared.inboxes.get(thread).close();
        }
    }

    /// The store, for reading, and for changing the registry.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.shared.store
    }

    /// The clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.shared.clock
    }

    /// The newest snapshot in memory: for the hot path.
    pub fn registry(&self) -> Arc<RegistrySnapshot> {
        self.shared.registry.current()
    }

    /// The registry as it is in the store now, whoever changed it: before reading settings, and after changing them.
    /// Takes microseconds when nothing changed.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn refresh(&self) -> Result<Arc<RegistrySnapshot>, StoreError> {
        let before = self.shared.registry.version();
        let registry = self.shared.registry.refresh()?;
        if registry.version() != before {
            self.shared.committer.nudge();
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
        let tenant = registry
            .organizer_by_id(tenant.organizer.id)
            .map_or(tenant, |newest| &**newest);
        // It may have been switched off since whoever asked was let in; a later change is found at the commit.
        if token.is_some_and(|hash| registry.token(&hash).is_none_or(|token| !token.active)) {
            return Err(PublishError::TokenInactive);
        }
        let group = publisher::prepare(tenant, token, requests, self.now())?;
        self.shared
            .committer
            .publish(group, registry.version())
            .await
    }

    /// Sends one delivery now, whatever its state; a settled one gets a fresh schedule and three days.
    ///
    /// # Errors
    /// [`ControlError::Missing`], [`ControlError::Disabled`] or [`ControlError::Erased`].
    pub async fn resend(
        &self,
        webhook: WebhookId,
        notification: NotificationId,
    ) -> Result<Delivery, ControlError> {
        self.require_enabled(webhook)?;
        let now = self.now();
        let store = self.shared.store.clone();
        let (waiting, delivery) = blocking(move || {
            let waiting = store.resend(webhook, notification, now)?;
            Ok((waiting, store.delivery(webhook, notification)?))
        })
        .await?;
        let delivery = delivery.ok_or(ControlError::Missing)?;
        let waiting = waiting.ok_or(ControlError::Erased)?;
        self.shared
            .inboxes
            .of(webhook)
            .send(Message::Hurry(webhook, waiting));
        Ok(delivery)
    }

    /// Sends again what was not delivered of the notifications published in `span`; how many. With `dry_run` it only
    /// counts.
    ///
    /// # Errors
    /// [`ControlError::Missing`] or [`ControlError::Disabled`].
    pub async fn resend_undelivered(
        &self,
        webhook: WebhookId,
        span: TimeRange,
        only: Option<DeliveryStateFilter>,
        dry_run: bool,
    ) -> Result<u64, ControlError> {
        self.require_enabled(webhook)?;
        let (store, now) = (self.shared.store.clone(), self.now());
        let count = blocking(move || {
            let (mut count, mut after) = (0, None);
            loop {
                let (found, next) =
                    store.resend_undelivered(webhook, span, only, after, now, dry_run)?;
                count += found;
                after = next;
                if after.is_none() {
                    return Ok(count);
                }
            }
        })
        .await?;
        if !dry_run {
            self.look(webhook, false);
        }
        Ok(count)
    }

    /// Makes everything that waits due now; how many. A failing lane looks at its receiver at once, and the rest follows
    /// its success.
    ///
    /// # Errors
    /// [`ControlError::Missing`] or [`ControlError::Disabled`].
    pub async fn expedite(&self, webhook: WebhookId) -> Result<u64, ControlError> {
        self.require_enabled(webhook)?;
        let (store, now) = (self.shared.store.clone(), self.now());
        let count = blocking(move || {
            let (count, _) = store.backlog(webhook)?;
            while store.schedule_now(webhook, now)? == MAX_BATCH_ROWS {}
            Ok(count)
        })
        .await?;
        self.look(webhook, true);
        Ok(count)
    }

    /// Drops everything that waits, and nothing else; how many. Once it answers nothing of it is sent any more, but for
    /// what was in flight.
    ///
    /// # Errors
    /// [`ControlError::Missing`]; [`ControlError::Stopping`].
    pub async fn drop_waiting(&self, webhook: WebhookId) -> Result<u64, ControlError> {
        self.refresh()?
            .webhook(webhook)
            .ok_or(ControlError::Missing)?;
        let (paused, pause) = oneshot::channel();
        let inbox = self.shared.inboxes.of(webhook);
        inbox.send(Message::Pause(webhook, paused));
        // Whoever asked may go away at any moment; the lane goes on all the same.
        let resume = Resume {
            inboxes: self.shared.inboxes.clone(),
            webhook,
            through: NotificationId(0),
        };
        pause.await.map_err(|_| ControlError::Stopping)?;
        let (store, now) = (self.shared.store.clone(), self.now());
        Ok(blocking(move || {
            // The whole of it, not just the part that is set.
            let mut resume = resume;
            let mut count = 0;
            loop {
                let dropped = store.drop_pending(webhook, now, "dropped by hand")?;
                count += dropped as u64;
                if dropped < MAX_BATCH_ROWS {
                    resume.through = store.newest_notification_id()?;
                    return Ok(count);
                }
            }
        })
        .await?)
    }

    /// Owes a notification again to the enabled webhooks that match now, whatever came of it before; how many.
    ///
    /// # Errors
    /// [`ControlError::Missing`] or [`ControlError::Erased`].
    pub async fn replay(
        &self,
        tenant: &Arc<OrganizerSnapshot>,
        notification: NotificationId,
    ) -> Result<usize, ControlError> {
        let (store, now, tenant) = (self.shared.store.clone(), self.now(), tenant.clone());
        let webhooks = blocking(move || {
            let Some(entry) = store.notification(tenant.organizer.id, notification)? else {
                return Ok(None);
            };
            let what = &entry.notification;
            if what.body.is_empty() {
                return Ok(Some(None));
            }
            let (action, event) = (what.action_type.as_str(), what.event.as_ref());
            let told = publisher::told(&tenant, action, event, entry.audience);
            store.replay(notification, &told, now)?;
            Ok(Some(Some(told)))
        })
        .await?
        .ok_or(ControlError::Missing)?
        .ok_or(ControlError::Erased)?;
        for webhook in &webhooks {
            self.look(*webhook, false);
        }
        Ok(webhooks.len())
    }

    /// What happens from now on. A slow watcher misses some, and is told.
    pub fn watch(&self) -> broadcast::Receiver<Arc<Activity>> {
        self.shared.news.subscribe()
    }

    /// The text of `/metrics`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn metrics(&self) -> Result<String, StoreError> {
        let store = self.shared.store.clone();
        let (backlog, oldest) = blocking(move || store.total_backlog()).await?;
        let age = oldest.map_or(Duration::ZERO, |at| {
            Duration::try_from(self.now().duration_since(at)).unwrap_or_default()
        });
        Ok(self.shared.metrics.encode(backlog, age))
    }

    fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    pub(super) fn look(&self, webhook: WebhookId, probe_now: bool) {
        self.shared
            .inboxes
            .of(webhook)
            .send(Message::Look { webhook, probe_now });
    }

    pub(super) fn require_enabled(&self, webhook: WebhookId) -> Result<(), ControlError> {
        match self.refresh()?.webhook(webhook) {
            None => Err(ControlError::Missing),
            Some(webhook) if !webhook.is_enabled() => Err(ControlError::Disabled),
            Some(_) => Ok(()),
        }
    }
}

/// Lets a paused lane go on once what waits in the store has been changed.
pub(super) struct Resume {
    pub(super) inboxes: Inboxes,
    pub(super) webhook: WebhookId,
    pub(super) through: NotificationId,
}

impl Drop for Resume {
    fn drop(&mut self) {
        self.inboxes
            .of(self.webhook)
            .send(Message::Resume(self.webhook, self.through));
    }
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(StoreError::Unavailable(error.to_string())))
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name(format!("sonnette-{name}"))
        .spawn(work)
}

fn start_sending(
    shared: Arc<Shared>,
    thread: usize,
    sender: Sender,
    waiting: Vec<WebhookId>,
) -> std::io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    spawn(&format!("send-{thread}"), move || {
        let local = tokio::task::LocalSet::new();
        let dispatcher = Dispatcher::new(shared, thread, sender);
        local.block_on(&runtime, dispatcher.run(waiting));
        // Breaks off what is still in flight.
        drop(local);
        runtime.shutdown_background();
    })
}
