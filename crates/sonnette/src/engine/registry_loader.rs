//! Keeps the registry in memory in step with the store.
//!
//! Async threads never wait for the store: they ask the loader's thread ([`RegistryLoader::refresh`]). All who ask before
//! it begins to read share one read of the version and, if the version has changed, one load of what has changed.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::{Condvar, Mutex, RwLock};
use tokio::sync::{broadcast, oneshot};

use super::dispatcher::inbox::Inboxes;
use super::registry_snapshot::RegistrySnapshot;
use super::{Activity, LaneState};
use crate::domain::{WebhookId, WebhookState};
use crate::store::{RegistryStore, StoreError};

/// The newest snapshot, and the thread that replaces it.
pub(crate) struct RegistryLoader {
    store: Arc<dyn RegistryStore + Send + Sync>,
    inboxes: Inboxes,
    activity: broadcast::Sender<Arc<Activity>>,
    /// Locked only to clone or to replace the pointer.
    current: RwLock<Arc<RegistrySnapshot>>,
    /// The version of `current`.
    version: AtomicI64,
    /// Held while the store is read. No async thread takes it.
    loading: Mutex<()>,
    requests: Mutex<Requests>,
    requested: Condvar,
}

#[derive(Default)]
struct Requests {
    waiters: Vec<Waiter>,
    stopped: bool,
}

type Waiter = oneshot::Sender<Result<Arc<RegistrySnapshot>, StoreError>>;

impl RegistryLoader {
    /// Loads the whole registry.
    pub(crate) fn new(
        store: Arc<dyn RegistryStore + Send + Sync>,
        inboxes: Inboxes,
        activity: broadcast::Sender<Arc<Activity>>,
    ) -> Result<Self, StoreError> {
        let registry = RegistrySnapshot::read(&*store)?;
        Ok(Self {
            store,
            inboxes,
            activity,
            version: AtomicI64::new(registry.version()),
            current: RwLock::new(Arc::new(registry)),
            loading: Mutex::new(()),
            requests: Mutex::default(),
            requested: Condvar::new(),
        })
    }

    /// The version of the newest snapshot in memory.
    pub(crate) fn version(&self) -> i64 {
        self.version.load(Ordering::Acquire)
    }

    /// The newest snapshot in memory.
    pub(crate) fn current(&self) -> Arc<RegistrySnapshot> {
        self.current.read().clone()
    }

    /// The registry as it is in the store now, whoever changed it. The loader's thread reads it; none: it has stopped.
    pub(crate) async fn refresh(&self) -> Option<Result<Arc<RegistrySnapshot>, StoreError>> {
        let (waiter, answer) = oneshot::channel();
        {
            let mut requests = self.requests.lock();
            if requests.stopped {
                return None;
            }
            requests.waiters.push(waiter);
        }
        self.requested.notify_one();
        answer.await.ok()
    }

    /// The registry as it is in the store now. Reads it on this thread, which may block.
    pub(crate) fn refresh_blocking(&self) -> Result<Arc<RegistrySnapshot>, StoreError> {
        let _loading = self.loading.lock();
        let before = self.current();
        if self.store.version()? == before.version() {
            return Ok(before);
        }
        let changes = self.store.load(before.version())?;
        let (after, webhooks) = before.with_changes(changes);
        let after = Arc::new(after);
        // The replaced snapshot is dropped after the lock is released.
        let replaced = std::mem::replace(&mut *self.current.write(), after.clone());
        drop(replaced);
        self.version.store(after.version(), Ordering::Release);
        self.inboxes.send_changes(&webhooks);
        self.broadcast_webhook_states(&before, &after, &webhooks);
        Ok(after)
    }

    /// The body of the thread. When it ends, also by a panic, nobody waits for it any longer.
    pub(crate) fn run(&self) {
        let _stopped = StopOnDrop(self);
        while self.wait_for_request() {
            self.run_once();
        }
    }

    /// Answers all who are waiting, with one read.
    pub(crate) fn run_once(&self) {
        let waiters = std::mem::take(&mut self.requests.lock().waiters);
        if waiters.is_empty() {
            return;
        }
        let result = self.refresh_blocking();
        for waiter in waiters {
            // A client that has disconnected waits no more.
            let _ = waiter.send(result.clone());
        }
    }

    /// Refuses further requests; [`RegistryLoader::run`] returns once those that wait are answered.
    pub(crate) fn stop(&self) {
        self.requests.lock().stopped = true;
        self.requested.notify_one();
    }

    /// False: stopped, and nobody is waiting.
    fn wait_for_request(&self) -> bool {
        let mut requests = self.requests.lock();
        while requests.waiters.is_empty() && !requests.stopped {
            self.requested.wait(&mut requests);
        }
        !requests.waiters.is_empty()
    }

    /// Tells watchers which webhooks were enabled or disabled, by whomever.
    fn broadcast_webhook_states(
        &self,
        before: &RegistrySnapshot,
        after: &RegistrySnapshot,
        changed: &[WebhookId],
    ) {
        if self.activity.receiver_count() == 0 {
            return;
        }
        for id in changed {
            let (Some(old), Some(new)) = (before.webhook(*id), after.webhook(*id)) else {
                continue;
            };
            let state = match (&old.state, &new.state) {
                (WebhookState::Enabled, WebhookState::Disabled(disabled)) => {
                    LaneState::Disabled(disabled.reason)
                }
                (WebhookState::Disabled(_), WebhookState::Enabled) => LaneState::Healthy,
                _ => continue,
            };
            let (organizer, webhook) = (new.organizer, *id);
            // The last watcher may have left just now.
            let _ = self.activity.send(Arc::new(Activity::Lane {
                organizer,
                webhook,
                state,
            }));
        }
    }
}

/// Answers those who wait for a loader that has ended.
struct StopOnDrop<'a>(&'a RegistryLoader);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.stop();
        self.0.requests.lock().waiters.clear();
    }
}
