//! A sending thread: turns lanes, sends what they order, hands in what came of it.
//!
//! Everything of a lane happens on one thread, so nothing here is locked. This file is the thread's loop: mail, timers,
//! the end. `slot` keeps lanes in memory, `turns` lets each do what it can do now, `requests` sends and settles.

mod active_lane;
pub(crate) mod inbox;
mod scheduling;
mod sending;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, sleep_until};

use self::active_lane::Slot;
use crate::domain::WebhookId;
use crate::engine::Shared;
use crate::engine::dispatcher::inbox::{Inbox, Message};
use crate::engine::sender::Sender;

/// Bytes of deliveries that all lanes of a thread hold in memory; beyond it they stay in the store.
const MOST_QUEUED: usize = 32 << 20;
/// How long a connection is kept without a request.
const IDLE: Duration = Duration::from_secs(20);
/// How often idle connections and lanes are looked at, and the longest sleep, so that a clock that jumps is noticed.
const SWEEP: Duration = Duration::from_secs(1);
/// How long what is in flight may go on when stopping.
const FINISH: Duration = Duration::from_secs(4);

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
            match message {
                Message::Stop => self.stopping.set(true),
                Message::TryOut(try_out) => {
                    spawn_local(self.clone().try_out(*try_out));
                }
                Message::Changed(webhooks) => {
                    for webhook in webhooks {
                        self.changed(webhook);
                    }
                }
                Message::Look { webhook, .. }
                | Message::Hurry(webhook, _)
                | Message::Pause(webhook, _)
                | Message::Resume(webhook, _)
                | Message::Test(webhook, _) => self.tell(message, webhook),
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
            Message::Changed(_) | Message::Test(..) | Message::TryOut(_) | Message::Stop => {}
        });
        self.turn(&slot);
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
