//! One lane: what it has in memory, what it does next. Pure: it is told the time, and neither reads nor sends.
//!
//! A lane holds only so much of what is due (`queue`); the rest stays in the store, however much it is. What has just been
//! committed is offered to it, and taken only while nothing older waits in the store, so that the order of publication
//! is kept. Losing an offer costs time, never a delivery: the lane then knows that there is more in the store.

mod action;
mod queue;
#[cfg(test)]
mod tests;

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::{
    AdaptiveConcurrency, AttemptId, AttemptKind, DeliveryDecision, FinishedAttempt, LaneHealth,
    NotificationId, Outcome, Policy, ProbeSchedule, Webhook, decide, decide_stale,
};
use crate::store::{Cursor, DeliveryPage, DeliveryUpdate, PendingDelivery, StoredLane};

pub(crate) use action::{Finished, Order, Step};
use queue::Queue;

/// Deliveries it asks the store for at a time.
pub(crate) const PAGE: usize = 512;
/// How far a rate limit may lag behind to catch up with: timers are no finer than a millisecond.
const CATCH_UP: Duration = Duration::from_millis(10);
/// A look at the store for what was settled in memory but not yet on disk.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// A receiver may ask for silence for so long.
const LONGEST_PAUSE: Duration = Duration::from_hours(24);
/// Between two requests at the lowest rate limit.
const LONGEST_SLOT: Duration = Duration::from_secs(1);

/// A webhook's unsettled deliveries as far as they are in memory.
#[derive(Debug)]
pub(crate) struct Lane {
    health: LaneHealth,
    /// How often the lane has begun anew: what was sent before counts no longer.
    epoch: u32,
    pace: AdaptiveConcurrency,
    queue: Queue,
    /// Sent before all others, whatever the lane's health: somebody asked for it.
    urgent: VecDeque<PendingDelivery>,
    in_flight: u32,
    /// In the queue, in flight, or settled and perhaps not yet on disk: not to be taken from the store again.
    known: HashSet<NotificationId>,
    /// SettlementKind, with the number of the settlement.
    settling: VecDeque<(u64, NotificationId)>,
    /// The store may hold deliveries that are due and not known.
    more: bool,
    loading: bool,
    /// The page that is being read will be out of date.
    page_is_stale: bool,
    /// The newest notification that was read from the store: an offer of it, or of an older one, comes late.
    read_through: NotificationId,
    /// When the store's next delivery is due that was not when last looked at.
    next_due_at: Option<Timestamp>,
    /// How far reading has come over what was known already: a page that brings nothing new is not read again.
    passed: Option<Cursor>,
    /// Where the rotation of probes has come to.
    probed: Option<Cursor>,
    /// When the rate limit allows the next request.
    next_slot: Timestamp,
    last_attempt: AttemptId,
    /// So many change what waits in the store: nothing begins.
    paused: u32,
    /// The settlement that switches the webhook off: nothing begins until it is on disk, and the registry knows.
    off_until: u64,
}

impl Lane {
    pub(crate) fn new(row: &StoredLane) -> Self {
        let mut health = row.health;
        if health.streak.is_none() {
            // Without a streak the newest attempt was a success, which is not written down at each.
            let last = row
                .last_attempt
                .and_then(|a| Timestamp::from_microsecond(a.0).ok());
            health.last_success_at = health.last_success_at.max(last);
        }
        Self {
            health,
            epoch: 0,
            pace: AdaptiveConcurrency::default(),
            queue: Queue::default(),
            urgent: VecDeque::new(),
            in_flight: 0,
            known: HashSet::new(),
            settling: VecDeque::new(),
            more: true,
            loading: false,
            page_is_stale: false,
            read_through: NotificationId(0),
            next_due_at: row.next_due_at,
            passed: None,
            probed: None,
            next_slot: Timestamp::MIN,
            last_attempt: row.last_attempt.unwrap_or(AttemptId(0)),
            paused: 0,
            off_until: 0,
        }
    }

    pub(crate) fn health(&self) -> &LaneHealth {
        &self.health
    }

    /// Bytes of memory that deliveries waiting for their turn take, about.
    pub(crate) fn queued_bytes(&self) -> usize {
        self.queue.bytes()
    }

    /// Whether nothing would be lost by forgetting the lane: the store knows all of it.
    pub(crate) fn is_forgettable(&self, enabled: bool) -> bool {
        self.in_flight == 0
            && self.queue.is_empty()
            && self.urgent.is_empty()
            && self.settling.is_empty()
            && !self.loading
            && self.paused == 0
            && (!enabled || !(self.more || self.next_due_at.is_some() || self.health.is_failing()))
    }

    /// Something was just committed for this lane. `room`: whether memory allows to keep it.
    pub(crate) fn offer(&mut self, waiting: PendingDelivery, room: bool) {
        let full = self.queue.is_full();
        let late = waiting.notification.id <= self.read_through;
        if !room
            || full
            || late
            || self.more
            || self.loading
            || self.paused > 0
            || self.health.is_failing()
        {
            self.more = true;
        } else {
            self.enqueue(waiting);
        }
    }

    /// Somebody wants this sent now, whatever the lane's health.
    pub(crate) fn hurry(&mut self, waiting: PendingDelivery, committed: u64) {
        let id = waiting.notification.id;
        let on_disk = |(number, settled): &(u64, _)| *settled == id && *number <= committed;
        if self.known.insert(id) || self.settling.iter().any(on_disk) {
            self.urgent.push_back(waiting);
        } else if let Some(waiting) = self.queue.take(id) {
            self.urgent.push_back(waiting);
        } else {
            // In flight, or its settlement is not on disk yet.
            self.more = true;
        }
    }

    /// The store holds something new, or something is due that was not. With `probe_now` somebody wants it sent now: a
    /// failing lane looks at once, and one that was asked for silence does not wait for its end.
    pub(crate) fn look(&mut self, probe_now: Option<Timestamp>) {
        self.more = true;
        let Some(now) = probe_now else { return };
        self.health.paused_until = None;
        if let Some(probing) = &mut self.health.probing {
            probing.next_at = now;
        }
    }

    /// Nothing begins until as many [`Lane::resume`] have come, and nothing is in memory.
    pub(crate) fn pause(&mut self) {
        self.paused += 1;
        self.page_is_stale = self.loading;
        self.forget_queue();
    }

    /// What waits in the store has been changed, up to and including this notification: offers of those come late.
    pub(crate) fn resume(&mut self, through: NotificationId) {
        self.paused = self.paused.saturating_sub(1);
        self.read_through = self.read_through.max(through);
        self.more = true;
    }

    /// The receiver has a new address, or its webhook was switched on: what was before no longer counts.
    pub(crate) fn begin_anew(&mut self) {
        self.health = LaneHealth {
            last_success_at: self.health.last_success_at,
            ..LaneHealth::default()
        };
        self.epoch = self.epoch.wrapping_add(1);
        self.pace = AdaptiveConcurrency::default();
        self.probed = None;
        self.more = true;
    }

    /// What happens next, at `now`; `committed` is the number of the last settlement on disk.
    pub(crate) fn next(&mut self, webhook: &Webhook, now: Timestamp, committed: u64) -> Step {
        if self.paused > 0 || committed < self.off_until {
            return Step::Rest;
        }
        if !webhook.is_enabled() {
            self.forget_queue();
            return Step::Rest;
        }
        if self.next_due_at.is_some_and(|due| due <= now) {
            self.next_due_at = None;
            self.more = true;
        }
        if let Some(waiting) = self.urgent.pop_front() {
            let turn = if self.health.is_failing() {
                AttemptKind::Probe
            } else {
                AttemptKind::Due
            };
            return self.begin(waiting, turn, webhook, now);
        }
        if let Some(until) = self.silence(now) {
            return Step::Sleep(until);
        }
        if self.health.is_failing() {
            return self.next_probe(webhook, now, committed);
        }
        if self.more && !self.loading && self.queue.is_low() {
            return self.load(self.passed, PAGE, committed);
        }
        self.next_due(webhook, now)
    }

    fn next_due(&mut self, webhook: &Webhook, now: Timestamp) -> Step {
        let most = webhook.settings.max_concurrency;
        if self.in_flight >= self.pace.window().min(most.unwrap_or(u32::MAX)) {
            return Step::Rest;
        }
        // A slot further off than any rate sets comes of a clock that was wrong.
        self.next_slot = self.next_slot.min(now + LONGEST_SLOT);
        if !self.queue.is_empty() && self.next_slot > now {
            return Step::Sleep(self.next_slot);
        }
        match self.queue.pop() {
            Some(waiting) => self.begin(waiting, AttemptKind::Due, webhook, now),
            None => self.next_due_at.map_or(Step::Rest, Step::Sleep),
        }
    }

    /// One probe at a time, the next in the rotation.
    fn next_probe(&mut self, webhook: &Webhook, now: Timestamp, committed: u64) -> Step {
        if self.in_flight > 0 || self.loading {
            return Step::Rest;
        }
        match self.queue.pop() {
            Some(waiting) => self.begin(waiting, AttemptKind::Probe, webhook, now),
            None if self.more => self.load(self.probed, 1, committed),
            None => self.next_due_at.map_or(Step::Rest, Step::Sleep),
        }
    }

    fn begin(
        &mut self,
        waiting: PendingDelivery,
        turn: AttemptKind,
        webhook: &Webhook,
        now: Timestamp,
    ) -> Step {
        if waiting.progress.expires_at() <= now {
            return Step::Expire(waiting.notification.id);
        }
        if let Some(rate) = webhook.settings.max_per_second {
            let from = self
                .next_slot
                .max(now.saturating_sub(CATCH_UP).unwrap_or(now));
            self.next_slot = from + Duration::from_secs(1) / rate.max(1);
        }
        self.in_flight += 1;
        Step::Send(Order {
            waiting,
            turn,
            epoch: self.epoch,
        })
    }

    /// Until when no request may begin. A time further off than any rule sets comes of a clock that was wrong, and is
    /// brought back: it would move on with each look.
    fn silence(&mut self, now: Timestamp) -> Option<Timestamp> {
        if let Some(until) = &mut self.health.paused_until {
            *until = (*until).min(now + LONGEST_PAUSE);
        }
        if let Some(probing) = &mut self.health.probing {
            probing.next_at = probing.next_at.min(now + ProbeSchedule::MAX_WAIT);
        }
        self.health.silent_until().filter(|until| *until > now)
    }

    fn load(&mut self, after: Option<Cursor>, wanted: usize, committed: u64) -> Step {
        self.forget_settled(committed);
        self.loading = true;
        self.more = false;
        Step::Load(after, wanted + self.known.len())
    }

    /// What was read for a [`Step::Load`], which was asked for at `now`.
    pub(crate) fn loaded(&mut self, page: DeliveryPage, now: Timestamp) {
        self.loading = false;
        let passed = self.passed.take();
        if passed.is_some() {
            // What has become due before it meanwhile is not on this page.
            self.next_due_at = earlier(self.next_due_at, Some(now + LOOK_AGAIN));
        }
        if std::mem::take(&mut self.page_is_stale) {
            self.more = true;
            return;
        }
        let failing = self.health.is_failing();
        let mut not_yet = false;
        let mut new = false;
        let last = page
            .due
            .last()
            .map(|w| (w.progress.due_at, w.notification.id));
        for waiting in page.due {
            self.read_through = self.read_through.max(waiting.notification.id);
            if failing && !self.queue.is_empty() {
                self.more = true;
                break;
            }
            if self.known.contains(&waiting.notification.id) {
                not_yet |= self
                    .settling
                    .iter()
                    .any(|(_, id)| *id == waiting.notification.id);
            } else {
                new = true;
                self.enqueue(waiting);
            }
        }
        let more_due = page.next_due_at.is_some_and(|due| due <= now);
        if !failing && !new && more_due {
            // What is in flight fills a page of its own where bodies are large.
            self.passed = last.or(passed);
        }
        match page.next_due_at {
            Some(due) if due <= now => self.more = true,
            due => self.next_due_at = earlier(self.next_due_at, due),
        }
        if not_yet {
            self.next_due_at = earlier(self.next_due_at, Some(now + LOOK_AGAIN));
        }
        if failing && self.queue.is_empty() && self.probed.take().is_some() {
            // The rotation has come to its end: from the beginning.
            self.more = true;
        }
    }

    /// The store could not be read; once more in a second.
    pub(crate) fn load_failed(&mut self, now: Timestamp) {
        self.loading = false;
        self.page_is_stale = false;
        self.next_due_at = earlier(self.next_due_at, Some(now + LOOK_AGAIN));
    }

    /// A place in the log for an attempt that ended at `now`.
    pub(crate) fn number_attempt(&mut self, now: Timestamp) -> AttemptId {
        self.last_attempt = AttemptId(now.as_microsecond().max(self.last_attempt.0 + 1));
        self.last_attempt
    }

    /// What came of an order, and what follows. `jitter` is drawn evenly from 0 to 1.
    #[expect(
        clippy::too_many_arguments,
        reason = "each comes from another place of the thread that sends; nobody else has them together"
    )]
    pub(crate) fn finished(
        &mut self,
        order: &Order,
        outcome: &Outcome,
        took: Duration,
        policy: Policy,
        most: u32,
        now: Timestamp,
        jitter: f64,
    ) -> Finished {
        let PendingDelivery {
            notification,
            progress,
        } = &order.waiting;
        let before = self.health;
        let trial = FinishedAttempt {
            notification: notification.id,
            progress: *progress,
            turn: order.turn,
            outcome,
            at: now,
            jitter,
        };
        let decision = if order.epoch == self.epoch || outcome.is_success() {
            decide(policy, before, &trial)
        } else {
            decide_stale(before, &trial)
        };
        self.health = decision.health;
        self.adapt(outcome, took, most, before.is_failing(), now);
        if order.turn == AttemptKind::Probe {
            self.probed = Some((progress.due_at, notification.id));
        }
        if let DeliveryDecision::Waits(next) = decision.delivery {
            if self.health.is_failing() || next.due_at <= now {
                self.more = true;
            } else {
                self.next_due_at = earlier(self.next_due_at, Some(next.due_at));
            }
        }
        let begins_to_fail = self.health.is_failing() && !before.is_failing();
        if begins_to_fail {
            self.forget_queue();
        }
        self.in_flight -= 1;
        if decision.disable.is_some() {
            self.off_until = u64::MAX;
        }
        let unchanged = LaneHealth {
            last_success_at: before.last_success_at,
            ..self.health
        } == before;
        Finished {
            attempt: self.number_attempt(now),
            follows: DeliveryUpdate::from_decision(&decision, progress),
            health: (!unchanged).then_some(self.health),
            decision,
            hold: begins_to_fail || decision.disable.is_some(),
        }
    }

    fn adapt(
        &mut self,
        outcome: &Outcome,
        took: Duration,
        most: u32,
        was_failing: bool,
        now: Timestamp,
    ) {
        if !outcome.is_success() {
            self.pace.failed();
        } else if was_failing {
            self.pace = AdaptiveConcurrency::after_recovery();
            self.probed = None;
            self.more = true;
        } else {
            self.pace.succeeded(took, self.in_flight, most, now);
        }
    }

    /// Forgets what was settled and is on disk.
    pub(crate) fn forget_settled(&mut self, committed: u64) {
        // While a page is being read, what is settled meanwhile may still be on it.
        while !self.loading
            && self
                .settling
                .front()
                .is_some_and(|(number, _)| *number <= committed)
        {
            if let Some((_, id)) = self.settling.pop_front() {
                self.known.remove(&id);
            }
        }
    }

    /// The settlement of `notification` has been handed in under this number.
    pub(crate) fn settles(&mut self, number: u64, notification: NotificationId, committed: u64) {
        if self.off_until == u64::MAX {
            self.off_until = number;
        }
        self.settling.push_back((number, notification));
        self.forget_settled(committed);
    }

    fn enqueue(&mut self, waiting: PendingDelivery) {
        self.known.insert(waiting.notification.id);
        self.queue.push(waiting);
    }

    fn forget_queue(&mut self) {
        while let Some(waiting) = self.queue.pop().or_else(|| self.urgent.pop_front()) {
            self.known.remove(&waiting.notification.id);
            self.more = true;
        }
    }
}

fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
