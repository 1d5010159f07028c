//! What a lane wants done, and what came of it.

use jiff::Timestamp;

use crate::domain::{AttemptId, Decision, LaneHealth, NotificationId, Turn};
use crate::store::{Cursor, Follows, Waiting};

/// What a lane wants done.
#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    /// Send this.
    Send(Order),
    /// Settle this as given up: its three days are over.
    Expire(NotificationId),
    /// Read what is due from the store, after the cursor.
    Load(Option<Cursor>, usize),
    /// Ask again then.
    Sleep(Timestamp),
    /// Ask again when something happens.
    Rest,
}

/// A request to be made.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Order {
    pub(crate) waiting: Waiting,
    pub(crate) turn: Turn,
    /// How often the lane had begun anew.
    pub(crate) epoch: u32,
}

/// What came of an order.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) attempt: AttemptId,
    pub(crate) follows: Follows,
    /// The lane's health, where the stored one no longer holds.
    pub(crate) health: Option<LaneHealth>,
    pub(crate) decision: Decision,
    /// The lane has just begun to fail, or to hold for good: deliveries with a time to come are held from now on.
    pub(crate) hold: bool,
}
