//! A sending thread: turns lanes, sends what they order, hands in what came of it.
//!
//! Everything of a lane happens on one thread, so nothing here is locked. A request begun goes on until its answer; its
//! task then takes the lane's next order itself, and ends when there is none.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::task::{spawn_blocking, spawn_local};
use tokio::time::{Instant, sleep, sleep_until};

use super::inbox::{Inbox, Message, Test};
use super::lane::{Lane, Order, PAGE, Step};
use super::sender::{Connections, Prepared, Request, Sender};
use super::{LaneState, Shared};
use crate::dialect::at_sending;
use crate::domain::{
    Attempt, AttemptId, Exchange, NotificationId, Pace, Policy, Webhook, WebhookId,
};
use crate::store::{BITE, Cursor, Settlement, StoreError, Verdict, Waiting};

/// Requests that one thread has under way at a time, over all lanes; beyond it lanes take turns.
const MOST_IN_FLIGHT: usize = 2_048;
/// Bytes of deliveries that all lanes of a thread hold in memory; beyond it they stay in the store.
const MOST_QUEUED: usize = 32 << 20;
/// How long a connection is kept without a request.
const IDLE: Duration = Duration::from_secs(20);
/// How often idle connections and lanes are looked at, and the longest sleep, so that a clock that jumps is noticed.
const SWEEP: Duration = Duration::from_secs(1);
/// How long what is in flight may go on when stopping.
const FINISH: Duration = Duration::from_secs(4);
/// Deliveries read at a time while memory is short.
const FEW: usize = 16;
/// How often it is looked whether a settlement is on disk.
const SETTLING: Duration = Duration::from_millis(5);
/// The wait while settlements pile up before the store.
const PILE: Duration = Duration::from_millis(50);

pub(crate) struct Dispatcher {
    shared: Arc<Shared>,
    thread: usize,
    sender: Sender,
    slots: RefCell<HashMap<WebhookId, Rc<Slot>>>,
    timers: RefCell<BTreeSet<(Timestamp, WebhookId)>>,
    /// Lanes that may begin a request as soon as the thread has room for one.
    turns: RefCell<VecDeque<Rc<Slot>>>,
    in_flight: Cell<usize>,
    queued_bytes: Cell<usize>,
    stopping: Cell<bool>,
    /// The time when timers were last looked at.
    looked_at: Cell<Timestamp>,
}

/// A lane and what its requests need.
struct Slot {
    id: WebhookId,
    /// None while it is being read from the store.
    lane: RefCell<Option<Lane>>,
    current: RefCell<Current>,
    connections: Connections,
    timer: Cell<Option<Timestamp>>,
    has_turn: Cell<bool>,
    failing: Cell<bool>,
    /// What came while the lane was being read.
    held_back: RefCell<Vec<Message>>,
}

/// The webhook as of one version of the registry.
#[derive(Clone)]
struct Current {
    version: i64,
    webhook: Arc<Webhook>,
    prepared: Rc<Prepared>,
    policy: Policy,
}

impl Dispatcher {
    pub(crate) fn new(shared: Arc<Shared>, thread: usize, sender: Sender) -> Rc<Self> {
        Rc::new(Self {
            shared,
            thread,
            sender,
            slots: RefCell::default(),
            timers: RefCell::default(),
            turns: RefCell::default(),
            in_flight: Cell::new(0),
            queued_bytes: Cell::new(0),
            stopping: Cell::new(false),
            looked_at: Cell::new(Timestamp::MIN),
        })
    }

    fn inbox(&self) -> &Inbox {
        self.shared.inboxes.get(self.thread)
    }

    fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// Runs until told to stop, and until what is in flight has finished or is broken off.
    pub(crate) async fn run(self: Rc<Self>, waiting: Vec<WebhookId>) {
        for webhook in waiting {
            self.slot(webhook);
        }
        let mut swept = Instant::now();
        while !self.stopping.get() {
            tokio::select! {
                () = self.inbox().arrived() => {}
                () = sleep_until(self.wake_at()) => {}
            }
            self.read_mail();
            self.wake_lanes();
            if swept.elapsed() >= SWEEP {
                swept = Instant::now();
                self.sweep();
            }
        }
        let until = Instant::now() + FINISH;
        while self.in_flight.get() > 0 && Instant::now() < until {
            sleep(Duration::from_millis(5)).await;
        }
    }

    fn wake_at(&self) -> Instant {
        let first = self.timers.borrow().first().map(|(at, _)| *at);
        let wait = first.map_or(SWEEP, |at| {
            Duration::try_from(at.duration_since(self.now()))
                .unwrap_or_default()
                .min(SWEEP)
        });
        Instant::now() + wait
    }

    fn wake_lanes(self: &Rc<Self>) {
        let now = self.now();
        let before = self.looked_at.replace(now);
        if now + SWEEP < before {
            // The clock was set back: timers of the time before would sleep until it has caught up.
            let slots: Vec<_> = self.slots.borrow().values().cloned().collect();
            for slot in &slots {
                self.turn(slot);
            }
        }
        loop {
            let due = {
                let mut timers = self.timers.borrow_mut();
                match timers.first() {
                    Some((at, _)) if *at <= now => timers.pop_first(),
                    _ => None,
                }
            };
            let Some((_, webhook)) = due else { return };
            let slot = self.slots.borrow().get(&webhook).cloned();
            if let Some(slot) = slot {
                slot.timer.set(None);
                self.turn(&slot);
            }
        }
    }

    fn read_mail(self: &Rc<Self>) {
        let mail = self.inbox().empty();
        let mut touched: Vec<Rc<Slot>> = Vec::new();
        for (webhook, waiting) in mail.handed {
            let slot = match touched.last() {
                Some(slot) if slot.id == webhook => slot.clone(),
                _ => match self.slot(webhook) {
                    Some(slot) => slot,
                    None => continue,
                },
            };
            if let Some(lane) = slot.lane.borrow_mut().as_mut() {
                let before = lane.queued_bytes();
                lane.offer(waiting, self.queued_bytes.get() < MOST_QUEUED);
                self.queued_bytes
                    .set(self.queued_bytes.get() + lane.queued_bytes() - before);
            }
            if touched.last().is_none_or(|last| !Rc::ptr_eq(last, &slot)) {
                touched.push(slot);
            }
        }
        for slot in touched {
            self.turn(&slot);
        }
        for webhook in mail.more {
            self.tell(
                Message::Look {
                    webhook,
                    probe_now: false,
                },
                webhook,
            );
        }
        for message in mail.messages {
            match &message {
                Message::Stop => self.stopping.set(true),
                Message::Changed(webhooks) => {
                    for webhook in webhooks {
                        self.changed(*webhook);
                    }
                }
                Message::Look { webhook, .. }
                | Message::Hurry(webhook, _)
                | Message::Pause(webhook, _)
                | Message::Resume(webhook, _)
                | Message::Test(webhook, _) => {
                    let webhook = *webhook;
                    self.tell(message, webhook);
                }
            }
        }
    }

    /// Tells a lane something, now or once it has been read from the store.
    fn tell(self: &Rc<Self>, message: Message, webhook: WebhookId) {
        let Some(slot) = self.slot(webhook) else {
            return;
        };
        if slot.lane.borrow().is_none() {
            slot.held_back.borrow_mut().push(message);
            return;
        }
        if let Message::Test(_, test) = message {
            spawn_local(self.clone().test(slot, test));
            return;
        }
        let committed = self.shared.committer.committed();
        self.with_lane(&slot, |lane| match message {
            Message::Look { probe_now, .. } => lane.look(probe_now.then(|| self.now())),
            Message::Hurry(_, waiting) => lane.hurry(waiting, committed),
            Message::Pause(_, done) => {
                lane.pause();
                // Whoever asked may have gone; then somebody else resumes the lane.
                let _ = done.send(());
            }
            Message::Resume(_, through) => lane.resume(through),
            Message::Changed(_) | Message::Test(..) | Message::Stop => {}
        });
        self.turn(&slot);
    }

    /// A lane's slot; a new one is read from the store first. None: there is no such webhook.
    fn slot(self: &Rc<Self>, webhook: WebhookId) -> Option<Rc<Slot>> {
        if let Some(slot) = self.slots.borrow().get(&webhook) {
            return Some(slot.clone());
        }
        let slot = Rc::new(Slot {
            id: webhook,
            lane: RefCell::new(None),
            current: RefCell::new(self.current(webhook)?),
            connections: Connections::new(),
            timer: Cell::new(None),
            has_turn: Cell::new(false),
            failing: Cell::new(false),
            held_back: RefCell::default(),
        });
        self.slots.borrow_mut().insert(webhook, slot.clone());
        spawn_local(self.clone().open(slot.clone()));
        Some(slot)
    }

    fn current(&self, id: WebhookId) -> Option<Current> {
        let registry = self.shared.registry.current();
        let webhook = registry.webhook(id)?.clone();
        let policy = registry.failure_policy(id);
        Some(Current {
            version: registry.version(),
            prepared: Rc::new(self.sender.prepare(&webhook)),
            webhook,
            policy: Policy { failures: policy },
        })
    }

    /// The webhook as it is now; what was begun before may still go by an older one.
    fn refresh(&self, slot: &Slot) -> Current {
        let known = slot.current.borrow().clone();
        if known.version == self.shared.registry.version() {
            return known;
        }
        let Some(mut now) = self.current(slot.id) else {
            return known;
        };
        if Arc::ptr_eq(&now.webhook, &known.webhook) {
            now.prepared = known.prepared;
        }
        *slot.current.borrow_mut() = now.clone();
        now
    }

    async fn open(self: Rc<Self>, slot: Rc<Slot>) {
        let webhook = slot.id;
        let row = loop {
            match self
                .blocking(move |shared| shared.store.lane(webhook))
                .await
            {
                Ok(row) => break row,
                Err(error) => {
                    tracing::warn!(webhook.id = webhook.0, %error, "a lane could not be read; once more in a second");
                    sleep(SWEEP).await;
                }
            }
        };
        let lane = Lane::new(&row);
        slot.failing.set(lane.health().is_failing());
        self.shared.metrics.lane(slot.failing.get(), 1);
        *slot.lane.borrow_mut() = Some(lane);
        for message in slot.held_back.take() {
            self.tell(message, webhook);
        }
        self.turn(&slot);
    }

    /// Work on the store away from this thread.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let shared = self.shared.clone();
        spawn_blocking(move || work(&shared))
            .await
            .unwrap_or_else(|error| Err(StoreError::Unavailable(error.to_string())))
    }

    /// Changes a lane and keeps the thread's sums true.
    fn with_lane<T>(&self, slot: &Slot, change: impl FnOnce(&mut Lane) -> T) -> Option<T> {
        let mut lane = slot.lane.borrow_mut();
        let lane = lane.as_mut()?;
        let before = lane.queued_bytes();
        let answer = change(lane);
        self.queued_bytes
            .set(self.queued_bytes.get() + lane.queued_bytes() - before);
        let failing = lane.health().is_failing();
        if slot.failing.replace(failing) != failing {
            self.shared.metrics.lane(!failing, -1);
            self.shared.metrics.lane(failing, 1);
        }
        Some(answer)
    }

    fn changed(self: &Rc<Self>, webhook: WebhookId) {
        let slot = self.slots.borrow().get(&webhook).cloned();
        let Some(slot) = slot else {
            // A lane not in memory: perhaps it was switched on, and something waits.
            self.slot(webhook);
            return;
        };
        let before = slot.current.borrow().webhook.clone();
        let after = self.refresh(&slot).webhook;
        let switched_on = after.is_enabled() && !before.is_enabled();
        if switched_on || after.target != before.target {
            self.with_lane(&slot, Lane::begin_anew);
        }
        if switched_on {
            // What waited was held: it is due now, whatever its schedule said.
            spawn_local(self.clone().hold(slot.clone(), 0));
        }
        self.turn(&slot);
    }

    /// Lets a lane do what it can do now.
    fn turn(self: &Rc<Self>, slot: &Rc<Slot>) {
        while let Some(order) = self.next_order(slot) {
            spawn_local(self.clone().work(slot.clone(), order));
        }
    }

    /// The lane's next order. None: it does nothing now, and what wakes it is arranged.
    fn next_order(self: &Rc<Self>, slot: &Rc<Slot>) -> Option<Order> {
        if self.stopping.get() {
            return None;
        }
        loop {
            if self.in_flight.get() >= MOST_IN_FLIGHT {
                self.queue_up(slot);
                return None;
            }
            let now = self.now();
            if self.shared.committer.is_behind() {
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

    fn queue_up(&self, slot: &Rc<Slot>) {
        if !slot.has_turn.replace(true) {
            self.turns.borrow_mut().push_back(slot.clone());
        }
    }

    fn set_timer(&self, slot: &Slot, at: Timestamp) {
        let mut timers = self.timers.borrow_mut();
        if let Some(before) = slot.timer.replace(Some(at)) {
            timers.remove(&(before, slot.id));
        }
        timers.insert((at, slot.id));
    }

    async fn load(
        self: Rc<Self>,
        slot: Rc<Slot>,
        now: Timestamp,
        after: Option<Cursor>,
        limit: usize,
    ) {
        let webhook = slot.id;
        let page = self
            .blocking(move |shared| shared.store.due(webhook, now, after, limit))
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

    /// Hands in a settlement; its number.
    fn settle(&self, slot: &Slot, notification: NotificationId, settlement: Settlement) -> u64 {
        let number = self.shared.committer.settle(settlement);
        let committed = self.shared.committer.committed();
        self.with_lane(slot, |lane| lane.settles(number, notification, committed));
        number
    }

    /// Sends order after order of one lane until it has none, or others wait for their turn.
    async fn work(self: Rc<Self>, slot: Rc<Slot>, mut order: Order) {
        loop {
            let current = slot.current.borrow().clone();
            let (exchange, body) = self.send(&slot, &current, &order.waiting, false).await;
            self.in_flight.set(self.in_flight.get() - 1);
            self.shared.metrics.in_flight(false);
            let stored = &order.waiting.notification.body;
            let is_stored = body.as_ptr() == stored.as_ptr() || body == *stored;
            let payload = (!is_stored).then_some(body);
            self.finish(&slot, &current, &order, exchange, payload);
            self.give_turns();
            match self.next_order(&slot) {
                Some(next) => order = next,
                None => return,
            }
            // One request has become one again; where the lane may do more at a time, others begin beside it.
            self.turn(&slot);
        }
    }

    /// Lanes that waited for room begin, in turn, while there is some.
    fn give_turns(self: &Rc<Self>) {
        while self.in_flight.get() < MOST_IN_FLIGHT {
            let next = self.turns.borrow_mut().pop_front();
            let Some(next) = next else { return };
            next.has_turn.set(false);
            self.turn(&next);
        }
    }

    async fn send(
        &self,
        slot: &Slot,
        current: &Current,
        waiting: &Waiting,
        test: bool,
    ) -> (Exchange, Bytes) {
        let notification = &waiting.notification;
        let body = at_sending(notification.shape, &notification.body, self.now());
        let message_id = format!("msg_{}_{}", slot.id, notification.id);
        let request = Request {
            prepared: &current.prepared,
            message_id: &message_id,
            body: body.clone(),
            test,
        };
        (self.sender.send(&slot.connections, request).await, body)
    }

    fn finish(
        self: &Rc<Self>,
        slot: &Rc<Slot>,
        current: &Current,
        order: &Order,
        exchange: Exchange,
        payload: Option<Bytes>,
    ) {
        let now = self.now();
        let webhook = &current.webhook;
        let most = webhook.settings.max_concurrency.unwrap_or(Pace::MOST);
        let jitter = fastrand::f64();
        let was_failing = slot.failing.get();
        let finished = self.with_lane(slot, |lane| {
            lane.finished(
                order,
                &exchange.outcome,
                exchange.duration,
                current.policy,
                most,
                now,
                jitter,
            )
        });
        let Some(finished) = finished else { return };
        let first = order.waiting.progress.attempts == 0;
        let published_at = order.waiting.notification.published_at;
        let delay = first.then(|| {
            Duration::try_from(exchange.started_at.duration_since(published_at)).unwrap_or_default()
        });
        self.shared.metrics.attempted(
            &exchange.outcome,
            exchange.duration,
            delay,
            &finished.decision,
        );
        log_failure(slot.id, order, &exchange, &finished.decision);
        let attempt = Self::attempt(slot, current, order, finished.attempt, exchange, payload);
        self.shared.tell_attempt(webhook.organizer, &attempt);
        let state = match finished.decision.disable {
            // Told once it is on disk, with every other change of the registry.
            Some(_) => None,
            None if was_failing == slot.failing.get() => None,
            None if was_failing => Some(LaneState::Healthy),
            None => Some(LaneState::Failing),
        };
        if let Some(state) = state {
            self.shared.tell_lane(webhook.organizer, slot.id, state);
        }
        let settlement = Settlement {
            webhook: slot.id,
            verdict: Verdict::Attempted {
                attempt,
                follows: Some(finished.follows),
            },
            health: finished.health,
            disable: finished.decision.disable,
            alert: self
                .shared
                .alerts
                .owed(&finished.decision, current.policy.failures, now),
        };
        let number = self.settle(slot, order.waiting.notification.id, settlement);
        if finished.hold {
            spawn_local(self.clone().hold(slot.clone(), number));
        }
    }

    fn attempt(
        slot: &Slot,
        current: &Current,
        order: &Order,
        id: AttemptId,
        exchange: Exchange,
        payload: Option<Bytes>,
    ) -> Arc<Attempt> {
        let notification = &order.waiting.notification;
        Arc::new(Attempt {
            id,
            webhook: slot.id,
            notification: notification.id,
            action_type: notification.action_type.clone(),
            event: notification.event.clone(),
            target_url: current.webhook.target.redacted(),
            number: order.waiting.progress.attempts.saturating_add(1),
            test: false,
            payload,
            exchange,
        })
    }

    /// Deliveries with a time to come are held from now on: once the lane opens they are due at once, in order.
    ///
    /// The failures before this one were decided while the lane was healthy, and set times to come: they must be on disk
    /// first, and are when settlement `number` is.
    async fn hold(self: Rc<Self>, slot: Rc<Slot>, number: u64) {
        while self.shared.committer.committed() < number {
            sleep(SETTLING).await;
        }
        let webhook = slot.id;
        let held = self
            .blocking(move |shared| {
                while shared.store.make_due(webhook, shared.clock.now())? == BITE {}
                Ok(())
            })
            .await;
        if let Err(error) = held {
            tracing::warn!(webhook.id = webhook.0, %error, "what waits keeps its times");
        }
        self.with_lane(&slot, |lane| lane.look(None));
        self.turn(&slot);
    }

    /// Goes the very way of deliveries, but counts neither for the lane's health nor for switching off.
    async fn test(self: Rc<Self>, slot: Rc<Slot>, test: Test) {
        let current = self.refresh(&slot);
        let progress = crate::domain::Progress::new(test.notification.published_at);
        let waiting = Waiting {
            notification: test.notification,
            progress,
        };
        let (exchange, body) = self.send(&slot, &current, &waiting, true).await;
        let now = self.now();
        let Some(id) = self.with_lane(&slot, |lane| lane.number_attempt(now)) else {
            return;
        };
        let attempt = Arc::new(Attempt {
            id,
            webhook: slot.id,
            notification: waiting.notification.id,
            action_type: test.action_type,
            event: waiting.notification.event.clone(),
            target_url: current.webhook.target.redacted(),
            number: 1,
            test: true,
            payload: Some(body),
            exchange,
        });
        self.shared
            .tell_attempt(current.webhook.organizer, &attempt);
        let verdict = Verdict::Attempted {
            attempt: attempt.clone(),
            follows: None,
        };
        self.shared.committer.settle(Settlement {
            webhook: slot.id,
            verdict,
            health: None,
            disable: None,
            alert: None,
        });
        // Whoever asked may have gone; the log has it.
        let _ = test.answer.send(attempt);
    }

    /// Closes idle connections and forgets lanes that have nothing to remember.
    fn sweep(&self) {
        let committed = self.shared.committer.committed();
        let metrics = &self.shared.metrics;
        self.slots.borrow_mut().retain(|_, slot| {
            slot.connections.close_idle(IDLE);
            let mut lane = slot.lane.borrow_mut();
            let Some(lane) = lane.as_mut() else {
                return true;
            };
            lane.forget_settled(committed);
            let enabled = slot.current.borrow().webhook.is_enabled();
            let idle = lane.is_forgettable(enabled)
                && slot.connections.count() == 0
                && slot.timer.get().is_none();
            // Somebody else may hold the slot for a moment longer.
            let keep = !idle || Rc::strong_count(slot) > 1;
            if !keep {
                metrics.lane(slot.failing.get(), -1);
            }
            keep
        });
    }
}

fn log_failure(
    webhook: WebhookId,
    order: &Order,
    exchange: &Exchange,
    decision: &crate::domain::Decision,
) {
    use crate::domain::Outcome;
    if exchange.outcome.is_success() {
        return;
    }
    let reason = match &exchange.outcome {
        Outcome::Answered { status, .. } => format!("the receiver answered {status}"),
        Outcome::Failed { reason, .. } => reason.clone(),
    };
    let notification = order.waiting.notification.id;
    if let Some(disable) = decision.disable {
        tracing::warn!(
            webhook.id = webhook.0,
            notification.id = notification.0,
            reason,
            disable = disable.as_str(),
            "a webhook was switched off"
        );
    } else {
        tracing::info!(
            webhook.id = webhook.0,
            notification.id = notification.0,
            attempt = order.waiting.progress.attempts + 1,
            reason,
            "an attempt failed"
        );
    }
}
