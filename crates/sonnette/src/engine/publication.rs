//! What goes in and comes out of [`Sonnette`](crate::Sonnette).

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::value::RawValue;

use super::sender::{SenderConfig, SenderError};
use crate::dialect::FieldErrors;
use crate::domain::{
    ActionName, AlertRules, Attempt, DisableReason, EventSlug, LaneHealth, NotificationId,
    OrganizerId, WebhookId,
};
use crate::store::StoreError;

/// How the engine works.
#[derive(Debug, Clone)]
pub struct Options {
    /// How requests are sent.
    pub sender: SenderConfig,
    /// How long what ended is kept.
    pub log_kept: Duration,
    /// Which alerts are queued.
    pub alerts: AlertRules,
    /// Threads that send; each has lanes of its own.
    pub sending_threads: usize,
}

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

/// Why a webhook or delivery was left as it was.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// There is none.
    #[error("there is no such thing")]
    Missing,
    /// The webhook is disabled.
    #[error("the webhook is disabled")]
    Disabled,
    /// What was published has been erased: there is nothing left to send.
    #[error("the notification has been erased")]
    Erased,
    /// There is no concrete action type to try it with.
    #[error("there is no action type to test with")]
    NothingToTest,
    /// As many webhooks are being tried out as may be at a time; worth another try in a moment.
    #[error("too many webhooks are being tried out")]
    Busy,
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why the engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Requests could not be sent.
    #[error(transparent)]
    Sender(#[from] SenderError),
    /// A thread could not be started.
    #[error("a thread could not be started: {0}")]
    Thread(#[from] std::io::Error),
}

/// A lane as its owner sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct LaneStatus {
    /// How its receiver has been answering.
    pub health: LaneHealth,
    /// How many deliveries wait.
    pub backlog: u64,
    /// Since when the oldest of them waits.
    pub oldest_waiting: Option<Timestamp>,
    /// When the next request may begin, if anything waits.
    pub next_attempt: Option<Timestamp>,
}

/// Something that just happened, for those who watch.
#[derive(Debug, Clone)]
pub enum Activity {
    /// A notification is on disk.
    Published {
        /// Whose.
        organizer: OrganizerId,
        /// As answered to the publisher.
        published: Published,
        /// The body that receivers get.
        body: bytes::Bytes,
    },
    /// An attempt has ended.
    Attempted {
        /// Whose.
        organizer: OrganizerId,
        /// As the log has it.
        attempt: Arc<Attempt>,
    },
    /// A lane began to fail, opened again, or was switched off.
    Lane {
        /// Whose.
        organizer: OrganizerId,
        /// Which.
        webhook: WebhookId,
        /// As it is now.
        state: LaneState,
    },
}

/// The state of a lane in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaneState {
    /// The receiver answers well, or has not been asked.
    Healthy,
    /// Only probes are sent.
    Failing,
    /// Nothing is sent.
    Disabled(DisableReason),
}

impl LaneState {
    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Failing => "failing",
            Self::Disabled(_) => "disabled",
        }
    }
}
