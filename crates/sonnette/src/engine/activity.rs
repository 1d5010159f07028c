//! What watchers of an engine receive.

use std::sync::Arc;

use super::PublishedNotification;
use crate::domain::{Attempt, DisableReason, OrganizerId, WebhookId};

/// Something that has just happened.
#[derive(Debug, Clone)]
pub enum Activity {
    /// A notification is on disk.
    Published {
        /// The organizer that it belongs to.
        organizer: OrganizerId,
        /// The answer to the publisher.
        published: PublishedNotification,
        /// The body that receivers get, but for what is inserted at sending.
        body: bytes::Bytes,
    },
    /// An attempt has ended.
    Attempted {
        /// The organizer that it belongs to.
        organizer: OrganizerId,
        /// The attempt as it is logged.
        attempt: Arc<Attempt>,
    },
    /// A lane began to fail, recovered, or its webhook was disabled.
    Lane {
        /// The organizer that it belongs to.
        organizer: OrganizerId,
        /// The webhook of the lane.
        webhook: WebhookId,
        /// The new state.
        state: LaneState,
    },
}

/// The state of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaneState {
    /// The last request succeeded, or none was sent yet.
    Healthy,
    /// Only probes are sent.
    Failing,
    /// Nothing is sent.
    Disabled(DisableReason),
}

impl LaneState {
    /// The value in the REST API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Failing => "failing",
            Self::Disabled(_) => "disabled",
        }
    }
}
