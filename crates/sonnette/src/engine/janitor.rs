//! Periodic work: copying the write-ahead log, giving up expired deliveries, removing old rows.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use parking_lot::{Condvar, Mutex};

use super::EngineContext;
use super::registry_loader::RegistryLoader;
use crate::clock::Clock;
use crate::domain::{FailurePolicy, WebhookId};
use crate::store::{MAX_BATCH_ROWS, Store, StoreError};

const CHECKPOINT_INTERVAL: Duration = Duration::from_millis(100);
const EXPIRE_INTERVAL: Duration = Duration::from_mins(1);
const PRUNE_INTERVAL: Duration = Duration::from_mins(10);
/// The pause between two transactions, in which publications are committed.
const BATCH_PAUSE: Duration = Duration::from_millis(5);

/// The thread for periodic work.
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

    /// The body of the thread.
    pub(crate) fn run(&self) {
        let (mut expired, mut pruned) = (None::<Instant>, None::<Instant>);
        while !self.pause(CHECKPOINT_INTERVAL) {
            self.store.checkpoint();
            if expired.is_none_or(|at| at.elapsed() >= EXPIRE_INTERVAL) {
                expired = Some(self.clock.instant());
                log_error("expired deliveries could not be given up", self.expire());
            }
            if pruned.is_none_or(|at| at.elapsed() >= PRUNE_INTERVAL) {
                pruned = Some(self.clock.instant());
                log_error("old rows could not be removed", self.prune());
            }
        }
        self.store.checkpoint();
    }

    pub(crate) fn stop(&self) {
        *self.stopped.lock() = true;
        self.wake.notify_one();
    }

    /// Waits. True if the thread must stop.
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
                // Deliveries of a disabled webhook are held, that is, not scheduled. Scheduled, the expired ones are found.
                while self.store.schedule_now(webhook, self.clock.now(), None)? == MAX_BATCH_ROWS {
                    if self.pause(BATCH_PAUSE) {
                        return Ok(());
                    }
                }
            }
            let mut expired = self.store.expire_deliveries(webhook, self.clock.now())?;
            let has_expired = expired > 0;
            while expired == MAX_BATCH_ROWS {
                if self.pause(BATCH_PAUSE) {
                    return Ok(());
                }
                expired = self.store.expire_deliveries(webhook, self.clock.now())?;
            }
            if has_expired
                && self.can_be_disabled(webhook)
                && self
                    .store
                    .disable_never_succeeded(webhook, self.clock.now())?
            {
                self.registry.refresh_blocking()?;
            }
        }
        Ok(())
    }

    /// Whether failures disable this webhook.
    fn can_be_disabled(&self, webhook: WebhookId) -> bool {
        self.registry.current().failure_policy(webhook) != FailurePolicy::Never
    }

    pub(super) fn prune(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let before = now.saturating_sub(self.log_kept).unwrap_or(Timestamp::MIN);
        while self.store.prune(before, now)? {
            if self.pause(BATCH_PAUSE) {
                break;
            }
        }
        Ok(())
    }
}

fn log_error(failed: &str, result: Result<(), StoreError>) {
    if let Err(error) = result {
        tracing::warn!(%error, "{failed}: {error}");
    }
}
