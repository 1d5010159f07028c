//! What must happen now and then: the write-ahead log copied, the old removed, the expired given up.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::EngineContext;
use super::registry_loader::RegistryLoader;
use crate::clock::Clock;
use crate::domain::{FailurePolicy, WebhookId};
use crate::store::{MAX_BATCH_ROWS, Store, StoreError};

const TIDY: Duration = Duration::from_millis(100);
const EXPIRE: Duration = Duration::from_mins(1);
const PRUNE: Duration = Duration::from_mins(10);
/// Between two bites, so that publications go first.
const BREATH: Duration = Duration::from_millis(5);

/// A thread that can be told to stop, and nothing more.
pub(crate) struct Janitor {
    store: Arc<dyn Store>,
    registry: Arc<RegistryLoader>,
    clock: Arc<dyn Clock>,
    log_kept: Duration,
    stopped: Mutex<bool>,
    wake: Condvar,
}

impl Janitor {
    pub(crate) fn new(context: &EngineContext, log_kept: Duration) -> Self {
        Self {
            store: context.store.clone(),
            registry: context.registry.clone(),
            clock: context.clock.clone(),
            log_kept,
            stopped: Mutex::new(false),
            wake: Condvar::new(),
        }
    }

    /// The thread.
    pub(crate) fn run(&self) {
        let (mut expired, mut pruned) = (None::<Instant>, None::<Instant>);
        while !self.pause(TIDY) {
            self.store.checkpoint();
            if expired.is_none_or(|at| at.elapsed() >= EXPIRE) {
                expired = Some(Instant::now());
                warn("expired deliveries could not be given up", self.expire());
            }
            if pruned.is_none_or(|at| at.elapsed() >= PRUNE) {
                pruned = Some(Instant::now());
                warn("the old log could not be removed", self.prune());
            }
        }
        self.store.checkpoint();
    }

    pub(crate) fn stop(&self) {
        *self.stopped.lock() = true;
        self.wake.notify_one();
    }

    /// Waits; true when it is time to stop.
    fn pause(&self, time: Duration) -> bool {
        let mut stopped = self.stopped.lock();
        if !*stopped {
            self.wake.wait_for(&mut stopped, time);
        }
        *stopped
    }

    pub(super) fn expire(&self) -> Result<(), StoreError> {
        let registry = self.registry.current();
        for webhook in self.store.lanes_with_pending_deliveries()? {
            if registry.webhook(webhook).is_some_and(|w| !w.is_enabled()) {
                // What waits for one that is off is held: it has no time of its own, and is found here by its age.
                while self.store.schedule_now(webhook, self.clock.now())? == MAX_BATCH_ROWS {
                    if self.pause(BREATH) {
                        return Ok(());
                    }
                }
            }
            let mut expired = self.store.expire_deliveries(webhook, self.clock.now())?;
            let any = expired > 0;
            while expired == MAX_BATCH_ROWS {
                if self.pause(BREATH) {
                    return Ok(());
                }
                expired = self.store.expire_deliveries(webhook, self.clock.now())?;
            }
            if any
                && self.is_strict(webhook)
                && self
                    .store
                    .disable_never_succeeded(webhook, self.clock.now())?
            {
                self.registry.refresh_blocking()?;
            }
        }
        Ok(())
    }

    /// Whether failures switch this webhook off.
    fn is_strict(&self, webhook: WebhookId) -> bool {
        self.registry.current().failure_policy(webhook) != FailurePolicy::Never
    }

    pub(super) fn prune(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let before = now - self.log_kept;
        while self.store.prune(before, now)? {
            if self.pause(BREATH) {
                break;
            }
        }
        Ok(())
    }
}

fn warn(what: &'static str, result: Result<(), StoreError>) {
    if let Err(error) = result {
        tracing::warn!(%error, what);
    }
}
