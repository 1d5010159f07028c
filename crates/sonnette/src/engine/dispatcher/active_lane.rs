//! The lanes of a thread that are in memory, each with what its requests need.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::task::{spawn_blocking, spawn_local};
use tokio::time::sleep;

use super::{Dispatcher, SWEEP};
use crate::domain::{Policy, Webhook, WebhookId};
use crate::engine::Shared;
use crate::engine::dispatcher::inbox::Message;
use crate::engine::lane::Lane;
use crate::engine::sender::{Connections, Prepared};
use crate::store::StoreError;

/// A lane and what its requests need.
pub(super) struct Slot {
    pub(super) id: WebhookId,
    /// None while it is being read from the store.
    pub(super) lane: RefCell<Option<Lane>>,
    pub(super) current: RefCell<Current>,
    pub(super) connections: Connections,
    pub(super) timer: Cell<Option<Timestamp>>,
    pub(super) has_turn: Cell<bool>,
    pub(super) failing: Cell<bool>,
    /// What came while the lane was being read.
    pub(super) held_back: RefCell<Vec<Message>>,
}

/// The webhook as of one version of the registry.
#[derive(Clone)]
pub(super) struct Current {
    pub(super) version: i64,
    pub(super) webhook: Arc<Webhook>,
    pub(super) prepared: Rc<Prepared>,
    pub(super) policy: Policy,
}

impl Dispatcher {
    /// A lane's slot; a new one is read from the store first. None: there is no such webhook.
    pub(super) fn slot(self: &Rc<Self>, webhook: WebhookId) -> Option<Rc<Slot>> {
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

    pub(super) fn current(&self, id: WebhookId) -> Option<Current> {
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
    pub(super) fn refresh(&self, slot: &Slot) -> Current {
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

    pub(super) async fn open(self: Rc<Self>, slot: Rc<Slot>) {
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
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let shared = self.shared.clone();
        spawn_blocking(move || work(&shared))
            .await
            .unwrap_or_else(|error| Err(StoreError::Unavailable(error.to_string())))
    }

    /// Changes a lane and keeps the thread's sums true.
    pub(super) fn with_lane<T>(
        &self,
        slot: &Slot,
        change: impl FnOnce(&mut Lane) -> T,
    ) -> Option<T> {
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

    pub(super) fn changed(self: &Rc<Self>, webhook: WebhookId) {
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
}
