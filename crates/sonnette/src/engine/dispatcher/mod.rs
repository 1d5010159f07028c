//! A sending thread: turns lanes, sends what they order, hands in what came of it.
//!
//! Everything of a lane happens on one thread, so nothing here is locked. This file is the thread's loop: mail, timers,
//! the end. `entry` keeps lanes in memory, `turns` lets each do what it can do now, `requests` sends and settles.

pub(crate) mod inbox;
mod lane_entry;
mod scheduling;
mod sending;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, sleep_until};

use self::lane_entry::LaneEntry;
use crate::domain::WebhookId;
use crate::engine::EngineContext;
use crate::engine::dispatcher::inbox::{Command, Inbox};
use crate::engine::sender::Transport;

/// Bytes of deliveries that all lanes of a thread hold in memory; beyond it they stay in the store.
const MAX_QUEUED_BYTES: usize = 32 << 20;
/// How long a connection is kept without a request.
const CONNECTION_IDLE_TIMEOUT: Duration = Duration::from_secs(20);
/// How often idle connections and lanes are looked at, and the longest sleep, so that a clock that jumps is noticed.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);
/// How long what is in flight may go on when stopping.
const STOP_TIMEOUT: Duration = Duration::from_secs(4);

pub(crate) struct Dispatcher {
    context: Arc<EngineContext>,
    thread: usize,
    sender: Box<dyn Transport>,
    /// Draws how much each retry's wait differs from its schedule.
    rng: RefCell<fastrand::Rng>,
    entries: RefCell<BTreeMap<WebhookId, Rc<LaneEntry>>>,
    timers: RefCell<BTreeSet<(Timestamp, WebhookId)>>,
    /// Lanes that may begin a request as soon as the thread has room for one.
    capacity_queue: RefCell<VecDeque<Rc<LaneEntry>>>,
    in_flight: Cell<usize>,
    queued_bytes: Cell<usize>,
    stopping: Cell<bool>,
    /// The time when timers were last looked at.
    timers_checked_at: Cell<Timestamp>,
    swept_at: Cell<Instant>,
}

impl Dispatcher {
    pub(crate) fn new(
        context: Arc<EngineContext>,
        thread: usize,
        sender: Box<dyn Transport>,
        rng: fastrand::Rng,
    ) -> Rc<Self> {
        Rc::new(Self {
            context,
            thread,
            sender,
            rng: RefCell::new(rng),
            entries: RefCell::default(),
            timers: RefCell::default(),
            capacity_queue: RefCell::default(),
            in_flight: Cell::new(0),
            queued_bytes: Cell::new(0),
            stopping: Cell::new(false),
            timers_checked_at: Cell::new(Timestamp::MIN),
            swept_at: Cell::new(Instant::now()),
        })
    }

    /// The lanes in memory, each with the webhook's generation that it goes by.
    #[cfg(test)]
    pub(crate) fn lanes(&self) -> Vec<(WebhookId, u64, crate::domain::LaneHealth)> {
        let entries = self.entries.borrow();
        let lane = |entry: &Rc<LaneEntry>| {
            let generation = entry.current.borrow().webhook.generation;
            Some((
                entry.id,
                generation,
                *entry.lane.borrow().as_ref()?.health(),
            ))
        };
        entries.values().filter_map(lane).collect()
    }

    fn inbox(&self) -> &Inbox {
        self.context.inboxes.get(self.thread)
    }

    fn now(&self) -> Timestamp {
        self.context.clock.now()
    }

    /// Runs until told to stop, and until what is in flight has finished or is broken off.
    pub(crate) async fn run(self: Rc<Self>, waiting: Vec<WebhookId>) {
        self.open_lanes(waiting);
        while !self.stopping.get() {
            tokio::select! {
                () = self.inbox().wait_for_arrival() => {}
                () = sleep_until(self.next_wake_at()) => {}
            }
            self.run_once();
        }
        self.finish_requests().await;
    }

    /// Reads the lanes in which deliveries wait.
    pub(crate) fn open_lanes(self: &Rc<Self>, waiting: Vec<WebhookId>) {
        for webhook in waiting {
            self.entry(webhook);
        }
    }

    /// Does what is due: commands, timers, and now and then a sweep.
    pub(crate) fn run_once(self: &Rc<Self>) {
        self.process_inbox();
        self.run_due_timers();
        if self.swept_at.get().elapsed() >= SWEEP_INTERVAL {
            self.swept_at.set(Instant::now());
            self.sweep();
        }
    }

    /// Waits for the requests in flight, up to [`STOP_TIMEOUT`].
    pub(crate) async fn finish_requests(&self) {
        let until = Instant::now() + STOP_TIMEOUT;
        while self.in_flight.get() > 0 && Instant::now() < until {
            sleep(Duration::from_millis(5)).await;
        }
    }

    fn next_wake_at(&self) -> Instant {
        let first = self.timers.borrow().first().map(|(at, _)| *at);
        let wait = first.map_or(SWEEP_INTERVAL, |at| {
            Duration::try_from(at.duration_since(self.now()))
                .unwrap_or_default()
                .min(SWEEP_INTERVAL)
        });
        Instant::now() + wait
    }

    fn run_due_timers(self: &Rc<Self>) {
        let now = self.now();
        let before = self.timers_checked_at.replace(now);
        if now + SWEEP_INTERVAL < before {
            // The clock was set back: timers of the time before would sleep until it has caught up.
            let entries: Vec<_> = self.entries.borrow().values().cloned().collect();
            for entry in &entries {
                self.run_lane(entry);
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
            let entry = self.entries.borrow().get(&webhook).cloned();
            if let Some(entry) = entry {
                entry.timer.set(None);
                self.run_lane(&entry);
            }
        }
    }

    fn process_inbox(self: &Rc<Self>) {
        let contents = self.inbox().take_all();
        let mut touched: Vec<Rc<LaneEntry>> = Vec::new();
        for (webhook, waiting) in contents.deliveries {
            let entry = match touched.last() {
                Some(entry) if entry.id == webhook => entry.clone(),
                _ => match self.entry(webhook) {
                    Some(entry) => entry,
                    None => continue,
                },
            };
            if let Some(lane) = entry.lane.borrow_mut().as_mut() {
                let before = lane.queued_bytes();
                lane.push_committed(waiting, self.queued_bytes.get() < MAX_QUEUED_BYTES);
                self.queued_bytes
                    .set(self.queued_bytes.get() + lane.queued_bytes() - before);
            } else {
                // The lane is being read from the store, perhaps as it was before this commit.
                entry
                    .queued_commands
                    .borrow_mut()
                    .push(Command::ReloadLane {
                        webhook,
                        probe_now: false,
                    });
            }
            if touched.last().is_none_or(|last| !Rc::ptr_eq(last, &entry)) {
                touched.push(entry);
            }
        }
        for entry in touched {
            self.run_lane(&entry);
        }
        for webhook in contents.overflowed {
            self.execute(
                Command::ReloadLane {
                    webhook,
                    probe_now: false,
                },
                webhook,
            );
        }
        for command in contents.commands {
            match command {
                Command::Stop => self.stopping.set(true),
                Command::TestDraft(draft_test) => {
                    spawn_local(self.clone().test_draft(*draft_test));
                }
                Command::ApplyChanges(webhooks) => {
                    for webhook in webhooks {
                        self.apply_change(webhook);
                    }
                }
                Command::ReloadLane { webhook, .. }
                | Command::SendNow(webhook, _)
                | Command::PauseLane(webhook, _)
                | Command::ResumeLane(webhook, _)
                | Command::TestWebhook(webhook, _) => self.execute(command, webhook),
            }
        }
    }

    /// Tells a lane something, now or once it has been read from the store.
    pub(super) fn execute(self: &Rc<Self>, command: Command, webhook: WebhookId) {
        let Some(entry) = self.entry(webhook) else {
            return;
        };
        if entry.lane.borrow().is_none() {
            entry.queued_commands.borrow_mut().push(command);
            return;
        }
        if let Command::TestWebhook(_, test) = command {
            spawn_local(self.clone().test_webhook(entry, test));
            return;
        }
        let committed = self.context.committer.committed();
        self.with_lane(&entry, |lane| match command {
            Command::ReloadLane { probe_now, .. } => {
                lane.request_reload(probe_now.then(|| self.now()))
            }
            Command::SendNow(_, waiting) => lane.send_now(waiting, committed),
            Command::PauseLane(_, done) => {
                lane.pause();
                // Whoever asked may have gone; then somebody else resumes the lane.
                let _ = done.send(());
            }
            Command::ResumeLane(_, through) => lane.resume(through),
            Command::ApplyChanges(_)
            | Command::TestWebhook(..)
            | Command::TestDraft(_)
            | Command::Stop => {}
        });
        self.run_lane(&entry);
    }

    /// Closes idle connections and forgets lanes that have nothing to remember.
    fn sweep(&self) {
        let committed = self.context.committer.committed();
        let metrics = &self.context.metrics;
        self.entries.borrow_mut().retain(|_, entry| {
            entry.connections.close_idle(CONNECTION_IDLE_TIMEOUT);
            let mut lane = entry.lane.borrow_mut();
            let Some(lane) = lane.as_mut() else {
                return true;
            };
            lane.forget_settled(committed);
            let enabled = entry.current.borrow().webhook.is_enabled();
            let idle = lane.is_forgettable(enabled)
                && entry.connections.count() == 0
                && entry.timer.get().is_none();
            // Somebody else may hold the entry for a moment longer.
            let keep = !idle || Rc::strong_count(entry) > 1;
            if !keep {
                metrics.lane(entry.is_failing.get(), -1);
            }
            keep
        });
    }
}
