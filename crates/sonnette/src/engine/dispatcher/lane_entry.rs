//! The lanes of a thread that are in memory, with their webhooks and connections.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::sleep;

use super::concurrency_limits::LaneLimits;
use super::{Dispatcher, SWEEP_INTERVAL};
use crate::domain::{FailurePolicy, Webhook, WebhookId};
use crate::engine::EngineContext;
use crate::engine::dispatcher::inbox::LaneCommand;
use crate::engine::host_table::Host;
use crate::engine::lane::Lane;
use crate::engine::sender::{ConnectionPool, PreparedWebhook};
use crate::store::StoreError;

/// A lane in memory, with its webhook and connections.
pub(super) struct LaneEntry {
    pub(super) id: WebhookId,
    /// None while it is being loaded.
    pub(super) lane: RefCell<Option<Lane>>,
    pub(super) current: RefCell<CurrentWebhook>,
    /// Where its requests in flight are counted.
    pub(super) limits: RefCell<Rc<LaneLimits<LaneEntry>>>,
    pub(super) connections: ConnectionPool,
    /// When the lane is run next; the same as in the dispatcher's `timers`.
    pub(super) timer: Cell<Option<Timestamp>>,
    /// It waits for one of its limits, or for one of a former target.
    pub(super) awaits_permit: Cell<bool>,
    /// The row of its target host in the table of hosts, if that has one.
    pub(super) host: RefCell<Option<Arc<Host>>>,
    /// As counted in the metrics.
    pub(super) is_failing: Cell<bool>,
    /// Commands that arrived while the lane was being loaded.
    pub(super) queued_commands: RefCell<Vec<LaneCommand>>,
}

/// A webhook as of one version of the registry, and what its requests share.
#[derive(Clone)]
pub(super) struct CurrentWebhook {
    pub(super) registry_version: i64,
    pub(super) webhook: Arc<Webhook>,
    /// Prepared by the first request, so that a panic in it fails only that request.
    pub(super) prepared_webhook: Rc<OnceCell<PreparedWebhook>>,
    pub(super) policy: FailurePolicy,
    /// Its deliveries are held after a restore.
    pub(super) is_held: bool,
}

impl CurrentWebhook {
    /// A webhook that is not in the registry.
    pub(super) fn from_draft(webhook: Webhook) -> Self {
        Self {
            registry_version: 0,
            webhook: Arc::new(webhook),
            prepared_webhook: Rc::default(),
            policy: FailurePolicy::Never,
            is_held: false,
        }
    }
}

impl Dispatcher {
    /// The entry of a lane. A new one is loaded in the background. None: there is no such webhook.
    pub(super) fn entry(self: &Rc<Self>, webhook: WebhookId) -> Option<Rc<LaneEntry>> {
        if let Some(entry) = self.entries.borrow().get(&webhook) {
            return Some(entry.clone());
        }
        let current = self.find_webhook(webhook)?;
        let (organizer, target) = (current.webhook.organizer, &current.webhook.target);
        let entry = Rc::new(LaneEntry {
            id: webhook,
            lane: RefCell::new(None),
            limits: RefCell::new(self.limits.limits_of(organizer, target)),
            current: RefCell::new(current),
            connections: ConnectionPool::new(),
            timer: Cell::new(None),
            awaits_permit: Cell::new(false),
            host: RefCell::new(None),
            is_failing: Cell::new(false),
            queued_commands: RefCell::default(),
        });
        self.entries.borrow_mut().insert(webhook, entry.clone());
        self.spawn(self.clone().load_lane(entry.clone()));
        Some(entry)
    }

    /// The webhook as the registry has it. None: there is no such webhook.
    fn find_webhook(&self, id: WebhookId) -> Option<CurrentWebhook> {
        let registry = self.context.registry.current();
        let webhook = registry.webhook(id)?.clone();
        let policy = registry.failure_policy(id);
        Some(CurrentWebhook {
            registry_version: registry.version(),
            is_held: registry.is_held(webhook.organizer),
            webhook,
            prepared_webhook: Rc::default(),
            policy,
        })
    }

    /// Takes over the newest version of the webhook, for its lane too. Requests that have begun finish with theirs.
    pub(super) fn refresh(self: &Rc<Self>, entry: &Rc<LaneEntry>) -> CurrentWebhook {
        let before = entry.current.borrow().clone();
        if before.registry_version == self.context.registry.version() {
            return before;
        }
        let Some(mut current) = self.find_webhook(entry.id) else {
            return before;
        };
        if Arc::ptr_eq(&current.webhook, &before.webhook) {
            current.prepared_webhook = before.prepared_webhook;
        } else {
            let (organizer, target) = (current.webhook.organizer, &current.webhook.target);
            *entry.limits.borrow_mut() = self.limits.limits_of(organizer, target);
            if target.host() != before.webhook.target.host() {
                *entry.host.borrow_mut() = None;
            }
        }
        *entry.current.borrow_mut() = current.clone();
        let now = self.now();
        self.with_lane(entry, |lane| lane.follow(&current.webhook, now));
        let (before, after) = (&before.webhook, &current.webhook);
        // With more than one change in between, it may have been disabled and enabled.
        let was_disabled = !before.is_enabled() || after.generation > before.generation + 1;
        if after.is_enabled() && was_disabled {
            // Its deliveries were held; now they are due.
            self.spawn(self.clone().expedite_lane(entry.clone(), 0));
        }
        current
    }

    /// Loads a lane from the store, as often as that takes.
    async fn load_lane(self: Rc<Self>, entry: Rc<LaneEntry>) {
        let webhook = entry.id;
        let row = loop {
            match self
                .blocking(move |context| context.store.lane(webhook))
                .await
            {
                Ok(row) => break row,
                Err(error) => {
                    tracing::warn!(webhook.id = webhook.0, %error, "webhook {webhook}: its lane could not be loaded yet: {error}");
                    sleep(SWEEP_INTERVAL).await;
                }
            }
        };
        let mut lane = Lane::new(&row);
        lane.follow(&self.refresh(&entry).webhook, self.now());
        entry.is_failing.set(lane.health().is_failing());
        self.context.metrics.adjust_lanes(entry.is_failing.get(), 1);
        *entry.lane.borrow_mut() = Some(lane);
        for command in entry.queued_commands.take() {
            self.execute(command, webhook);
        }
        self.run_lane(&entry);
        if row.next_due_at.is_some() {
            // The clock may have been set back while the lane was not in memory.
            self.cap_due_times(entry).await;
        }
    }

    /// Runs work on the store on another thread.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&EngineContext) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let context = self.context.clone();
        self.context.run_blocking(move || work(&context)).await
    }

    /// Changes a lane and updates the sums and metrics of the thread.
    pub(super) fn with_lane<T>(
        &self,
        entry: &LaneEntry,
        change: impl FnOnce(&mut Lane) -> T,
    ) -> Option<T> {
        let mut lane = entry.lane.borrow_mut();
        let lane = lane.as_mut()?;
        let before = lane.queued_bytes();
        let result = change(lane);
        self.queued_bytes
            .set(self.queued_bytes.get() + lane.queued_bytes() - before);
        let failing = lane.health().is_failing();
        if entry.is_failing.replace(failing) != failing {
            self.context.metrics.adjust_lanes(!failing, -1);
            self.context.metrics.adjust_lanes(failing, 1);
        }
        Some(result)
    }

    /// Takes over the new version of a webhook.
    pub(super) fn apply_change(self: &Rc<Self>, webhook: WebhookId) {
        let entry = self.entries.borrow().get(&webhook).cloned();
        let Some(entry) = entry else {
            // The webhook may have been enabled and have pending deliveries.
            self.entry(webhook);
            return;
        };
        self.refresh(&entry);
        self.run_lane(&entry);
    }
}
