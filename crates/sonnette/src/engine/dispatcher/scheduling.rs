//! What a lane can do now, and what wakes it when it can do nothing.

use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::spawn_local;
use tokio::time::sleep;

use super::active_lane::Slot;
use super::{Dispatcher, MOST_QUEUED};
use crate::engine::lane::{Order, PAGE, Step};
use crate::store::{Cursor, MAX_BATCH_ROWS, Settlement};

/// Requests that one thread has under way at a time, over all lanes; beyond it lanes take turns.
const MOST_IN_FLIGHT: usize = 2_048;
/// Deliveries read at a time while memory is short.
const FEW: usize = 16;
/// How often it is looked whether a settlement is on disk.
const SETTLING: Duration = Duration::from_millis(5);
/// The wait while settlements pile up before the store.
const PILE: Duration = Duration::from_millis(50);

impl Dispatcher {
    /// Lets a lane do what it can do now.
    pub(super) fn turn(self: &Rc<Self>, slot: &Rc<Slot>) {
        while let Some(order) = self.next_order(slot) {
            spawn_local(self.clone().work(slot.clone(), order));
        }
    }

    /// The lane's next order. None: it does nothing now, and what wakes it is arranged.
    pub(super) fn next_order(self: &Rc<Self>, slot: &Rc<Slot>) -> Option<Order> {
        if self.stopping.get() {
            return None;
        }
        loop {
            if self.in_flight.get() >= MOST_IN_FLIGHT {
                self.queue_up(slot);
                return None;
            }
            let now = self.now();
            if self.shared.committer.is_overfull() {
                self.set_timer(slot, now + PILE);
                return None;
            }
            // In this order: what is committed the registry knows, a switching off above all.
            let committed = self.shared.committer.committed();
            let current = self.refresh(slot);
            match self.with_lane(slot, |lane| lane.next(&current.webhook, now, committed))? {
                Step::Send(order) => {
                    self.in_flight.set(self.in_flight.get() + 1);
                    self.shared.metrics.in_flight(true);
                    return Some(order);
                }
                Step::Expire(notification) => {
                    let policy = current.policy.failures;
                    let expired = Settlement::expired(slot.id, notification, policy);
                    self.settle(slot, notification, expired);
                }
                Step::Load(after, limit) => {
                    let room = self.queued_bytes.get() < MOST_QUEUED;
                    let limit = if room {
                        limit
                    } else {
                        limit.saturating_sub(PAGE) + FEW
                    };
                    spawn_local(self.clone().load(slot.clone(), now, after, limit));
                }
                Step::Sleep(until) => {
                    self.set_timer(slot, until);
                    return None;
                }
                Step::Rest => return None,
            }
        }
    }

    pub(super) fn queue_up(&self, slot: &Rc<Slot>) {
        if !slot.has_turn.replace(true) {
            self.turns.borrow_mut().push_back(slot.clone());
        }
    }

    pub(super) fn set_timer(&self, slot: &Slot, at: Timestamp) {
        let mut timers = self.timers.borrow_mut();
        if let Some(before) = slot.timer.replace(Some(at)) {
            timers.remove(&(before, slot.id));
        }
        timers.insert((at, slot.id));
    }

    pub(super) async fn load(
        self: Rc<Self>,
        slot: Rc<Slot>,
        now: Timestamp,
        after: Option<Cursor>,
        limit: usize,
    ) {
        let webhook = slot.id;
        let page = self
            .blocking(move |shared| shared.store.due_deliveries(webhook, now, after, limit))
            .await;
        self.with_lane(&slot, |lane| match page {
            Ok(page) => lane.loaded(page, now),
            Err(error) => {
                tracing::warn!(webhook.id = webhook.0, %error, "a lane could not be read");
                lane.load_failed(now);
            }
        });
        self.turn(&slot);
    }

    /// Lanes that waited for room begin, in turn, while there is some.
    pub(super) fn give_turns(self: &Rc<Self>) {
        while self.in_flight.get() < MOST_IN_FLIGHT {
            let next = self.turns.borrow_mut().pop_front();
            let Some(next) = next else { return };
            next.has_turn.set(false);
            self.turn(&next);
        }
    }

    /// Deliveries with a time to come are held from now on: once the lane opens they are due at once, in order.
    ///
    /// The failures before this one were decided while the lane was healthy, and set times to come: they must be on disk
    /// first, and are when settlement `number` is.
    pub(super) async fn hold(self: Rc<Self>, slot: Rc<Slot>, number: u64) {
        while self.shared.committer.committed() < number {
            sleep(SETTLING).await;
        }
        let webhook = slot.id;
        let held = self
            .blocking(move |shared| {
                while shared.store.schedule_now(webhook, shared.clock.now())? == MAX_BATCH_ROWS {}
                Ok(())
            })
            .await;
        if let Err(error) = held {
            tracing::warn!(webhook.id = webhook.0, %error, "what waits keeps its times");
        }
        self.with_lane(&slot, |lane| lane.look(None));
        self.turn(&slot);
    }
}
