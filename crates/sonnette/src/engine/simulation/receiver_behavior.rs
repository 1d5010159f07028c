//! How receivers behave.

use std::time::Duration;

use crate::domain::{Outcome, SendFailure};

/// How long a request may take; the real sender has the same limit.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// How a receiver answers for a while.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum ReceiverBehavior {
    Well,
    Error,
    Gone,
    Refusing,
    Busy,
    Broken,
    Dead,
}

impl ReceiverBehavior {
    pub(super) const BEHAVIORS: [Self; 10] = [
        Self::Well,
        Self::Well,
        Self::Well,
        Self::Error,
        Self::Error,
        Self::Gone,
        Self::Refusing,
        Self::Busy,
        Self::Broken,
        Self::Dead,
    ];

    /// What it answers; `wait` is what a busy one asks for.
    pub(super) fn outcome(self, wait: Duration) -> Outcome {
        let status = match self {
            Self::Well => 200,
            Self::Error => 500,
            Self::Gone => 410,
            Self::Refusing => 422,
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
