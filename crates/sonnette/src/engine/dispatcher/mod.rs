//! A sending thread: asks its lanes what to do, sends their requests, and queues the settlements.
//!
//! A lane belongs to one thread, so that nothing here is locked. This file has the loop of the thread: inbox, timers and
//! stop. [`lane_entry`] keeps lanes in memory, [`scheduling`] does what a lane asks for, [`concurrency_limits`] bounds
//! the requests in flight, [`sending`] sends and settles.

mod concurrency_limits;
pub(crate) mod inbox;
mod lane_entry;
mod reachability;
mod scheduling;
mod sending;
#[cfg(test)]
#[cfg(all(feature = "sqlite", feature = "testing"))]
mod tests;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::resume_unwind;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, sleep_until};

use self::concurrency_limits::ConcurrencyLimits;
use self::lane_entry::LaneEntry;
use crate::domain::{ClockReading, TrustedTime, WebhookId, saturating_add};
use crate::engine::dispatcher::inbox::{Inbox, LaneCommand};
use crate::engine::sender::Transport;
use crate::engine::supervisor::{Panic, catch_panic};
use crate::engine::{EngineContext, monotonic_clock};

/// Bytes of deliveries that all lanes of a thread queue in memory. Further deliveries stay in the store.
const MAX_QUEUED_BYTES: usize = 32 << 20;
/// An unused connection is closed after this time.
const CONNECTION_IDLE_TIMEOUT: Duration = Duration::from_secs(20);
/// How often idle connections and lanes are dropped, and the longest sleep: a jump of the clock is noticed within it.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);
/// How long requests in flight may take when the engine stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(4);

/// A sending thread and its lanes.
pub(crate) struct Dispatcher {
    context: Arc<EngineContext>,
    thread: usize,
    sender: Box<dyn Transport>,
    /// Draws the jitter of retries.
    rng: RefCell<fastrand::Rng>,
    entries: RefCell<BTreeMap<WebhookId, Rc<LaneEntry>>>,
    timers: RefCell<BTreeSet<(Timestamp, WebhookId)>>,
    limits: ConcurrencyLimits<LaneEntry>,
    queued_bytes: Cell<usize>,
    stopping: Cell<bool>,
    /// When the timers were last checked.
    timers_checked_at: Cell<Timestamp>,
    swept_at: Cell<Instant>,
    /// When a shortage of this machine was last logged.
    shortage_logged_at: Cell<Instant>,
    trusted_time: RefCell<TrustedTime>,
    /// There was an outage of our own when this thread last looked.
    had_outage: Cell<bool>,
    /// The panic of a task, which the loop passes on.
    task_panic: Cell<Option<Panic>>,
    task_panicked: Notify,
}

impl Dispatcher {
    pub(crate) fn new(
        context: Arc<EngineContext>,
        thread: usize,
        sender: Box<dyn Transport>,
        rng: fastrand::Rng,
    ) -> Rc<Self> {
        let trusted_time = RefCell::new(context.trusted_time);
        Rc::new(Self {
            limits: ConcurrencyLimits::new(context.max_in_flight),
            context,
            thread,
            sender,
            rng: RefCell::new(rng),
            entries: RefCell::default(),
            timers: RefCell::default(),
            queued_bytes: Cell::new(0),
            stopping: Cell::new(false),
            timers_checked_at: Cell::new(Timestamp::MIN),
            swept_at: Cell::new(monotonic_clock::now()),
            shortage_logged_at: Cell::new(monotonic_clock::now()),
            trusted_time,
            had_outage: Cell::new(false),
            task_panic: Cell::new(None),
            task_panicked: Notify::new(),
        })
    }

    /// The lanes in memory, each with the generation of the webhook that it has taken over.
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

    fn read_clock(&self) -> ClockReading {
        let clock = &self.context.clock;
        let mut trusted_time = self.trusted_time.borrow_mut();
        trusted_time.read(clock.now(), clock.instant())
    }

    /// Runs until a [`LaneCommand::Stop`], and then until the requests in flight have ended or the time for them is over.
    pub(crate) async fn run(self: Rc<Self>, pending: Vec<WebhookId>) {
        self.open_lanes(pending);
        while !self.stopping.get() {
            tokio::select! {
                () = self.inbox().wait_for_arrival() => {}
                () = sleep_until(self.next_wake_at()) => {}
                () = self.task_panicked.notified() => {}
            }
            self.run_once();
        }
        self.finish_requests().await;
    }

    /// Loads the lanes that have pending deliveries.
    pub(crate) fn open_lanes(self: &Rc<Self>, pending: Vec<WebhookId>) {
        for webhook in pending {
            self.entry(webhook);
        }
    }

    /// Does what is due: commands, timers, and now and then a sweep.
    ///
    /// # Panics
    /// When a task of this thread has panicked.
    pub(crate) fn run_once(self: &Rc<Self>) {
        self.pass_on_task_panic();
        self.process_inbox();
        self.run_due_timers();
        if self.swept_at.get().elapsed() >= SWEEP_INTERVAL {
            self.swept_at.set(monotonic_clock::now());
            // A jump of the clock is noticed when it happens.
            self.read_clock();
            self.follow_outage(self.now());
            self.sweep();
        }
    }

    /// Waits for the requests in flight, up to [`STOP_TIMEOUT`].
    pub(crate) async fn finish_requests(&self) {
        let until = monotonic_clock::now() + STOP_TIMEOUT;
        while self.limits.in_flight() > 0 && monotonic_clock::now() < until {
            sleep(Duration::from_millis(5)).await;
        }
        self.pass_on_task_panic();
    }

    /// Starts a task of this thread. A panic in it fails the thread, as one in the loop does: the lane that the task
    /// was changing may be incomplete.
    fn spawn(self: &Rc<Self>, task: impl Future<Output = ()> + 'static) {
        let dispatcher = self.clone();
        spawn_local(async move {
            if let Err(panic) = catch_panic(task).await {
                dispatcher.task_panic.set(Some(panic));
                dispatcher.task_panicked.notify_one();
            }
        });
    }

    fn pass_on_task_panic(&self) {
        if let Some(panic) = self.task_panic.take() {
            resume_unwind(panic);
        }
    }

    fn next_wake_at(&self) -> Instant {
        let first = self.timers.borrow().first().map(|(at, _)| *at);
        let wait = first.map_or(SWEEP_INTERVAL, |at| {
            Duration::try_from(at.duration_since(self.now()))
                .unwrap_or_default()
                .min(SWEEP_INTERVAL)
        });
        monotonic_clock::now() + wait
    }

    fn run_due_timers(self: &Rc<Self>) {
        let now = self.now();
        let before = self.timers_checked_at.replace(now);
        if saturating_add(now, SWEEP_INTERVAL) < before {
            // The clock was set back. Timers and deliveries that were scheduled before would wait too long.
            let entries: Vec<_> = self.entries.borrow().values().cloned().collect();
            for entry in entries {
                self.run_lane(&entry);
                self.spawn(self.clone().cap_due_times(entry));
            }
        }
        // Only those that are due now: a lane may set its timer again, and at the end of time to the same instant.
        let later = self
            .timers
            .borrow_mut()
            .split_off(&(now, WebhookId(i64::MAX)));
        let due = self.timers.replace(later);
        for (_, webhook) in due {
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
        for (webhook, delivery) in contents.deliveries {
            let entry = match touched.last() {
                Some(entry) if entry.id == webhook => entry.clone(),
                _ => match self.entry(webhook) {
                    Some(entry) => entry,
                    None => continue,
                },
            };
            if let Some(lane) = entry.lane.borrow_mut().as_mut() {
                let before = lane.queued_bytes();
                lane.push_committed(delivery, self.queued_bytes.get() < MAX_QUEUED_BYTES);
                self.queued_bytes
                    .set(self.queued_bytes.get() + lane.queued_bytes() - before);
            } else {
                // The lane is being read from the store, perhaps as it was before this commit.
                entry
                    .queued_commands
                    .borrow_mut()
                    .push(LaneCommand::ReloadLane {
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
                LaneCommand::ReloadLane {
                    webhook,
                    probe_now: false,
                },
                webhook,
            );
        }
        for command in contents.commands {
            match command {
                LaneCommand::Stop => self.stopping.set(true),
                LaneCommand::TestDraft(draft_test) => {
                    self.spawn(self.clone().test_draft(*draft_test));
                }
                LaneCommand::ApplyChanges(webhooks) => {
                    for webhook in webhooks {
                        self.apply_change(webhook);
                    }
                }
                LaneCommand::ReloadLane { webhook, .. }
                | LaneCommand::SendNow(webhook, _)
                | LaneCommand::PauseLane(webhook, _)
                | LaneCommand::ResumeLane(webhook, _)
                | LaneCommand::ReopenLane(webhook)
                | LaneCommand::TestWebhook(webhook, _) => self.execute(command, webhook),
            }
        }
    }

    /// Executes a command on a lane, once that has been loaded.
    pub(super) fn execute(self: &Rc<Self>, command: LaneCommand, webhook: WebhookId) {
        let Some(entry) = self.entry(webhook) else {
            if let LaneCommand::PauseLane(_, confirm) = command {
                // Nothing is sent to a webhook that the registry does not have. The client may have disconnected.
                let _ = confirm.send(());
            }
            return;
        };
        if entry.lane.borrow().is_none() {
            entry.queued_commands.borrow_mut().push(command);
            return;
        }
        if let LaneCommand::TestWebhook(_, test) = command {
            self.spawn(self.clone().test_webhook(entry, test));
            return;
        }
        let committed = self.context.committer.last_committed_number();
        self.with_lane(&entry, |lane| match command {
            LaneCommand::ReloadLane { probe_now, .. } => {
                lane.request_reload(probe_now.then(|| self.now()));
            }
            LaneCommand::SendNow(_, delivery) => lane.send_now(delivery, committed),
            LaneCommand::PauseLane(_, confirm) => {
                lane.pause();
                // The client may have disconnected; its guard resumes the lane.
                let _ = confirm.send(());
            }
            LaneCommand::ResumeLane(_, through) => lane.resume(through),
            LaneCommand::ReopenLane(_) => lane.reopen(self.now()),
            LaneCommand::ApplyChanges(_)
            | LaneCommand::TestWebhook(..)
            | LaneCommand::TestDraft(_)
            | LaneCommand::Stop => {}
        });
        self.run_lane(&entry);
    }

    /// Closes idle connections and drops idle lanes from memory.
    fn sweep(&self) {
        let committed = self.context.committer.last_committed_number();
        let metrics = &self.context.metrics;
        self.entries.borrow_mut().retain(|_, entry| {
            entry.connections.close_idle(CONNECTION_IDLE_TIMEOUT);
            let mut lane = entry.lane.borrow_mut();
            let Some(lane) = lane.as_mut() else {
                return true;
            };
            lane.forget_settled(committed);
            let current = entry.current.borrow();
            let may_send = current.webhook.is_enabled() && !current.is_held;
            drop(current);
            let idle = lane.is_forgettable(may_send)
                && entry.connections.count() == 0
                && entry.timer.get().is_none();
            // A task may still hold the entry.
            let keep = !idle || Rc::strong_count(entry) > 1;
            if !keep {
                metrics.adjust_lanes(entry.is_failing.get(), -1);
            }
            keep
        });
        self.limits.forget_unused();
    }
}
