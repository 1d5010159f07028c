//! Identifiers: positive integers, as pretix shows them, one type for each thing so that they cannot be mixed up.

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
    /// An organizer: the tenant.
    OrganizerId,
    /// An event of an organizer: a concert, never a thing we send.
    EventId,
    /// A webhook; it also names its lane.
    WebhookId,
    /// A notification: rising over all organizers, below 2⁵³.
    NotificationId,
    /// An attempt: rising within its webhook. Its value is the time the attempt ended, in microseconds since 1970,
    /// moved on where two would coincide; so a stretch of time is a stretch of ids.
    AttemptId,
    /// A token of the REST API.
    TokenId,
    /// A user of the dashboard.
    UserId,
    /// Mail owed to a human about a webhook.
    AlertId,
    /// Mail owed to a user about the account.
    AccountEmailId,
    /// An entry of the audit log.
    AuditId,
}
