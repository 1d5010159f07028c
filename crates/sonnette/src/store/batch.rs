//! What goes into one durable transaction.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use crate::domain::{
    ActionName, AlertKind, Attempt, Audience, BodyTemplate, Decision, DisableReason, EventSlug,
    FailurePolicy, LaneHealth, NotificationId, OrganizerId, PayloadShape, Progress, SettlementKind,
    TokenHash, WebhookId,
};

/// Publications and settlements that share a transaction.
#[derive(Debug, Default)]
pub struct Batch {
    /// Each stands or falls as a whole.
    pub groups: Vec<PublicationGroup>,
    /// What came of attempts, or of deliveries whose time was up.
    pub settlements: Vec<Settlement>,
    /// Changes of webhooks that `groups` make known; they are owed no longer.
    pub announced: Vec<i64>,
    /// When the transaction is made.
    pub now: Timestamp,
}

/// The publications of one request.
#[derive(Debug, Clone)]
pub struct PublicationGroup {
    /// Whose facts they are.
    pub organizer: OrganizerId,
    /// Who publishes them: looked at again if the registry has moved on by the time of the commit.
    pub token: Option<TokenHash>,
    /// In the order of the request.
    pub publications: Vec<Publication>,
}

/// One fact to be published.
#[derive(Debug, Clone)]
pub struct Publication {
    /// The concrete action type.
    pub action_type: ActionName,
    /// The event it belongs to, if any.
    pub event: Option<EventSlug>,
    /// Whether an unknown event becomes known by it.
    pub registers_event: bool,
    /// How the body was made.
    pub shape: PayloadShape,
    /// The body but for the id.
    pub body: BodyTemplate,
    /// The publication's `data`, where it cannot be read out of the body.
    pub data: Option<Box<str>>,
    /// Which of those that match are told.
    pub audience: Audience,
    /// The person concerned, as an opaque key.
    pub subject: Option<String>,
    /// When it was published.
    pub at: Timestamp,
    /// The publisher's own name for it.
    pub key: Option<Key>,
    /// Who is told.
    pub webhooks: Vec<WebhookId>,
}

/// An idempotency key and what it stood for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// 1 to 255 characters.
    pub text: String,
    /// SHA-256 of the content as JSON values.
    pub content: [u8; 32],
}

/// What became of a group.
#[derive(Debug, Clone, PartialEq)]
pub enum GroupResult {
    /// Everything in it is on disk, now or from before.
    Taken(Vec<StoredPublication>),
    /// The key at this place stands for other content; nothing of the group was taken.
    Conflict(usize),
}

/// A publication that is on disk.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredPublication {
    /// Its id.
    pub id: NotificationId,
    /// The concrete action type.
    pub action_type: ActionName,
    /// The event it belongs to, if any.
    pub event: Option<EventSlug>,
    /// When it was published.
    pub at: Timestamp,
    /// How many enabled webhooks matched.
    pub deliveries: usize,
    /// The complete body, if it was taken just now; a repeated key publishes nothing.
    pub body: Option<Bytes>,
}

/// The end of an attempt, or of a delivery.
#[derive(Debug, Clone)]
pub struct Settlement {
    /// Whose lane.
    pub webhook: WebhookId,
    /// What is written of it.
    pub verdict: Verdict,
    /// The lane's health, where it is no longer what is stored.
    pub health: Option<LaneHealth>,
    /// Switches the webhook off; after [`Verdict::Expired`] only if nothing succeeded since that was published.
    pub disable: Option<DisableReason>,
    /// What is owed to its owners if it is switched off, or before that.
    pub alert: Option<AlertKind>,
}

impl Settlement {
    /// Of a delivery whose time was up before it was tried again.
    pub(crate) fn expired(
        webhook: WebhookId,
        notification: NotificationId,
        policy: FailurePolicy,
    ) -> Self {
        let strict = policy != FailurePolicy::Never;
        Self {
            webhook,
            verdict: Verdict::Expired(notification),
            health: None,
            disable: strict.then_some(DisableReason::Failures),
            alert: strict.then_some(AlertKind::Failures),
        }
    }
}

/// What is written of an attempt or a delivery.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// An attempt and what follows for its delivery; a settled delivery stays as it is.
    Attempted {
        /// For the log.
        attempt: Arc<Attempt>,
        /// What follows; none for a test.
        follows: Option<DeliveryUpdate>,
    },
    /// A delivery whose time was up before it was tried again.
    Expired(NotificationId),
}

/// What an attempt does to its delivery's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryUpdate {
    /// It ends.
    Ends {
        /// How.
        how: SettlementKind,
        /// After this many attempts.
        attempts: u32,
        /// The beginning of its schedule: one that was begun anew meanwhile goes on.
        started_at: Timestamp,
    },
    /// It goes on waiting.
    Waits(Progress),
}

impl DeliveryUpdate {
    /// What a decision means for the row.
    pub(crate) fn from_decision(decision: &Decision, before: &Progress) -> Self {
        use crate::domain::DeliveryDecision as D;
        let ends = |how| Self::Ends {
            how,
            attempts: before.attempts.saturating_add(1),
            started_at: before.started_at,
        };
        match decision.delivery {
            D::Delivered => ends(SettlementKind::Delivered),
            D::GivenUp(_) => ends(SettlementKind::GivenUp),
            D::Waits(progress) => Self::Waits(progress),
        }
    }
}
