//! What a lane asks its thread to do, and what it returns about an outcome.

use jiff::Timestamp;

use crate::domain::{AttemptId, AttemptKind, Decision, LaneHealth, NotificationId};
use crate::store::{ActionTypeResponse, Cursor, DeliveryUpdate, PendingDelivery};

/// What a lane does next.
#[derive(Debug, PartialEq)]
pub(crate) enum LaneAction {
    /// Send a request.
    Send(SendOrder),
    /// Give up a delivery whose lifetime has ended.
    Expire(NotificationId),
    /// Load at most this many due deliveries from the store, those after the cursor.
    Load(Option<Cursor>, usize),
    /// Load the deliveries that the next probe may send: at most this many after the cursor and as many of the newest.
    LoadProbeCandidates(Option<Cursor>, usize),
    /// Ask again at this time.
    SleepUntil(Timestamp),
    /// Ask again after the next event.
    Idle,
}

/// A request to be sent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SendOrder {
    pub(crate) delivery: PendingDelivery,
    pub(crate) kind: AttemptKind,
    /// The webhook's generation that it is sent under.
    pub(crate) generation: u64,
    /// How often the lane had been paused when the order was made.
    pub(crate) pause_count: u32,
    /// A person asked for it. What they saw may have changed since, so that the delivery is looked up before it is sent.
    pub(crate) is_manual: bool,
}

/// What results from the outcome of a request.
#[derive(Debug)]
pub(crate) struct OutcomeEffects {
    pub(crate) attempt_id: AttemptId,
    pub(crate) update: DeliveryUpdate,
    /// The lane's health, if it differs from the stored one.
    pub(crate) changed_health: Option<LaneHealth>,
    /// What the outcome says about the action type, if that is new.
    pub(crate) action_type: Option<ActionTypeResponse>,
    pub(crate) decision: Decision,
    /// The lane has just begun to fail, or its webhook is disabled: deliveries that are scheduled for later are held from
    /// now on.
    pub(crate) must_hold: bool,
}
