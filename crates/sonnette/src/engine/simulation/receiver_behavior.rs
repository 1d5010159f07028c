//! How receivers behave.

use std::time::Duration;

use crate::domain::{NotificationId, Outcome, SendFailure};

/// How long a request may take; the real sender has the same limit.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// How a receiver answers for a while.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum ReceiverBehavior {
    Well,
    Error,
    Gone,
    Refusing,
    /// Refuses every second notification.
    Selective,
    Busy,
    Broken,
    Dead,
}

impl ReceiverBehavior {
    pub(super) const BEHAVIORS: [Self; 12] = [
        Self::Well,
        Self::Well,
        Self::Well,
        Self::Error,
        Self::Error,
        Self::Gone,
        Self::Refusing,
        Self::Selective,
        Self::Selective,
        Self::Busy,
        Self::Broken,
        Self::Dead,
    ];

    /// What it answers to a notification; `wait` is what a busy one asks for.
    pub(super) fn outcome(self, notification: NotificationId, wait: Duration) -> Outcome {
        let status = match self {
            Self::Error => 500,
            Self::Gone => 410,
            Self::Refusing => 422,
            Self::Selective if notification.0 % 2 == 1 => 400,
            Self::Well | Self::Selective => 200,
            Self::Busy => 429,
            Self::Broken => return Outcome::Failed(SendFailure::ConnectionClosed),
            Self::Dead => return Outcome::Failed(SendFailure::NoHost),
        };
        Outcome::Answered {
            status,
            retry_after: (self == Self::Busy).then_some(wait),
        }
    }
}

pub(super) fn timed_out() -> Outcome {
    Outcome::Failed(SendFailure::NoHost)
}
