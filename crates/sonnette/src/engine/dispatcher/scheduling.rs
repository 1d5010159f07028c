//! What a lane can do now, and what wakes it when it can do nothing.

use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::spawn_local;
use tokio::time::sleep;

use super::lane_entry::LaneEntry;
use super::{Dispatcher, MAX_QUEUED_BYTES};
use crate::engine::lane::{LaneAction, PAGE_ROWS, SendOrder};
use crate::store::{Cursor, MAX_BATCH_ROWS, Settlement};

/// Requests that one thread has under way at a time, over all lanes; beyond it lanes take turns.
const MAX_IN_FLIGHT: usize = 2_048;
/// Deliveries read at a time while memory is short.
const MIN_PAGE_ROWS: usize = 16;
/// How often it is looked whether a settlement is on disk.
const COMMIT_POLL_INTERVAL: Duration = Duration::from_millis(5);
/// The wait while settlements pile up before the store.
const OVERFULL_DELAY: Duration = Duration::from_millis(50);

impl Dispatcher {
    /// Lets a lane do what it can do now.
    pub(super) fn run_lane(self: &Rc<Self>, entry: &Rc<LaneEntry>) {
        while let Some(order) = self.next_send(entry) {
            spawn_local(self.clone().send_until_idle(entry.clone(), order));
        }
    }

    /// The lane's next order. None: it does nothing now, and what wakes it is arranged.
    pub(super) fn next_send(self: &Rc<Self>, entry: &Rc<LaneEntry>) -> Option<SendOrder> {
        if self.stopping.get() {
            return None;
        }
        loop {
            if self.in_flight.get() >= MAX_IN_FLIGHT {
                self.await_capacity(entry);
                return None;
            }
            let now = self.now();
            if self.context.committer.is_overfull() {
                self.set_timer(entry, now + OVERFULL_DELAY);
                return None;
            }
            // In this order: what is committed the registry knows, a switching off above all.
            let committed = self.context.committer.committed();
            let current = self.refresh(entry);
            match self.with_lane(entry, |lane| {
                lane.next_action(&current.webhook, now, committed)
            })? {
                LaneAction::Send(order) => {
                    self.in_flight.set(self.in_flight.get() + 1);
                    self.context.metrics.in_flight(true);
                    return Some(order);
                }
                LaneAction::Expire(notification) => {
                    let policy = current.policy.failures;
                    let generation = current.webhook.generation;
                    let expired = Settlement::expired(entry.id, generation, notification, policy);
                    self.settle(entry, notification, expired);
                }
                LaneAction::Load(after, limit) => {
                    let room = self.queued_bytes.get() < MAX_QUEUED_BYTES;
                    let limit = if room {
                        limit
                    } else {
                        limit.saturating_sub(PAGE_ROWS) + MIN_PAGE_ROWS
                    };
                    spawn_local(self.clone().load(entry.clone(), now, after, limit));
                }
                LaneAction::SleepUntil(until) => {
                    self.set_timer(entry, until);
                    return None;
                }
                LaneAction::Idle => return None,
            }
        }
    }

    pub(super) fn await_capacity(&self, entry: &Rc<LaneEntry>) {
        if !entry.awaits_capacity.replace(true) {
            self.capacity_queue.borrow_mut().push_back(entry.clone());
        }
    }

    pub(super) fn set_timer(&self, entry: &LaneEntry, at: Timestamp) {
        let mut timers = self.timers.borrow_mut();
        if let Some(before) = entry.timer.replace(Some(at)) {
            timers.remove(&(before, entry.id));
        }
        timers.insert((at, entry.id));
    }

    pub(super) async fn load(
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
                tracing::warn!(webhook.id = webhook.0, %error, "a lane could not be read");
                lane.load_failed(now);
            }
        });
        self.run_lane(&entry);
    }

    /// Lanes that waited for room begin, in turn, while there is some.
    pub(super) fn run_awaiting_lanes(self: &Rc<Self>) {
        while self.in_flight.get() < MAX_IN_FLIGHT {
            let next = self.capacity_queue.borrow_mut().pop_front();
            let Some(next) = next else { return };
            next.awaits_capacity.set(false);
            self.run_lane(&next);
        }
    }

    /// Deliveries with a time to come are held from now on: once the lane opens they are due at once, in order.
    ///
    /// The failures before this one were decided while the lane was healthy, and set times to come: they must be on disk
    /// first, and are when settlement `number` is.
    pub(super) async fn make_all_due(self: Rc<Self>, entry: Rc<LaneEntry>, number: u64) {
        while self.context.committer.committed() < number {
            sleep(COMMIT_POLL_INTERVAL).await;
        }
        let webhook = entry.id;
        let held = self
            .blocking(move |context| {
                while context.store.schedule_now(webhook, context.clock.now())? == MAX_BATCH_ROWS {}
                Ok(())
            })
            .await;
        if let Err(error) = held {
            tracing::warn!(webhook.id = webhook.0, %error, "what waits keeps its times");
        }
        self.with_lane(&entry, |lane| lane.request_reload(None));
        self.run_lane(&entry);
    }
}
