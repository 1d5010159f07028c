//! What opens the dashboard: sessions, and the links that lead to one.
//!
//! Both are random texts that only their bearer knows. What is stored of them is a hash, and whether a bearer may still
//! do something is not decided here: that follows from the user, or the token, as it is then.

use jiff::{SignedDuration, Timestamp};

use super::{OrganizerId, TokenId, UserId, saturating_add};

/// SHA-256 of the random text of a session or link: all that is ever stored of it.
pub type SecretHash = [u8; 32];

/// Whose session it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionOwner {
    /// A user's who has logged in.
    User(UserId),
    /// Whoever a platform let in to this organizer's pages.
    Portal {
        /// Whose pages.
        organizer: OrganizerId,
        /// The platform's token: what it may not do, the portal may not either.
        token: TokenId,
    },
}

/// Somebody has logged in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// Who.
    pub holder: SessionOwner,
    /// When.
    pub created: Timestamp,
    /// From then on it is as good as none.
    pub expires: Timestamp,
}

/// What a link is for, and for whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessLinkPurpose {
    /// An invited user chooses a password.
    Invitation(UserId),
    /// A user chooses another password.
    Reset(UserId),
    /// Opens an organizer's pages without another log-in, as often as one likes.
    Portal {
        /// Whose pages.
        organizer: OrganizerId,
        /// The token that made it.
        token: TokenId,
    },
}

impl AccessLinkPurpose {
    /// How long such a link lives.
    pub fn lifetime(self) -> SignedDuration {
        match self {
            Self::Invitation(_) => SignedDuration::from_hours(7 * 24),
            Self::Reset(_) => SignedDuration::from_hours(1),
            Self::Portal { .. } => SignedDuration::from_mins(10),
        }
    }
}

/// A short-lived link. One that is for a password ends when any is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessLink {
    /// What for.
    pub purpose: AccessLinkPurpose,
    /// From then on it is as good as none.
    pub expires: Timestamp,
}

impl AccessLink {
    /// A link made at `now`.
    pub fn new(purpose: AccessLinkPurpose, now: Timestamp) -> Self {
        let expires = saturating_add(now, purpose.lifetime());
        Self { purpose, expires }
    }
}
