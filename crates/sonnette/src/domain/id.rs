//! Identifiers: positive integers, as in pretix. Each has a type of its own, so that they cannot be confused.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The text is no whole number from 0 to 2⁶³−1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a whole number")]
pub struct InvalidId;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            /// Digits only; leading zeros are accepted, as pretix does.
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
                    return Err(InvalidId);
                }
                text.parse().map(Self).map_err(|_| InvalidId)
            }
        }
    )+};
}

ids! {
    /// An organizer.
    OrganizerId,
    /// An event of an organizer, such as a concert.
    EventId,
    /// A webhook, and its lane.
    WebhookId,
    /// A notification. Ids rise over all organizers and stay below 2⁵³.
    NotificationId,
    /// An attempt. Ids rise within a webhook. The value is the time when the attempt ended, in microseconds since 1970,
    /// increased where two would be equal; so a range of time is a range of ids.
    AttemptId,
    /// A token of the REST API.
    TokenId,
    /// A user of the dashboard.
    UserId,
    /// An alert.
    AlertId,
    /// An account email.
    AccountEmailId,
    /// An entry of the audit log.
    AuditId,
}
