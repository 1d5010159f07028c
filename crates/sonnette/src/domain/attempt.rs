//! One request to a receiver and its outcome.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use super::{ActionName, AttemptId, EventSlug, NotificationId, SendFailure, WebhookId};

/// The outcome of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver responded in time. A body above the size limit counts as complete.
    Answered {
        /// The status, 200 to 599.
        status: u16,
        /// `Retry-After` of a 429 or 503, at most 24 h.
        retry_after: Option<Duration>,
    },
    /// There was no complete response.
    Failed(SendFailure),
}

impl Outcome {
    /// The shortage of this machine because of which no request was sent.
    pub fn shortage(&self) -> Option<&SendFailure> {
        match self {
            Self::Failed(failure @ SendFailure::Shortage { .. }) => Some(failure),
            Self::Answered { .. } | Self::Failed(_) => None,
        }
    }

    /// Whether the status is 200 to 299.
    pub fn is_success(&self) -> bool {
        matches!(
            self,
            Self::Answered {
                status: 200..=299,
                ..
            }
        )
    }

    /// The status, or 0 if there was no complete response.
    pub fn return_code(&self) -> u16 {
        match self {
            Self::Answered { status, .. } => *status,
            Self::Failed(_) => 0,
        }
    }

    /// Why the attempt did not deliver; `None` if it did.
    pub fn failure(&self) -> Option<AttemptFailure> {
        match self {
            Self::Answered { status, .. } => {
                (!self.is_success()).then_some(AttemptFailure::Status(*status))
            }
            Self::Failed(failure) => Some(AttemptFailure::Send(failure.clone())),
        }
    }
}

/// Why an attempt did not deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptFailure {
    /// The receiver answered with this status, which is not 200 to 299.
    Status(u16),
    /// There was no complete response.
    Send(SendFailure),
}

/// A request and its response as the log keeps them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpExchange {
    /// When the request began; `webhook-timestamp` is this in whole seconds.
    pub started_at: Timestamp,
    /// The time until the response was read or the request failed.
    pub duration: Duration,
    /// The status or the failure.
    pub outcome: Outcome,
    /// As sent, in order. Values of the webhook's extra headers and of `Authorization` are masked.
    pub request_headers: Headers,
    /// As received, cut at 8 KiB.
    pub response_headers: Headers,
    /// As received, cut at the server's limit.
    pub response_body: Bytes,
}

/// Header lines, `name: value` with a line feed after each.
pub type Headers = String;

/// An entry of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The position in the log.
    pub id: AttemptId,
    /// The webhook that it was sent to.
    pub webhook: WebhookId,
    /// The notification; the id of a test names no stored notification.
    pub notification: NotificationId,
    /// The concrete action type.
    pub action_type: ActionName,
    /// The event of the notification, if any.
    pub event: Option<EventSlug>,
    /// The target URL without credentials.
    pub target_url: String,
    /// 1 for the first attempt of the delivery.
    pub number: u32,
    /// Whether it is a test.
    pub test: bool,
    /// The body that was sent, if it differs from the notification's.
    pub payload: Option<Bytes>,
    /// The request and the response.
    pub exchange: HttpExchange,
}
