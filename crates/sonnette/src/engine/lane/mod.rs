//! One lane: what it has in memory, what it does next. Pure: it is told the time, and neither reads nor sends.
//!
//! A lane holds only so much of what is due (`queue`); the rest stays in the store, however much it is. What has just been
//! committed is offered to it, and taken only while nothing older waits in the store, so that the order of publication
//! is kept. Losing an offer costs time, never a delivery: the lane then knows that there is more in the store.

mod action;
mod queue;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::{
    AdaptiveConcurrency, AttemptId, AttemptKind, DeliveryDecision, FinishedAttempt, LaneHealth,
    NotificationId, Outcome, Policy, ProbeSchedule, Webhook, decide, decide_stale,
};
use crate::store::{Cursor, DeliveryPage, DeliveryUpdate, PendingDelivery, StoredLane};

pub(crate) use action::{LaneAction, OutcomeEffects, SendOrder};
use queue::DeliveryQueue;

/// Deliveries it asks the store for at a time.
pub(crate) const PAGE_ROWS: usize = 512;
/// How far a rate limit may lag behind to catch up with: timers are no finer than a millisecond.
const MAX_RATE_CATCH_UP: Duration = Duration::from_millis(10);
/// A look at the store for what was settled in memory but not yet on disk.
const RELOAD_DELAY: Duration = Duration::from_secs(1);
/// A receiver may ask for silence for so long.
const MAX_PAUSE: Duration = Duration::from_hours(24);
/// Between two requests at the lowest rate limit.
const MAX_SEND_INTERVAL: Duration = Duration::from_secs(1);

/// A webhook's unsettled deliveries as far as they are in memory.
#[derive(Debug)]
pub(crate) struct Lane {
    health: LaneHealth,
    /// `health` as it is in the store once every settlement is on disk.
    stored_health: LaneHealth,
    /// The webhook's generation that `health` is of. What was sent under a former one counts no longer.
    generation: u64,
    /// An outcome disables the webhook: nothing begins in this generation any more.
    is_closed: bool,
    concurrency: AdaptiveConcurrency,
    queue: DeliveryQueue,
    /// Sent before all others, whatever the lane's health: somebody asked for it.
    urgent: VecDeque<PendingDelivery>,
    in_flight: u32,
    /// In the queue, in flight, or settled and perhaps not yet on disk: not to be taken from the store again. With the
    /// beginning of the schedule: one that was begun anew meanwhile goes on after its settlement.
    known: HashMap<NotificationId, Timestamp>,
    /// Settled, with the number of the settlement.
    settled: VecDeque<(u64, NotificationId)>,
    /// The store may hold deliveries that are due and not known.
    has_unread_rows: bool,
    is_loading: bool,
    /// The page that is being read will be out of date.
    is_page_stale: bool,
    /// The newest notification that was read from the store: an offer of it, or of an older one, comes late.
    newest_loaded: NotificationId,
    /// When the store's next delivery is due that was not when last looked at.
    next_due_at: Option<Timestamp>,
    /// How far reading has come over what was known already: a page that brings nothing new is not read again.
    page_cursor: Option<Cursor>,
    /// Where the rotation of probes has come to.
    probe_cursor: Option<Cursor>,
    /// When the rate limit allows the next request.
    next_send_at: Timestamp,
    last_attempt: AttemptId,
    /// So many change what waits in the store: nothing begins.
    paused: u32,
    /// How often the lane was paused: what was read before a pause may have changed since.
    pauses: u32,
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
            stored_health: row.health,
            generation: row.generation,
            is_closed: false,
            concurrency: AdaptiveConcurrency::default(),
            queue: DeliveryQueue::default(),
            urgent: VecDeque::new(),
            in_flight: 0,
            known: HashMap::new(),
            settled: VecDeque::new(),
            has_unread_rows: true,
            is_loading: false,
            is_page_stale: false,
            newest_loaded: NotificationId(0),
            next_due_at: row.next_due_at,
            page_cursor: None,
            probe_cursor: None,
            next_send_at: Timestamp::MIN,
            last_attempt: row.last_attempt.unwrap_or(AttemptId(0)),
            paused: 0,
            pauses: 0,
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
            && self.settled.is_empty()
            && !self.is_loading
            && self.paused == 0
            && (!enabled
                || !(self.has_unread_rows
                    || self.next_due_at.is_some()
                    || self.health.is_failing()))
    }

    /// Something was just committed for this lane. `room`: whether memory allows to keep it.
    pub(crate) fn push_committed(&mut self, delivery: PendingDelivery, room: bool) {
        let full = self.queue.is_full();
        let late = delivery.notification.id <= self.newest_loaded;
        if !room
            || full
            || late
            || self.has_unread_rows
            || self.is_loading
            || self.paused > 0
            || self.health.is_failing()
        {
            self.has_unread_rows = true;
        } else {
            self.enqueue(delivery);
        }
    }

    /// Somebody wants this sent now, whatever the lane's health.
    pub(crate) fn send_now(&mut self, delivery: PendingDelivery, committed: u64) {
        let id = delivery.notification.id;
        let on_disk = |(number, settled): &(u64, _)| *settled == id && *number <= committed;
        let is_idle = !self.known.contains_key(&id)
            || self.settled.iter().any(on_disk)
            || self.queue.take(id).is_some();
        if is_idle && self.paused == 0 {
            // It is known as one that waits from now on, not as one that was settled.
            self.settled.retain(|(_, settled)| *settled != id);
            self.known.insert(id, delivery.progress.started_at);
            self.urgent.push_back(delivery);
        } else {
            // In flight, or its settlement is not on disk yet.
            self.has_unread_rows = true;
        }
    }

    /// The store holds something new, or something is due that was not. With `probe_now` somebody wants it sent now: a
    /// failing lane looks at once, and one that was asked for silence does not wait for its end.
    pub(crate) fn request_reload(&mut self, probe_now: Option<Timestamp>) {
        self.has_unread_rows = true;
        let Some(now) = probe_now else { return };
        self.health.paused_until = None;
        if let Some(probing) = &mut self.health.probing {
            probing.next_at = now;
        }
    }

    /// Nothing begins until as many [`Lane::resume`] have come, and nothing is in memory.
    pub(crate) fn pause(&mut self) {
        self.paused += 1;
        self.pauses = self.pauses.wrapping_add(1);
        self.is_page_stale |= self.is_loading;
        self.clear_queue();
    }

    /// What waits in the store has been changed, up to and including this notification: offers of those come late.
    pub(crate) fn resume(&mut self, through: NotificationId) {
        self.paused = self.paused.saturating_sub(1);
        self.newest_loaded = self.newest_loaded.max(through);
        self.has_unread_rows = true;
    }

    /// Goes by a newer state of the webhook. Where its target has changed, or it was enabled again, what was before no
    /// longer counts; the store forgets the health in the same way.
    pub(crate) fn follow(&mut self, webhook: &Webhook) {
        if webhook.generation <= self.generation {
            return;
        }
        self.generation = webhook.generation;
        self.is_closed = false;
        if webhook.is_enabled() {
            self.reset();
        }
    }

    fn reset(&mut self) {
        self.health = LaneHealth {
            last_success_at: self.health.last_success_at,
            ..LaneHealth::default()
        };
        self.stored_health = LaneHealth::default();
        self.concurrency = AdaptiveConcurrency::default();
        self.probe_cursor = None;
        self.has_unread_rows = true;
    }

    /// What happens next, at `now`; `committed` is the number of the last settlement on disk.
    pub(crate) fn next_action(
        &mut self,
        webhook: &Webhook,
        now: Timestamp,
        committed: u64,
    ) -> LaneAction {
        if self.paused > 0 || self.is_closed {
            return LaneAction::Idle;
        }
        if !webhook.is_enabled() {
            self.clear_queue();
            return LaneAction::Idle;
        }
        if self.next_due_at.is_some_and(|due| due <= now) {
            self.next_due_at = None;
            self.has_unread_rows = true;
        }
        if self.may_send_urgent(webhook)
            && let Some(delivery) = self.urgent.pop_front()
        {
            let kind = if self.health.is_failing() {
                AttemptKind::Probe
            } else {
                AttemptKind::Due
            };
            return self.begin(delivery, kind, true, webhook, now);
        }
        if let Some(until) = self.silent_until(now) {
            return LaneAction::SleepUntil(until);
        }
        if self.health.is_failing() {
            return self.next_probe(webhook, now, committed);
        }
        if self.has_unread_rows && !self.is_loading && self.queue.needs_reload() {
            return self.load(self.page_cursor, PAGE_ROWS, committed);
        }
        self.next_due(webhook, now)
    }

    /// Also what somebody asked for keeps to the limit, and a probe goes alone.
    fn may_send_urgent(&self, webhook: &Webhook) -> bool {
        let limit = if self.health.is_failing() {
            1
        } else {
            webhook.settings.max_concurrency.unwrap_or(u32::MAX)
        };
        self.in_flight < limit
    }

    fn next_due(&mut self, webhook: &Webhook, now: Timestamp) -> LaneAction {
        let most = webhook.settings.max_concurrency;
        if self.in_flight >= self.concurrency.window().min(most.unwrap_or(u32::MAX)) {
            return LaneAction::Idle;
        }
        // A slot further off than any rate sets comes of a clock that was wrong.
        self.next_send_at = self.next_send_at.min(now + MAX_SEND_INTERVAL);
        if !self.queue.is_empty() && self.next_send_at > now {
            return LaneAction::SleepUntil(self.next_send_at);
        }
        match self.queue.pop() {
            Some(delivery) => self.begin(delivery, AttemptKind::Due, false, webhook, now),
            None => self
                .next_due_at
                .map_or(LaneAction::Idle, LaneAction::SleepUntil),
        }
    }

    /// One probe at a time, the next in the rotation.
    fn next_probe(&mut self, webhook: &Webhook, now: Timestamp, committed: u64) -> LaneAction {
        if self.in_flight > 0 || self.is_loading {
            return LaneAction::Idle;
        }
        match self.queue.pop() {
            Some(delivery) => self.begin(delivery, AttemptKind::Probe, false, webhook, now),
            None if self.has_unread_rows => self.load(self.probe_cursor, 1, committed),
            None => self
                .next_due_at
                .map_or(LaneAction::Idle, LaneAction::SleepUntil),
        }
    }

    fn begin(
        &mut self,
        delivery: PendingDelivery,
        kind: AttemptKind,
        is_urgent: bool,
        webhook: &Webhook,
        now: Timestamp,
    ) -> LaneAction {
        if delivery.progress.expires_at() <= now {
            return LaneAction::Expire(delivery.notification.id);
        }
        if let Some(rate) = webhook.settings.max_per_second {
            let from = self
                .next_send_at
                .max(now.saturating_sub(MAX_RATE_CATCH_UP).unwrap_or(now));
            self.next_send_at = from + Duration::from_secs(1) / rate.max(1);
        }
        self.in_flight += 1;
        LaneAction::Send(SendOrder {
            delivery,
            kind,
            generation: webhook.generation,
            pauses: self.pauses,
            is_urgent,
        })
    }

    /// Whether an order may still be carried out, just before it is. Between taking it and this, the webhook or what
    /// waits in the store may have changed.
    pub(crate) fn confirms(&self, order: &SendOrder, webhook: &Webhook) -> bool {
        let limit = webhook.settings.max_concurrency.unwrap_or(u32::MAX);
        let may_begin = self.paused == 0
            && order.pauses == self.pauses
            && !self.is_closed
            && webhook.is_enabled()
            && order.generation == webhook.generation
            && self.in_flight <= limit;
        may_begin
    }

    /// Takes back an order that was not carried out. The store knows what has become of its delivery.
    pub(crate) fn put_back(&mut self, order: &SendOrder) {
        self.in_flight -= 1;
        self.known.remove(&order.delivery.notification.id);
        self.has_unread_rows = true;
        // A page that is being read may have left it out.
        self.is_page_stale |= self.is_loading;
    }

    /// Until when no request may begin. A time further off than any rule sets comes of a clock that was wrong, and is
    /// brought back: it would move on with each look.
    fn silent_until(&mut self, now: Timestamp) -> Option<Timestamp> {
        if let Some(until) = &mut self.health.paused_until {
            *until = (*until).min(now + MAX_PAUSE);
        }
        if let Some(probing) = &mut self.health.probing {
            probing.next_at = probing.next_at.min(now + ProbeSchedule::MAX_WAIT);
        }
        self.health.silent_until().filter(|until| *until > now)
    }

    fn load(&mut self, after: Option<Cursor>, wanted: usize, committed: u64) -> LaneAction {
        self.forget_settled(committed);
        self.is_loading = true;
        self.has_unread_rows = false;
        LaneAction::Load(after, wanted + self.known.len())
    }

    /// What was read for a [`LaneAction::Load`], which was asked for at `now`.
    pub(crate) fn loaded(&mut self, page: DeliveryPage, now: Timestamp) {
        self.is_loading = false;
        let passed = self.page_cursor.take();
        if passed.is_some() {
            // What has become due before it meanwhile is not on this page.
            self.next_due_at = earlier(self.next_due_at, Some(now + RELOAD_DELAY));
        }
        if std::mem::take(&mut self.is_page_stale) {
            self.has_unread_rows = true;
            return;
        }
        let failing = self.health.is_failing();
        let mut not_yet = false;
        let mut new = false;
        let last = page
            .due
            .last()
            .map(|w| (w.progress.due_at, w.notification.id));
        for delivery in page.due {
            self.newest_loaded = self.newest_loaded.max(delivery.notification.id);
            if failing && !self.queue.is_empty() {
                self.has_unread_rows = true;
                break;
            }
            if let Some(started_at) = self.known.get(&delivery.notification.id) {
                not_yet |= *started_at != delivery.progress.started_at
                    || self
                        .settled
                        .iter()
                        .any(|(_, id)| *id == delivery.notification.id);
            } else {
                new = true;
                self.enqueue(delivery);
            }
        }
        let more_due = page.next_due_at.is_some_and(|due| due <= now);
        if !failing && !new && more_due {
            // What is in flight fills a page of its own where bodies are large.
            self.page_cursor = last.or(passed);
        }
        match page.next_due_at {
            Some(due) if due <= now => self.has_unread_rows = true,
            due => self.next_due_at = earlier(self.next_due_at, due),
        }
        if not_yet {
            self.next_due_at = earlier(self.next_due_at, Some(now + RELOAD_DELAY));
        }
        if failing && self.queue.is_empty() && self.probe_cursor.take().is_some() {
            // The rotation has come to its end: from the beginning.
            self.has_unread_rows = true;
        }
    }

    /// The store could not be read; once more in a second.
    pub(crate) fn load_failed(&mut self, now: Timestamp) {
        self.is_loading = false;
        self.is_page_stale = false;
        self.next_due_at = earlier(self.next_due_at, Some(now + RELOAD_DELAY));
    }

    /// A place in the log for an attempt that ended at `now`.
    pub(crate) fn next_attempt_id(&mut self, now: Timestamp) -> AttemptId {
        self.last_attempt = AttemptId(now.as_microsecond().max(self.last_attempt.0 + 1));
        self.last_attempt
    }

    /// What came of an order, and what follows. `jitter` is drawn evenly from 0 to 1.
    #[expect(
        clippy::too_many_arguments,
        reason = "each comes from another place of the thread that sends; nobody else has them together"
    )]
    pub(crate) fn apply_outcome(
        &mut self,
        order: &SendOrder,
        outcome: &Outcome,
        took: Duration,
        policy: Policy,
        most: u32,
        now: Timestamp,
        jitter: f64,
    ) -> OutcomeEffects {
        let PendingDelivery {
            notification,
            progress,
        } = &order.delivery;
        let before = self.health;
        let trial = FinishedAttempt {
            notification: notification.id,
            progress: *progress,
            turn: order.kind,
            outcome,
            at: now,
            jitter,
        };
        let counts = order.generation == self.generation;
        let decision = if counts {
            decide(policy, before, &trial)
        } else {
            decide_stale(before, &trial)
        };
        self.health = decision.health;
        if counts {
            self.adjust_concurrency(outcome, took, most, before.is_failing(), now);
            if order.kind == AttemptKind::Probe {
                self.probe_cursor = Some((progress.due_at, notification.id));
            }
        }
        if let DeliveryDecision::Waits(next) = decision.delivery {
            if self.health.is_failing() || next.due_at <= now {
                self.has_unread_rows = true;
            } else {
                self.next_due_at = earlier(self.next_due_at, Some(next.due_at));
            }
        }
        let begins_to_fail = self.health.is_failing() && !before.is_failing();
        if begins_to_fail {
            self.clear_queue();
        }
        self.in_flight -= 1;
        self.is_closed |= decision.disable.is_some();
        let changed_health = counts.then(|| self.take_changed_health()).flatten();
        OutcomeEffects {
            attempt_id: self.next_attempt_id(now),
            update: DeliveryUpdate::from_decision(&decision, progress),
            changed_health,
            decision,
            must_hold: begins_to_fail || decision.disable.is_some(),
        }
    }

    /// The health, if the store has another. That something was delivered is written when something fails next.
    fn take_changed_health(&mut self) -> Option<LaneHealth> {
        let is_stored = LaneHealth {
            last_success_at: self.stored_health.last_success_at,
            ..self.health
        } == self.stored_health;
        if is_stored {
            return None;
        }
        self.stored_health = self.health;
        Some(self.health)
    }

    fn adjust_concurrency(
        &mut self,
        outcome: &Outcome,
        took: Duration,
        most: u32,
        was_failing: bool,
        now: Timestamp,
    ) {
        if !outcome.is_success() {
            self.concurrency.failed();
        } else if was_failing {
            self.concurrency = AdaptiveConcurrency::after_recovery();
            self.probe_cursor = None;
            self.has_unread_rows = true;
        } else {
            self.concurrency.succeeded(took, self.in_flight, most, now);
        }
    }

    /// Forgets what was settled and is on disk.
    pub(crate) fn forget_settled(&mut self, committed: u64) {
        // While a page is being read, what is settled meanwhile may still be on it.
        while !self.is_loading
            && self
                .settled
                .front()
                .is_some_and(|(number, _)| *number <= committed)
        {
            if let Some((_, id)) = self.settled.pop_front() {
                self.known.remove(&id);
            }
        }
    }

    /// The settlement of `notification` has been handed in under this number.
    pub(crate) fn add_settlement(
        &mut self,
        number: u64,
        notification: NotificationId,
        committed: u64,
    ) {
        self.settled.push_back((number, notification));
        self.forget_settled(committed);
    }

    fn enqueue(&mut self, delivery: PendingDelivery) {
        self.known
            .insert(delivery.notification.id, delivery.progress.started_at);
        self.queue.push(delivery);
    }

    fn clear_queue(&mut self) {
        while let Some(delivery) = self.queue.pop().or_else(|| self.urgent.pop_front()) {
            self.known.remove(&delivery.notification.id);
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
