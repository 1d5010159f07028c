//! One POST of a delivery, and what the wire said.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use super::organizer::words;
use super::{ActionName, AttemptId, EventSlug, NotificationId, WebhookId};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

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
    Failed {
        /// What kind of thing went wrong.
        failure: FailureKind,
        /// In plain words, without credentials or bodies.
        reason: String,
    },
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
            Self::Failed { .. } => 0,
        }
    }
}

words! {
    /// Why there was no whole answer.
    FailureKind {
        /// The URL is none that can be called (`ftp://`, port 0).
        UnsupportedTarget = "uncallable",
        /// The name has no address.
        Name = "name",
        /// The address is not one we call.
        Address = "address",
        /// No connection.
        Connect = "connect",
        /// No trust: certificate or handshake.
        Tls = "tls",
        /// The answer broke off or was no HTTP.
        Broken = "broken",
        /// Not within the time limit.
        Timeout = "timeout",
    }
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
