//! What goes in and comes out of [`Sonnette`](crate::Sonnette).

use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::dialect::FieldErrors;
use crate::domain::{ActionTypeName, EventSlug, NotificationId};

/// A fact to be published.
#[derive(Debug)]
pub struct PublishRequest {
    /// The concrete action type.
    pub action_type: String,
    /// The event it belongs to, if any.
    pub event: Option<EventSlug>,
    /// The input as JSON text.
    pub data: Box<RawValue>,
    /// The publisher's key, 1 to 255 characters: a repeated request gets the first answer.
    pub idempotency_key: Option<String>,
    /// The person concerned, as an opaque key.
    pub subject: Option<String>,
}

/// A publication that is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedNotification {
    /// The id of the notification.
    pub id: NotificationId,
    /// The concrete action type.
    pub action_type: ActionTypeName,
    /// The event it belongs to, if any.
    pub event: Option<EventSlug>,
    /// When it was published.
    pub published_at: Timestamp,
    /// How many enabled webhooks matched.
    pub deliveries: usize,
    /// False if the idempotency key was used before.
    pub is_new: bool,
}

/// Deliveries of the requests that are published together. They are one transaction, for which others wait.
pub(super) const MAX_DELIVERIES: usize = 200_000;

/// Why nothing was published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The requests at these indices are invalid.
    #[error("the input is invalid")]
    Invalid(Vec<(usize, FieldErrors)>),
    /// `data` of the request at this index is longer than 262,144 bytes.
    #[error("the data is too large")]
    TooLarge(usize),
    /// All requests together match so many webhooks that their deliveries are not written in one transaction.
    #[error(
        "the notifications would make {0} deliveries, and those of a request at most {MAX_DELIVERIES}"
    )]
    TooManyDeliveries(usize),
    /// The idempotency key of the request at this index was used for other content.
    #[error("the idempotency key was used for other content")]
    Conflict(usize),
    /// The token is no longer active.
    #[error("the token is no longer active")]
    TokenInactive,
    /// The store is unavailable or overloaded. The client may try again later.
    #[error("the store is unavailable")]
    Unavailable,
}
