//! What a lane wants done, and what came of it.

use jiff::Timestamp;

use crate::domain::{AttemptId, AttemptKind, Decision, LaneHealth, NotificationId};
use crate::store::{Cursor, DeliveryUpdate, PendingDelivery};

/// What a lane wants done.
#[derive(Debug, PartialEq)]
pub(crate) enum LaneAction {
    /// Send this.
    Send(SendOrder),
    /// Settle this as given up: its three days are over.
    Expire(NotificationId),
    /// Read what is due from the store, after the cursor.
    Load(Option<Cursor>, usize),
    /// Ask again then.
    SleepUntil(Timestamp),
    /// Ask again when something happens.
    Idle,
}

/// A request to be made.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SendOrder {
    pub(crate) delivery: PendingDelivery,
    pub(crate) kind: AttemptKind,
    /// The webhook's generation that it was taken under.
    pub(crate) generation: u64,
    /// How often the lane had been paused when it was taken.
    pub(crate) pauses: u32,
    /// Somebody asked for it. What they saw may have changed since: it is looked up again before it is sent.
    pub(crate) is_urgent: bool,
}

/// What came of an order.
#[derive(Debug)]
pub(crate) struct OutcomeEffects {
    pub(crate) attempt_id: AttemptId,
    pub(crate) update: DeliveryUpdate,
    /// The lane's health, where the stored one no longer holds.
    pub(crate) changed_health: Option<LaneHealth>,
    pub(crate) decision: Decision,
    /// The lane has just begun to fail, or to hold for good: deliveries with a time to come are held from now on.
    pub(crate) must_hold: bool,
}
