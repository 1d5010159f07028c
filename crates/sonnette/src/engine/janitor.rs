//! Periodic work: copying the write-ahead log, giving up expired deliveries, removing old rows.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use parking_lot::{Condvar, Mutex};

use super::EngineContext;
use crate::domain::{ClockReading, FailurePolicy, TrustedTime, WebhookId};
use crate::store::{MAX_BATCH_ROWS, StoreError};

const CHECKPOINT_INTERVAL: Duration = Duration::from_millis(100);
const EXPIRE_INTERVAL: Duration = Duration::from_mins(1);
const PRUNE_INTERVAL: Duration = Duration::from_mins(10);
/// The pause between two transactions, in which publications are committed.
const BATCH_PAUSE: Duration = Duration::from_millis(5);

/// The thread for periodic work.
pub(crate) struct Janitor {
    context: Arc<EngineContext>,
    log_kept: Duration,
    trusted_time: Mutex<TrustedTime>,
    /// Since when the trusted time has been before the recorded one.
    behind_since: Mutex<Option<Instant>>,
    stopped: Mutex<bool>,
    wake: Condvar,
}

impl Janitor {
    pub(crate) fn new(context: &Arc<EngineContext>, log_kept: Duration) -> Self {
        Self {
            context: context.clone(),
            log_kept,
            trusted_time: Mutex::new(context.trusted_time),
            behind_since: Mutex::default(),
            stopped: Mutex::new(false),
            wake: Condvar::new(),
        }
    }

    /// The body of the thread.
    pub(crate) fn run(&self) {
        let (mut expired, mut pruned) = (None::<Instant>, None::<Instant>);
        while !self.pause(CHECKPOINT_INTERVAL) {
            self.context.store.checkpoint();
            // A jump of the clock is noticed when it happens.
            self.read_clock();
            if expired.is_none_or(|at| at.elapsed() >= EXPIRE_INTERVAL) {
                expired = Some(self.context.clock.instant());
                log_error("expired deliveries could not be given up", self.expire());
                log_error("the time could not be recorded", self.record_time());
            }
            if pruned.is_none_or(|at| at.elapsed() >= PRUNE_INTERVAL) {
                pruned = Some(self.context.clock.instant());
                log_error("old rows could not be removed", self.prune());
            }
        }
        log_error("the time could not be recorded", self.record_time());
        self.context.store.checkpoint();
    }

    /// Records the trusted time, for the next start and for what must not seem old later. It is set back only after the
    /// clock has been back for a while.
    fn record_time(&self) -> Result<(), StoreError> {
        let trusted = self.read_clock().trusted;
        let instant = self.context.clock.instant();
        let recorded = self.context.store.trusted_time()?;
        let mut behind_since = self.behind_since.lock();
        if recorded.is_some_and(|recorded| trusted < recorded) {
            let since = *behind_since.get_or_insert(instant);
            if instant.saturating_duration_since(since) < TrustedTime::CONFIRMATION_TIME {
                return Ok(());
            }
        }
        *behind_since = None;
        self.context.store.record_trusted_time(trusted)
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

    pub(super) fn read_clock(&self) -> ClockReading {
        let clock = &self.context.clock;
        self.trusted_time.lock().read(clock.now(), clock.instant())
    }

    pub(super) fn expire(&self) -> Result<(), StoreError> {
        // While the clock is ahead, nothing expires.
        let now = self.read_clock().trusted;
        let registry = self.context.registry.current();
        for webhook in self.context.store.lanes_with_pending_deliveries()? {
            // Lifetimes end later after a hold.
            if registry.is_webhook_held(webhook) {
                continue;
            }
            if registry.webhook(webhook).is_some_and(|w| !w.is_enabled()) {
                // Deliveries of a disabled webhook are held, that is, not scheduled. Scheduled, the expired ones are found.
                while self.context.store.expedite_pending(webhook, now, None)? == MAX_BATCH_ROWS {
                    if self.pause(BATCH_PAUSE) {
                        return Ok(());
                    }
                }
            }
            let mut expired = self.context.store.expire_deliveries(webhook, now)?;
            let has_expired = expired > 0;
            while expired == MAX_BATCH_ROWS {
                if self.pause(BATCH_PAUSE) {
                    return Ok(());
                }
                expired = self.context.store.expire_deliveries(webhook, now)?;
            }
            if has_expired
                && self.can_be_disabled(webhook)
                && self.context.store.disable_never_succeeded(webhook, now)?
            {
                self.context.registry.refresh_blocking()?;
            }
        }
        Ok(())
    }

    /// Whether failures disable this webhook now.
    fn can_be_disabled(&self, webhook: WebhookId) -> bool {
        !self.context.hosts.has_outage()
            && self.context.registry.current().failure_policy(webhook) != FailurePolicy::Never
    }

    pub(super) fn prune(&self) -> Result<(), StoreError> {
        let now = self.read_clock().trusted;
        let before = now.saturating_sub(self.log_kept).unwrap_or(Timestamp::MIN);
        while self.context.store.prune(before, now)? {
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
