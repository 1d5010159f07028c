//! One POST of a delivery, and what the wire said.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use super::{ActionName, AttemptId, EventSlug, NotificationId, SendFailure, WebhookId};

/// What came of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver answered, and its answer ended or passed the limit in time.
    Answered {
        /// The status, 200 to 599.
        status: u16,
        /// The wait it asks for: `Retry-After` on 429 or 503, at most 24 h.
        retry_after: Option<Duration>,
    },
    /// There was no whole answer.
    Failed(SendFailure),
}

impl Outcome {
    /// 200 to 299 and nothing else.
    pub fn is_success(&self) -> bool {
        matches!(
            self,
            Self::Answered {
                status: 200..=299,
                ..
            }
        )
    }

    /// The status, or 0 where there was no whole answer.
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

/// A request and its outcome as they go on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpExchange {
    /// When the request began; its second is the `webhook-timestamp`.
    pub started_at: Timestamp,
    /// Until the answer had been read, or the failure.
    pub duration: Duration,
    /// What the wire said.
    pub outcome: Outcome,
    /// As sent, in order; values of the webhook's own extra headers and of `Authorization` masked.
    pub request_headers: Headers,
    /// As received, cut at 8 KiB.
    pub response_headers: Headers,
    /// As received, cut at the server's limit.
    pub response_body: Bytes,
}

/// Header lines, `name: value` with a line feed after each.
pub type Headers = String;

/// An entry of the log: one POST and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Its place in the log.
    pub id: AttemptId,
    /// To whom.
    pub webhook: WebhookId,
    /// Of what; a test has an id of its own that names nothing stored.
    pub notification: NotificationId,
    /// The concrete action type.
    pub action_type: ActionName,
    /// The event it belongs to, if any.
    pub event: Option<EventSlug>,
    /// Where it went, without credentials.
    pub target_url: String,
    /// 1 for the first of its delivery, 2 for the next, ….
    pub number: u32,
    /// Sent by the test button.
    pub test: bool,
    /// The body where it is not the notification's own.
    pub payload: Option<Bytes>,
    /// The rest.
    pub exchange: HttpExchange,
}
