//! What one group commit writes.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use crate::domain::{
    ActionTypeName, AlertKind, Attempt, Audience, BodyTemplate, Decision, DeliveryDecision,
    DeliveryProgress, DisableReason, EventSlug, FailurePolicy, LaneHealth, NotificationId,
    OrganizerId, PayloadShape, SettlementKind, TokenHash, WebhookId,
};

/// Publications and settlements that share a transaction.
#[derive(Debug, Default)]
pub struct Batch {
    /// Publications; each group is stored as a whole or not at all.
    pub groups: Vec<PublicationGroup>,
    /// Finished attempts and expired deliveries.
    pub settlements: Vec<Settlement>,
    /// Ids of the [`PendingWebhookChange`](crate::domain::PendingWebhookChange)s that `groups` publish. The transaction
    /// removes them.
    pub published_changes: Vec<i64>,
    /// The time that the transaction records.
    pub now: Timestamp,
}

/// The publications of one request.
#[derive(Debug, Clone)]
pub struct PublicationGroup {
    /// The organizer of all publications in the group.
    pub organizer: OrganizerId,
    /// The token of the request, if it had one. It is checked again if the registry has changed by the time of the
    /// commit.
    pub token: Option<TokenHash>,
    /// In the order of the request.
    pub publications: Vec<Publication>,
}

/// A notification that is not stored yet.
#[derive(Debug, Clone)]
pub struct Publication {
    /// The concrete action type.
    pub action_type: ActionTypeName,
    /// The event it belongs to, if any.
    pub event: Option<EventSlug>,
    /// Whether the commit adds the event to the organizer's events if it is unknown.
    pub registers_event: bool,
    /// The dialect's shape of the body.
    pub shape: PayloadShape,
    /// The body without the notification's id, which the commit inserts.
    pub body: BodyTemplate,
    /// The `data` of the request, if it cannot be read from the body.
    pub data: Option<Box<str>>,
    /// Which of the matching webhooks receive it.
    pub audience: Audience,
    /// The person concerned, as an opaque key.
    pub subject: Option<String>,
    /// The time of publication.
    pub published_at: Timestamp,
    /// The idempotency key of the request, if it had one.
    pub key: Option<IdempotencyKey>,
    /// The webhooks that receive it.
    pub webhooks: Vec<WebhookId>,
}

/// An idempotency key and the content that it was used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// 1 to 255 characters; unique within an organizer.
    pub text: String,
    /// The content, for comparison.
    pub content_hash: ContentHash,
}

/// SHA-256 of a content as JSON values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentHash {
    /// Numbers are compared exactly.
    pub exact: [u8; 32],
    /// Numbers are compared as doubles, as in version 0.1, which stored this hash.
    pub double_precision: [u8; 32],
}

impl ContentHash {
    /// The first byte of a stored exact hash. Version 0.1 stored the 32 bytes alone.
    const EXACT_HASH_TAG: u8 = 2;

    /// The hash as it is stored.
    pub fn to_stored(self) -> Vec<u8> {
        [&[Self::EXACT_HASH_TAG], &self.exact[..]].concat()
    }

    /// Whether a stored hash is of the same content.
    pub fn matches(&self, stored: &[u8]) -> bool {
        match stored {
            [Self::EXACT_HASH_TAG, hash @ ..] if hash.len() == self.exact.len() => {
                *hash == self.exact
            }
            hash => *hash == self.double_precision,
        }
    }
}

/// What a commit did with a group.
#[derive(Debug, Clone, PartialEq)]
pub enum GroupResult {
    /// All publications of the group are stored, by this commit or, with a repeated key, by an earlier one.
    Stored(Vec<StoredPublication>),
    /// The publication at this index has a key that was used for other content. Nothing of the group is stored.
    Conflict(usize),
}

/// A publication that is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredPublication {
    /// The id that the store assigned.
    pub id: NotificationId,
    /// The concrete action type.
    pub action_type: ActionTypeName,
    /// The event it belongs to, if any.
    pub event: Option<EventSlug>,
    /// The time of publication.
    pub published_at: Timestamp,
    /// How many enabled webhooks matched.
    pub delivery_count: usize,
    /// The complete body if this commit stored it. `None` for a repeated key, which is not delivered again.
    pub body: Option<Bytes>,
}

/// What a finished attempt or an expired delivery changes.
#[derive(Debug, Clone)]
pub struct Settlement {
    /// The webhook of the lane.
    pub webhook: WebhookId,
    /// The webhook's generation that the request was sent under. Once the webhook has a later one, `health`, `disable` and
    /// `alert` are ignored: they are about a target that it no longer has.
    pub generation: u64,
    /// The finished attempt or the expired delivery.
    pub cause: SettlementCause,
    /// The new health of the lane, if it differs from the stored one.
    pub health: Option<LaneHealth>,
    /// What the attempt says about its action type, if that is new. Ignored as `health` is.
    pub action_type: Option<ActionTypeResponse>,
    /// Disables the webhook. After [`SettlementCause::Expired`] only if no delivery has succeeded since the publication.
    pub disable: Option<DisableReason>,
    /// The alert to enqueue. With `disable` it is enqueued only if the webhook was enabled.
    pub alert: Option<AlertKind>,
}

impl Settlement {
    /// Gives up a delivery whose lifetime ended before its next attempt.
    pub(crate) fn expired(
        webhook: WebhookId,
        generation: u64,
        notification: NotificationId,
        policy: FailurePolicy,
    ) -> Self {
        let may_disable = policy != FailurePolicy::Never;
        Self {
            webhook,
            generation,
            cause: SettlementCause::Expired(notification),
            health: None,
            action_type: None,
            disable: may_disable.then_some(DisableReason::Failures),
            alert: may_disable.then_some(AlertKind::Failures),
        }
    }
}

/// What an attempt says about its action type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActionTypeResponse {
    /// The receiver refused a notification of this type.
    Refused,
    /// The receiver accepted a notification of this type, which it had refused before.
    Accepted,
}

/// What led to a [`Settlement`].
#[derive(Debug, Clone)]
pub enum SettlementCause {
    /// An attempt finished.
    Attempted {
        /// The attempt, for the log.
        attempt: Arc<Attempt>,
        /// The change of its delivery; `None` for a test. A settled delivery is not changed, unless this is a success and
        /// it was dropped or given up while the request was in flight.
        update: Option<DeliveryUpdate>,
    },
    /// The lifetime of this notification's delivery ended before its next attempt.
    Expired(NotificationId),
}

/// How an attempt changes the row of its delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryUpdate {
    /// The delivery is settled.
    Settle {
        /// Delivered or given up.
        end: SettlementKind,
        /// The number of attempts made.
        attempts: u32,
        /// The start of the schedule that the attempt belongs to. If the delivery was resent meanwhile, its row has
        /// another start and is not changed.
        started_at: Timestamp,
    },
    /// The delivery waits for its next attempt.
    Reschedule(DeliveryProgress),
}

impl DeliveryUpdate {
    /// The update that carries out a decision.
    pub(crate) fn from_decision(decision: &Decision, before: &DeliveryProgress) -> Self {
        let settle = |end| Self::Settle {
            end,
            attempts: before.attempts.saturating_add(1),
            started_at: before.started_at,
        };
        match decision.delivery {
            DeliveryDecision::Delivered => settle(SettlementKind::Delivered),
            DeliveryDecision::GivenUp(_) => settle(SettlementKind::GivenUp),
            DeliveryDecision::Waits(progress) => Self::Reschedule(progress),
        }
    }
}
