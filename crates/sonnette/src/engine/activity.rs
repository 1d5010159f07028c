//! What watchers of an engine receive.

use std::sync::Arc;

use super::Published;
use crate::domain::{Attempt, DisableReason, OrganizerId, WebhookId};

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
