//! Sessions of the dashboard, and the links that begin one.
//!
//! Both are random texts that only their bearer knows; the store has their hash. The bearer's permissions are those of the
//! user or token at the time of the request.

use jiff::{SignedDuration, Timestamp};

use super::{OrganizerId, TokenId, UserId, saturating_add};

/// SHA-256 of the random text of a session or link: all that is stored of it.
pub type SessionTokenHash = [u8; 32];

/// The owner of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionOwner {
    /// A user who has logged in.
    User(UserId),
    /// A visitor whom a platform sent to an organizer's pages.
    Portal {
        /// The organizer of the pages.
        organizer: OrganizerId,
        /// The platform's token, whose permissions the visitor has.
        token: TokenId,
    },
}

/// A session of the dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// The owner.
    pub owner: SessionOwner,
    /// When it began.
    pub created: Timestamp,
    /// It is not valid from this instant on.
    pub expires: Timestamp,
}

/// The purpose of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessLinkPurpose {
    /// An invited user chooses a password.
    Invitation(UserId),
    /// A user chooses another password.
    Reset(UserId),
    /// Opens an organizer's pages without another log-in. It can be used several times.
    Portal {
        /// The organizer of the pages.
        organizer: OrganizerId,
        /// The token that made it.
        token: TokenId,
    },
}

impl AccessLinkPurpose {
    /// How long such a link is valid.
    pub fn lifetime(self) -> SignedDuration {
        match self {
            Self::Invitation(_) => SignedDuration::from_hours(7 * 24),
            Self::Reset(_) => SignedDuration::from_hours(1),
            Self::Portal { .. } => SignedDuration::from_mins(10),
        }
    }
}

/// A link that begins a session. A link for a password ends when the user's password is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessLink {
    /// The purpose.
    pub purpose: AccessLinkPurpose,
    /// It is not valid from this instant on.
    pub expires: Timestamp,
}

impl AccessLink {
    /// A link made at `now`.
    pub fn new(purpose: AccessLinkPurpose, now: Timestamp) -> Self {
        let expires = saturating_add(now, purpose.lifetime());
        Self { purpose, expires }
    }
}
