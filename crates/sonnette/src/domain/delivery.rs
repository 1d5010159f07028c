//! One notification for one webhook, until settled.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::string_enum::string_enum;
use super::{ActionName, DELIVERY_LIFETIME, EventSlug, NotificationId, WebhookId, saturating_add};

/// How far an unsettled delivery has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Requests made so far, of every kind.
    pub attempts: u32,
    /// Tries of the schedule used; a probe uses none, so this is at most `attempts`.
    pub tries: u32,
    /// When its schedule began: at publication, or when it was last sent again by hand.
    pub started_at: Timestamp,
    /// Not before this.
    pub due_at: Timestamp,
}

impl Progress {
    /// A delivery of something published now.
    pub fn new(published_at: Timestamp) -> Self {
        Self {
            attempts: 0,
            tries: 0,
            started_at: published_at,
            due_at: published_at,
        }
    }

    /// When it is given up, whatever is left of its schedule.
    pub fn expires_at(&self) -> Timestamp {
        saturating_add(self.started_at, DELIVERY_LIFETIME)
    }
}

/// A delivery as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// To whom; with `notification` its key: there is one delivery for each pair.
    pub webhook: WebhookId,
    /// Of what.
    pub notification: NotificationId,
    /// The concrete action type.
    pub action_type: ActionName,
    /// The event it belongs to, if any.
    pub event: Option<EventSlug>,
    /// Requests made so far.
    pub attempts: u32,
    /// Where it stands.
    pub state: DeliveryState,
}

/// Where a delivery stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryState {
    /// Waits for its time.
    Scheduled {
        /// Not before this.
        due_at: Timestamp,
    },
    /// Waits for its lane: the receiver is failing, or the webhook disabled.
    Held,
    /// Will not be sent again of itself.
    Settled {
        /// Since when.
        at: Timestamp,
        /// How it ended.
        how: SettlementKind,
        /// In plain words, for what was not delivered.
        reason: Option<String>,
    },
}

impl DeliveryState {
    /// The word of the API.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Scheduled { .. } => "scheduled",
            Self::Held => "held",
            Self::Settled { how, .. } => how.as_str(),
        }
    }
}

string_enum! {
    /// How a delivery ended.
    SettlementKind {
        /// A receiver took it.
        Delivered = "delivered",
        /// Its tries or its three days were used up.
        GivenUp = "given_up",
        /// Somebody said so.
        Dropped = "dropped",
    }
}
