//! The lane of one webhook: its pending deliveries in memory, and what it does next. Pure: the time is an argument, and
//! nothing here reads the store or sends a request.
//!
//! A lane keeps a bounded number of due deliveries in memory ([`queue`]); the others stay in the store. Deliveries that
//! were just committed are pushed to it, and kept only while no older one waits in the store, so that the order of
//! publication holds. One that is not kept is only delayed: the lane records that the store has more.

mod action;
#[cfg(test)]
mod clock_tests;
mod load;
mod next;
mod outcome;
mod probe;
#[cfg(test)]
mod probe_tests;
mod queue;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::{
    AdaptiveConcurrency, AttemptId, LaneHealth, NotificationId, ProbeSchedule, RefusedActionTypes,
    Webhook,
};
use crate::store::{Cursor, PendingDelivery, StoredLane};

pub(crate) use action::{LaneAction, SendOrder};
pub(crate) use probe::ProbeCandidates;
use probe::ProbeRotation;
use queue::DeliveryQueue;

/// Deliveries that a healthy lane reads from the store at a time.
pub(crate) const PAGE_ROWS: usize = 512;
/// How much of the time that it is behind its rate limit a lane may catch up: timers have a resolution of 1 ms.
const MAX_RATE_CATCH_UP: Duration = Duration::from_millis(10);
/// The wait before the store is read again, after a failure or for deliveries whose settlement was not yet on disk.
const RELOAD_DELAY: Duration = Duration::from_secs(1);
/// The longest pause that a receiver may ask for with `Retry-After`.
const MAX_PAUSE: Duration = Duration::from_hours(24);
/// The time between two requests at the lowest rate limit.
const MAX_SEND_INTERVAL: Duration = Duration::from_secs(1);

/// A page of deliveries that is being loaded from the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum PageLoad {
    #[default]
    None,
    Running,
    /// The store was changed meanwhile; the page is discarded.
    Stale,
}

impl PageLoad {
    fn make_stale(&mut self) {
        if *self == Self::Running {
            *self = Self::Stale;
        }
    }
}

/// The pending deliveries of one webhook that are in memory, and the state of its receiver.
#[derive(Debug)]
pub(crate) struct Lane {
    health: LaneHealth,
    /// `health` as the store has it once every settlement is on disk.
    stored_health: LaneHealth,
    /// The webhook's generation that `health` belongs to. Outcomes of requests that were sent under another do not count.
    generation: u64,
    /// The latest of: the webhook was created, it was enabled, its target changed.
    receiver_since: Timestamp,
    refused_types: RefusedActionTypes,
    /// An outcome disables the webhook. No request starts until the registry has its next generation.
    is_closed: bool,
    concurrency: AdaptiveConcurrency,
    /// The last outcome was a success within [`AdaptiveConcurrency::SLOW_RESPONSE`].
    is_responsive: bool,
    /// No request starts before this time, because of a shortage of this machine.
    shortage_until: Option<Timestamp>,
    queue: DeliveryQueue,
    /// Sent before `queue` and whatever the lane's health, because a person asked for it.
    manual_queue: VecDeque<PendingDelivery>,
    in_flight: u32,
    /// Deliveries that are queued, in flight, or settled but perhaps not yet on disk, each with the start of its schedule.
    /// They are not loaded again.
    known_deliveries: HashMap<NotificationId, Timestamp>,
    /// Settled deliveries, each with the number of its settlement.
    settled_deliveries: VecDeque<(u64, NotificationId)>,
    /// The store may have due deliveries that are not in `known_deliveries`.
    has_unread_rows: bool,
    page_load: PageLoad,
    /// The newest notification that was loaded. A committed delivery that is pushed later and is not newer was already
    /// loaded.
    newest_loaded: NotificationId,
    /// When the next delivery in the store becomes due.
    next_due_at: Option<Timestamp>,
    /// The end of the last page, if that held known deliveries only: the next load starts after it.
    page_cursor: Option<Cursor>,
    probe_rotation: ProbeRotation,
    /// When the rate limit allows the next request.
    next_send_at: Timestamp,
    last_attempt: AttemptId,
    /// How many callers are changing deliveries in the store. No request starts until all have resumed the lane.
    paused: u32,
    /// How often the lane was paused. What was read before a pause may have changed in it.
    pause_count: u32,
}

impl Lane {
    pub(crate) fn new(row: &StoredLane) -> Self {
        let health = row.current_health();
        Self {
            health,
            stored_health: row.health,
            generation: row.generation,
            receiver_since: row.receiver_since,
            refused_types: row.refused_types.clone(),
            is_closed: false,
            concurrency: AdaptiveConcurrency::default(),
            is_responsive: health.streak.is_none() && health.last_success_at.is_some(),
            shortage_until: None,
            queue: DeliveryQueue::default(),
            manual_queue: VecDeque::new(),
            in_flight: 0,
            known_deliveries: HashMap::new(),
            settled_deliveries: VecDeque::new(),
            has_unread_rows: true,
            page_load: PageLoad::None,
            newest_loaded: NotificationId(0),
            next_due_at: row.next_due_at,
            page_cursor: None,
            probe_rotation: ProbeRotation::default(),
            next_send_at: Timestamp::MIN,
            last_attempt: row.last_attempt.unwrap_or(AttemptId(0)),
            paused: 0,
            pause_count: 0,
        }
    }

    pub(crate) fn health(&self) -> &LaneHealth {
        &self.health
    }

    /// Whether the receiver has last accepted a request, and in good time.
    pub(crate) fn is_responsive(&self) -> bool {
        self.is_responsive
    }

    /// The memory that queued deliveries take, approximately, in bytes.
    pub(crate) fn queued_bytes(&self) -> usize {
        self.queue.bytes()
    }

    /// Whether the lane can be dropped from memory: the store has all of its state.
    pub(crate) fn is_forgettable(&self, may_send: bool) -> bool {
        self.in_flight == 0
            && self.queue.is_empty()
            && self.manual_queue.is_empty()
            && self.settled_deliveries.is_empty()
            && self.page_load == PageLoad::None
            && self.paused == 0
            && (!may_send
                || !(self.has_unread_rows
                    || self.next_due_at.is_some()
                    || self.health.is_failing()))
    }

    /// Takes a delivery that was just committed, if there is room and nothing older waits in the store.
    pub(crate) fn push_committed(&mut self, delivery: PendingDelivery, has_room: bool) {
        let is_loaded = delivery.notification.id <= self.newest_loaded;
        if !has_room
            || self.queue.is_full()
            || is_loaded
            || self.has_unread_rows
            || self.page_load != PageLoad::None
            || self.paused > 0
            || self.health.is_failing()
        {
            self.has_unread_rows = true;
        } else {
            self.enqueue(delivery);
        }
    }

    /// Sends a delivery before all others, whatever the lane's health.
    pub(crate) fn send_now(&mut self, delivery: PendingDelivery, committed: u64) {
        let id = delivery.notification.id;
        let on_disk = |(number, settled): &(u64, _)| *settled == id && *number <= committed;
        let is_idle = !self.known_deliveries.contains_key(&id)
            || self.settled_deliveries.iter().any(on_disk)
            || self.queue.take(id).is_some();
        if is_idle && self.paused == 0 {
            // From now on it is known as one that waits, not as one that was settled.
            self.settled_deliveries
                .retain(|(_, settled)| *settled != id);
            self.known_deliveries
                .insert(id, delivery.progress.started_at);
            self.manual_queue.push_back(delivery);
        } else {
            // It is in flight, or its settlement is not on disk yet.
            self.has_unread_rows = true;
        }
    }

    /// Has the store read again. With `probe_now` a failing lane sends its next probe at once, and a pause that the
    /// receiver asked for ends.
    pub(crate) fn request_reload(&mut self, probe_now: Option<Timestamp>) {
        self.has_unread_rows = true;
        let Some(now) = probe_now else { return };
        self.health.paused_until = None;
        self.health.pause_length = None;
        if let Some(schedule) = &mut self.health.probe_schedule {
            schedule.next_at = now;
        }
    }

    /// Has the store read again, for deliveries that are due earlier than they were.
    pub(crate) fn forget_next_due(&mut self) {
        self.next_due_at = None;
        self.has_unread_rows = true;
    }

    /// Lets the failures so far count no more than the first ones of a row that begins `now`.
    pub(crate) fn excuse_failures(&mut self, now: Timestamp) {
        let health = &mut self.health;
        for streak in [&mut health.streak, &mut health.failing_streak]
            .into_iter()
            .flatten()
        {
            streak.failures = streak.failures.min(1);
            streak.since = now;
        }
    }

    /// Drops the queue and starts no request until [`Lane::resume`] was called as often as this.
    pub(crate) fn pause(&mut self) {
        self.paused += 1;
        self.pause_count = self.pause_count.wrapping_add(1);
        self.page_load.make_stale();
        self.clear_queue();
    }

    /// Ends a pause. Deliveries of notifications up to and including `through` have been changed in the store, and are
    /// taken from there only.
    pub(crate) fn resume(&mut self, through: NotificationId) {
        self.paused = self.paused.saturating_sub(1);
        self.newest_loaded = self.newest_loaded.max(through);
        self.has_unread_rows = true;
    }

    /// Goes on after an outcome that was to disable the webhook, because the store could not write that. The lane sends
    /// only probes until one succeeds.
    pub(crate) fn reopen(&mut self, now: Timestamp) {
        self.is_closed = false;
        self.has_unread_rows = true;
        self.health
            .probe_schedule
            .get_or_insert_with(|| ProbeSchedule::start(now));
    }

    /// Takes over a later generation of the webhook. If it is enabled, it has a new target or was enabled: the health of
    /// the lane is forgotten, as the store forgets it.
    pub(crate) fn follow(&mut self, webhook: &Webhook, now: Timestamp) {
        if webhook.generation <= self.generation {
            return;
        }
        self.generation = webhook.generation;
        self.is_closed = false;
        if webhook.is_enabled() {
            self.receiver_since = now;
            self.reset();
        }
    }

    fn reset(&mut self) {
        self.health = LaneHealth {
            last_success_at: self.health.last_success_at,
            ..LaneHealth::default()
        };
        self.stored_health = self.health;
        self.refused_types = RefusedActionTypes::default();
        self.concurrency = AdaptiveConcurrency::default();
        self.is_responsive = false;
        self.probe_rotation = ProbeRotation::default();
        self.has_unread_rows = true;
    }

    /// Forgets the deliveries whose settlement is on disk.
    pub(crate) fn forget_settled(&mut self, committed: u64) {
        // A page that is being loaded may still contain deliveries that are settled meanwhile.
        while self.page_load == PageLoad::None
            && self
                .settled_deliveries
                .front()
                .is_some_and(|(number, _)| *number <= committed)
        {
            if let Some((_, id)) = self.settled_deliveries.pop_front() {
                self.known_deliveries.remove(&id);
            }
        }
    }

    /// Records that the settlement of a delivery was queued under this number.
    pub(crate) fn add_settlement(
        &mut self,
        number: u64,
        notification: NotificationId,
        committed: u64,
    ) {
        self.settled_deliveries.push_back((number, notification));
        self.forget_settled(committed);
    }

    fn enqueue(&mut self, delivery: PendingDelivery) {
        self.known_deliveries
            .insert(delivery.notification.id, delivery.progress.started_at);
        self.queue.push(delivery);
    }

    /// Drops what is queued in memory. The store has all of it.
    pub(crate) fn clear_queue(&mut self) {
        while let Some(delivery) = self.queue.pop().or_else(|| self.manual_queue.pop_front()) {
            self.known_deliveries.remove(&delivery.notification.id);
            self.has_unread_rows = true;
        }
    }
}

fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
