//! What a lane does now, and when it runs again.

use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::sleep;

use super::capacity::{LaneShares, Slot};
use super::inbox::Command;
use super::lane_entry::LaneEntry;
use super::{Dispatcher, MAX_QUEUED_BYTES};
use crate::domain::saturating_add;
use crate::engine::lane::{LaneAction, PAGE_ROWS, SendOrder};
use crate::store::{Cursor, MAX_BATCH_ROWS, Settlement};

/// Deliveries that a lane loads at a time while the queues of the thread are full.
const MIN_PAGE_ROWS: usize = 16;
/// How often a task checks whether a settlement is on disk.
const COMMIT_POLL_INTERVAL: Duration = Duration::from_millis(5);
/// The wait while too many settlements are queued.
const OVERFULL_DELAY: Duration = Duration::from_millis(50);

impl Dispatcher {
    /// Does what a lane can do now, with a task for each request.
    pub(super) fn run_lane(self: &Rc<Self>, entry: &Rc<LaneEntry>) {
        while let Some((order, slot)) = self.next_send(entry) {
            self.spawn(self.clone().send_until_idle(entry.clone(), order, slot));
        }
    }

    /// The next request of a lane, and its room. None: the lane has none now, and whatever lets it run again has been
    /// arranged.
    pub(super) fn next_send(self: &Rc<Self>, entry: &Rc<LaneEntry>) -> Option<(SendOrder, Slot)> {
        if self.stopping.get() {
            return None;
        }
        loop {
            let slot = self.acquire_slot(entry)?;
            let now = self.now();
            if self.context.committer.is_overfull() {
                self.set_timer(entry, saturating_add(now, OVERFULL_DELAY));
                return None;
            }
            // In this order: the registry knows of everything that is committed, above all of disabled webhooks.
            let committed = self.context.committer.committed();
            let current = self.refresh(entry);
            match self.with_lane(entry, |lane| {
                lane.next_action(&current.webhook, now, committed)
            })? {
                LaneAction::Send(order) => {
                    self.context.metrics.in_flight(true);
                    return Some((order, slot));
                }
                LaneAction::Expire(notification) => {
                    let policy = current.policy.failures;
                    let generation = current.webhook.generation;
                    let expired = Settlement::expired(entry.id, generation, notification, policy);
                    self.settle(entry, notification, expired);
                }
                LaneAction::Load(after, limit) => {
                    let has_room = self.queued_bytes.get() < MAX_QUEUED_BYTES;
                    let limit = if has_room {
                        limit
                    } else {
                        limit.saturating_sub(PAGE_ROWS) + MIN_PAGE_ROWS
                    };
                    self.spawn(self.clone().load(entry.clone(), now, after, limit));
                }
                LaneAction::SleepUntil(until) => {
                    self.set_timer(entry, until);
                    return None;
                }
                LaneAction::Idle => return None,
            }
        }
    }

    fn acquire_slot(&self, entry: &Rc<LaneEntry>) -> Option<Slot> {
        let is_responsive = self.with_lane(entry, |lane| lane.is_responsive())?;
        let shares = entry.shares.borrow().clone();
        shares.acquire(entry, is_responsive)
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
            Ok(page) => lane.loaded(page, now),
            Err(error) => {
                tracing::warn!(webhook.id = webhook.0, %error, "webhook {webhook}: its deliveries could not be loaded: {error}");
                lane.load_failed(now);
            }
        });
        self.run_lane(&entry);
    }

    /// Frees the room of a request that has ended, for the lanes that wait for it: one request each, in turn.
    pub(super) fn free_slot(self: &Rc<Self>, slot: Slot) {
        let freed: LaneShares = slot.shares.clone();
        drop(slot);
        self.context.metrics.in_flight(false);
        while let Some(entry) = self.capacity.next_lane(&freed) {
            entry.awaits_capacity.set(false);
            let Some((order, slot)) = self.next_send(&entry) else {
                continue;
            };
            self.spawn(self.clone().send_until_idle(entry.clone(), order, slot));
            let is_responsive = self.with_lane(&entry, |lane| lane.is_responsive());
            let shares = entry.shares.borrow().clone();
            if !shares.yield_turn(&entry, is_responsive == Some(true)) {
                self.run_lane(&entry);
            }
        }
    }

    /// Makes all pending deliveries of a lane due, so that they are sent in order as soon as the lane recovers.
    ///
    /// Settlements before `number` may still schedule deliveries for later: they must be on disk first.
    pub(super) async fn make_all_due(self: Rc<Self>, entry: Rc<LaneEntry>, number: u64) {
        while self.context.committer.committed() < number {
            sleep(COMMIT_POLL_INTERVAL).await;
        }
        let webhook = entry.id;
        let result = self
            .blocking(move |context| {
                while context
                    .store
                    .schedule_now(webhook, context.clock.now(), None)?
                    == MAX_BATCH_ROWS
                {}
                Ok(())
            })
            .await;
        if let Err(error) = result {
            tracing::warn!(webhook.id = webhook.0, %error, "webhook {webhook}: its deliveries stay scheduled: {error}");
        }
        let reload = Command::ReloadLane {
            webhook,
            probe_now: false,
        };
        self.execute(reload, webhook);
    }
}
