//! A delivery: one notification for one webhook, until it is settled.

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::string_enum::string_enum;
use super::{ActionTypeName, EventSlug, NotificationId, WebhookId, saturating_add};

/// The time after which a delivery is given up, even if retries are left.
pub const DELIVERY_LIFETIME: SignedDuration = SignedDuration::from_hours(72);

/// The progress of an unsettled delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryProgress {
    /// The number of requests so far, probes included.
    pub attempts: u32,
    /// The number of tries used of the retry schedule. A probe uses none, so this is at most `attempts`.
    pub scheduled_tries: u32,
    /// When the retry schedule began: at publication, or when the delivery was last resent by hand.
    pub started_at: Timestamp,
    /// Not before this.
    pub due_at: Timestamp,
}

impl DeliveryProgress {
    /// The progress of a new delivery.
    pub fn new(published_at: Timestamp) -> Self {
        Self {
            attempts: 0,
            scheduled_tries: 0,
            started_at: published_at,
            due_at: published_at,
        }
    }

    /// When the delivery is given up, even if retries are left.
    pub fn expires_at(&self) -> Timestamp {
        saturating_add(self.started_at, DELIVERY_LIFETIME)
    }
}

/// A delivery as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The webhook. There is one delivery for each webhook and notification.
    pub webhook: WebhookId,
    /// The notification.
    pub notification: NotificationId,
    /// The concrete action type.
    pub action_type: ActionTypeName,
    /// The event of the notification, if any.
    pub event: Option<EventSlug>,
    /// The number of requests so far.
    pub attempts: u32,
    /// The current state.
    pub state: DeliveryState,
}

/// The state of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryState {
    /// Waits until it is due.
    Scheduled {
        /// Not before this.
        due_at: Timestamp,
    },
    /// Waits for its lane: the receiver is failing or the webhook is disabled.
    Held,
    /// Is not sent again unless somebody asks for it.
    Settled {
        /// When it was settled.
        at: Timestamp,
        /// How it was settled.
        kind: SettlementKind,
        /// Why it was not delivered.
        reason: Option<SettlementReason>,
    },
}

impl DeliveryState {
    /// The state as the API names it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Scheduled { .. } => "scheduled",
            Self::Held => "held",
            Self::Settled { kind, .. } => kind.as_str(),
        }
    }
}

string_enum! {
    /// How a delivery was settled.
    SettlementKind {
        /// The receiver accepted it.
        Delivered = "delivered",
        /// Its tries or its three days were used up.
        GivenUp = "given_up",
        /// A person dropped it.
        Dropped = "dropped",
    }
}

/// Why a delivery was settled without being delivered. Tables and the API have its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettlementReason {
    /// Every try of its schedule failed.
    TriesUsedUp,
    /// It was not delivered within [`DELIVERY_LIFETIME`].
    LifetimeOver,
    /// A person dropped it.
    DroppedByPerson,
    /// The data of the person that it was about was erased.
    DataErased,
    /// A text of an embedder or of another version.
    Other(String),
}

impl SettlementReason {
    /// The text in tables and in the API.
    pub fn as_str(&self) -> &str {
        match self {
            Self::TriesUsedUp => "its twelve tries are used up",
            Self::LifetimeOver => "its three days are over",
            Self::DroppedByPerson => "dropped by hand",
            Self::DataErased => "the person's data was erased",
            Self::Other(text) => text,
        }
    }
}

impl From<String> for SettlementReason {
    fn from(text: String) -> Self {
        let known = [
            Self::TriesUsedUp,
            Self::LifetimeOver,
            Self::DroppedByPerson,
            Self::DataErased,
        ];
        let mut known = known.into_iter();
        known
            .find(|reason| reason.as_str() == text)
            .unwrap_or(Self::Other(text))
    }
}
