//! What a lane does now, and when it runs again.

use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::sleep;

use super::concurrency_limits::{ConcurrencyLimits, RequestPermit};
use super::inbox::LaneCommand;
use super::lane_entry::LaneEntry;
use super::{Dispatcher, MAX_QUEUED_BYTES, SWEEP_INTERVAL};
use crate::domain::saturating_add;
use crate::engine::lane::{Lane, LaneAction, PAGE_ROWS, ProbeCandidates, SendOrder};
use crate::store::{Cursor, MAX_BATCH_ROWS, Settlement};

/// Deliveries that a lane loads at a time while the queues of the thread are full.
const MIN_PAGE_ROWS: usize = 16;
/// How often a task checks whether a settlement is on disk.
const COMMIT_POLL_INTERVAL: Duration = Duration::from_millis(5);
/// The wait while too many settlements are queued.
const SETTLEMENT_BACKLOG_DELAY: Duration = Duration::from_millis(50);

/// How many of the rows that a lane asks for it may load, while all queues of the thread have so many bytes.
pub(super) fn page_rows(rows: usize, queued_bytes: usize) -> usize {
    if queued_bytes < MAX_QUEUED_BYTES {
        rows
    } else {
        rows.saturating_sub(PAGE_ROWS) + MIN_PAGE_ROWS
    }
}

impl Dispatcher {
    /// Does what a lane can do now, with a task for each request.
    pub(super) fn run_lane(self: &Rc<Self>, entry: &Rc<LaneEntry>) {
        while let Some((order, permit)) = self.next_send(entry) {
            self.spawn(self.clone().send_until_idle(entry.clone(), order, permit));
        }
    }

    /// The next request of a lane, and its room. None: the lane has none now, and whatever lets it run again has been
    /// arranged.
    pub(super) fn next_send(
        self: &Rc<Self>,
        entry: &Rc<LaneEntry>,
    ) -> Option<(SendOrder, RequestPermit<LaneEntry>)> {
        if self.stopping.get() {
            return None;
        }
        loop {
            let permit = self.acquire_permit(entry)?;
            let reading = self.read_clock();
            let now = reading.now;
            if self.context.committer.has_settlement_backlog() {
                self.set_timer(entry, saturating_add(now, SETTLEMENT_BACKLOG_DELAY));
                return None;
            }
            // In this order: the registry knows of everything that is committed, above all of disabled webhooks.
            let committed = self.context.committer.last_committed_number();
            let current = self.refresh(entry);
            if current.is_held {
                self.with_lane(entry, Lane::clear_queue);
                return None;
            }
            match self.with_lane(entry, |lane| {
                lane.next_action(&current.webhook, reading, committed)
            })? {
                LaneAction::Send(order) => {
                    self.context.metrics.adjust_in_flight(true);
                    return Some((order, permit));
                }
                LaneAction::Expire(notification) => {
                    let policy = self.policy(&current, reading);
                    let generation = current.webhook.generation;
                    let expired = Settlement::expired(entry.id, generation, notification, policy);
                    self.settle(entry, notification, expired);
                }
                LaneAction::Load(after, limit) => {
                    let rows = page_rows(limit, self.queued_bytes.get());
                    self.spawn(self.clone().load(entry.clone(), now, after, rows));
                }
                LaneAction::LoadProbeCandidates(after, limit) => {
                    self.spawn(self.clone().load_probe_candidates(
                        entry.clone(),
                        now,
                        after,
                        limit,
                    ));
                }
                LaneAction::SleepUntil(until) => {
                    self.set_timer(entry, until);
                    return None;
                }
                LaneAction::Idle => return None,
            }
        }
    }

    fn acquire_permit(&self, entry: &Rc<LaneEntry>) -> Option<RequestPermit<LaneEntry>> {
        let is_responsive = self.with_lane(entry, |lane| lane.is_responsive())?;
        let limits = entry.limits.borrow().clone();
        limits.acquire(entry, is_responsive, &entry.awaits_permit)
    }

    /// Has the lane run at this time, and not at the time set before.
    fn set_timer(&self, entry: &LaneEntry, at: Timestamp) {
        let mut timers = self.timers.borrow_mut();
        if let Some(before) = entry.timer.replace(Some(at)) {
            timers.remove(&(before, entry.id));
        }
        timers.insert((at, entry.id));
    }

    /// Loads due deliveries of a lane.
    async fn load(
        self: Rc<Self>,
        entry: Rc<LaneEntry>,
        now: Timestamp,
        after: Option<Cursor>,
        limit: usize,
    ) {
        let webhook = entry.id;
        let page = self
            .blocking(move |context| context.store.due_deliveries(webhook, now, after, limit))
            .await;
        self.with_lane(&entry, |lane| match page {
            Ok(page) => lane.apply_page(page, now),
            Err(error) => {
                tracing::warn!(webhook.id = webhook.0, %error, "webhook {webhook}: its deliveries could not be loaded: {error}");
                lane.apply_load_failure(now);
            }
        });
        self.run_lane(&entry);
    }

    /// Loads the deliveries that the next probe of a lane may send.
    async fn load_probe_candidates(
        self: Rc<Self>,
        entry: Rc<LaneEntry>,
        now: Timestamp,
        after: Option<Cursor>,
        limit: usize,
    ) {
        let webhook = entry.id;
        let candidates = self
            .blocking(move |context| {
                let store = &context.store;
                Ok(ProbeCandidates {
                    next: store.due_deliveries(webhook, now, after, limit)?,
                    newest: store.newest_due_deliveries(webhook, now, limit)?,
                })
            })
            .await;
        self.with_lane(&entry, |lane| match candidates {
            Ok(candidates) => lane.probe_candidates_loaded(candidates, now),
            Err(error) => {
                tracing::warn!(webhook.id = webhook.0, %error, "webhook {webhook}: its deliveries could not be loaded: {error}");
                lane.apply_load_failure(now);
            }
        });
        self.run_lane(&entry);
    }

    /// Frees the room of a request that has ended, for the lanes that wait for it: one request each, in turn.
    pub(super) fn release_permit(self: &Rc<Self>, permit: RequestPermit<LaneEntry>) {
        let freed = permit.limits.clone();
        drop(permit);
        self.context.metrics.adjust_in_flight(false);
        while let Some(entry) = ConcurrencyLimits::next_lane(&freed) {
            entry.awaits_permit.set(false);
            let Some((order, permit)) = self.next_send(&entry) else {
                continue;
            };
            self.spawn(self.clone().send_until_idle(entry.clone(), order, permit));
            let is_responsive = self.with_lane(&entry, |lane| lane.is_responsive());
            let limits = entry.limits.borrow().clone();
            let is_waiting = &entry.awaits_permit;
            if !limits.yield_turn(&entry, is_responsive == Some(true), is_waiting) {
                self.run_lane(&entry);
            }
        }
    }

    /// Has no delivery of a lane wait longer than its step of the schedule, after the clock was set back.
    pub(super) async fn cap_due_times(self: Rc<Self>, entry: Rc<LaneEntry>) {
        let webhook = entry.id;
        while let Err(error) = self
            .blocking(move |context| {
                let now = context.clock.now();
                while context.store.cap_due_times(webhook, now)? == MAX_BATCH_ROWS {}
                Ok(())
            })
            .await
        {
            tracing::warn!(webhook.id = webhook.0, %error, "webhook {webhook}: its deliveries may wait too long: {error}");
            sleep(SWEEP_INTERVAL).await;
        }
        self.with_lane(&entry, Lane::forget_next_due);
        self.run_lane(&entry);
    }

    /// Makes all pending deliveries of a lane due, so that they are sent in order as soon as the lane recovers.
    ///
    /// Settlements before `number` may still schedule deliveries for later: they must be on disk first.
    pub(super) async fn expedite_lane(self: Rc<Self>, entry: Rc<LaneEntry>, number: u64) {
        while self.context.committer.last_committed_number() < number {
            sleep(COMMIT_POLL_INTERVAL).await;
        }
        let webhook = entry.id;
        let result = self
            .blocking(move |context| {
                while context
                    .store
                    .expedite_pending(webhook, context.clock.now(), None)?
                    == MAX_BATCH_ROWS
                {}
                Ok(())
            })
            .await;
        if let Err(error) = result {
            tracing::warn!(webhook.id = webhook.0, %error, "webhook {webhook}: its deliveries stay scheduled: {error}");
        }
        let reload = LaneCommand::ReloadLane {
            webhook,
            probe_now: false,
        };
        self.execute(reload, webhook);
    }
}
