//! What goes in and comes out of [`Sonnette`](crate::Sonnette).

use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::dialect::FieldErrors;
use crate::domain::{ActionName, EventSlug, NotificationId};

/// One publication as asked for.
#[derive(Debug)]
pub struct PublishRequest {
    /// The concrete action type.
    pub action_type: String,
    /// The event it belongs to, if any.
    pub event: Option<EventSlug>,
    /// The input as JSON text.
    pub data: Box<RawValue>,
    /// The publisher's own name for it, 1 to 255 characters.
    pub idempotency_key: Option<String>,
    /// The person concerned, as an opaque key.
    pub subject: Option<String>,
}

/// A publication that is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
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
    /// Whether it is new, and not the answer to a repeated key.
    pub new: bool,
}

/// Why nothing was published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// These places of the request are wrong.
    #[error("the input is wrong")]
    Invalid(Vec<(usize, FieldErrors)>),
    /// `data` at this place is longer than 262,144 bytes.
    #[error("the data is too large")]
    TooLarge(usize),
    /// The key at this place stands for other content.
    #[error("the idempotency key was used for other content")]
    Conflict(usize),
    /// The token was deactivated meanwhile.
    #[error("the token is no longer active")]
    TokenInactive,
    /// Nothing was taken; worth another try in a while.
    #[error("the store cannot take it now")]
    Unavailable,
}
