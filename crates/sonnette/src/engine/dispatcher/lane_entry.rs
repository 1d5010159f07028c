//! The lanes of a thread that are in memory, each with what its requests need.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::task::spawn_local;
use tokio::time::sleep;

use super::{Dispatcher, SWEEP_INTERVAL};
use crate::domain::{Policy, Webhook, WebhookId};
use crate::engine::EngineContext;
use crate::engine::dispatcher::inbox::Command;
use crate::engine::lane::Lane;
use crate::engine::sender::{ConnectionPool, PreparedWebhook};
use crate::store::StoreError;

/// A lane and what its requests need.
pub(super) struct LaneEntry {
    pub(super) id: WebhookId,
    /// None while it is being read from the store.
    pub(super) lane: RefCell<Option<Lane>>,
    pub(super) current: RefCell<Current>,
    pub(super) connections: ConnectionPool,
    pub(super) timer: Cell<Option<Timestamp>>,
    pub(super) awaits_capacity: Cell<bool>,
    pub(super) is_failing: Cell<bool>,
    /// What came while the lane was being read.
    pub(super) queued_commands: RefCell<Vec<Command>>,
}

/// The webhook as of one version of the registry.
#[derive(Clone)]
pub(super) struct Current {
    pub(super) version: i64,
    pub(super) webhook: Arc<Webhook>,
    pub(super) prepared: Rc<PreparedWebhook>,
    pub(super) policy: Policy,
}

impl Dispatcher {
    /// A lane's entry; a new one is read from the store first. None: there is no such webhook.
    pub(super) fn entry(self: &Rc<Self>, webhook: WebhookId) -> Option<Rc<LaneEntry>> {
        if let Some(entry) = self.entries.borrow().get(&webhook) {
            return Some(entry.clone());
        }
        let entry = Rc::new(LaneEntry {
            id: webhook,
            lane: RefCell::new(None),
            current: RefCell::new(self.current(webhook)?),
            connections: ConnectionPool::new(),
            timer: Cell::new(None),
            awaits_capacity: Cell::new(false),
            is_failing: Cell::new(false),
            queued_commands: RefCell::default(),
        });
        self.entries.borrow_mut().insert(webhook, entry.clone());
        spawn_local(self.clone().open(entry.clone()));
        Some(entry)
    }

    pub(super) fn current(&self, id: WebhookId) -> Option<Current> {
        let registry = self.context.registry.current();
        let webhook = registry.webhook(id)?.clone();
        let policy = registry.failure_policy(id);
        let entry = self.entries.borrow().get(&id).cloned();
        let known = entry.map(|entry| entry.current.borrow().clone());
        let unchanged = known.filter(|known| Arc::ptr_eq(&known.webhook, &webhook));
        Some(Current {
            version: registry.version(),
            prepared: match unchanged {
                Some(known) => known.prepared,
                None => Rc::new(self.sender.prepare(&webhook)),
            },
            webhook,
            policy: Policy { failures: policy },
        })
    }

    /// The webhook as it is now; what was begun before may still go by an older one. The lane follows it.
    pub(super) fn refresh(self: &Rc<Self>, entry: &Rc<LaneEntry>) -> Current {
        let known = entry.current.borrow().clone();
        if known.version == self.context.registry.version() {
            return known;
        }
        let Some(now) = self.current(entry.id) else {
            return known;
        };
        *entry.current.borrow_mut() = now.clone();
        self.with_lane(entry, |lane| lane.follow(&now.webhook));
        let (before, after) = (&known.webhook, &now.webhook);
        // Between two looks it may have been disabled and enabled.
        let was_disabled = !before.is_enabled() || after.generation > before.generation + 1;
        if after.is_enabled() && was_disabled {
            // What waited was held: it is due now, whatever its schedule said.
            spawn_local(self.clone().make_all_due(entry.clone(), 0));
        }
        now
    }

    pub(super) async fn open(self: Rc<Self>, entry: Rc<LaneEntry>) {
        let webhook = entry.id;
        let row = loop {
            match self
                .blocking(move |context| context.store.lane(webhook))
                .await
            {
                Ok(row) => break row,
                Err(error) => {
                    tracing::warn!(webhook.id = webhook.0, %error, "a lane could not be read; once more in a second");
                    sleep(SWEEP_INTERVAL).await;
                }
            }
        };
        let mut lane = Lane::new(&row);
        lane.follow(&self.refresh(&entry).webhook);
        entry.is_failing.set(lane.health().is_failing());
        self.context.metrics.lane(entry.is_failing.get(), 1);
        *entry.lane.borrow_mut() = Some(lane);
        for command in entry.queued_commands.take() {
            self.execute(command, webhook);
        }
        self.run_lane(&entry);
    }

    /// Work on the store away from this thread.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&EngineContext) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let context = self.context.clone();
        self.context.run_blocking(move || work(&context)).await
    }

    /// Changes a lane and keeps the thread's sums true.
    pub(super) fn with_lane<T>(
        &self,
        entry: &LaneEntry,
        change: impl FnOnce(&mut Lane) -> T,
    ) -> Option<T> {
        let mut lane = entry.lane.borrow_mut();
        let lane = lane.as_mut()?;
        let before = lane.queued_bytes();
        let answer = change(lane);
        self.queued_bytes
            .set(self.queued_bytes.get() + lane.queued_bytes() - before);
        let failing = lane.health().is_failing();
        if entry.is_failing.replace(failing) != failing {
            self.context.metrics.lane(!failing, -1);
            self.context.metrics.lane(failing, 1);
        }
        Some(answer)
    }

    pub(super) fn apply_change(self: &Rc<Self>, webhook: WebhookId) {
        let entry = self.entries.borrow().get(&webhook).cloned();
        let Some(entry) = entry else {
            // A lane not in memory: perhaps it was switched on, and something waits.
            self.entry(webhook);
            return;
        };
        self.refresh(&entry);
        self.run_lane(&entry);
    }
}
