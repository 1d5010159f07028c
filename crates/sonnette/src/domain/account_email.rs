//! Mail owed to a user about the account.
//!
//! A letter holds no link: its text is drawn when the letter is sent, and kept nowhere.

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::alert::wait_after;
use super::string_enum::string_enum;
use super::{
    AccessLinkPurpose, AccountEmailId, EmailAddress, Language, OrganizerId, UserId, saturating_add,
};

string_enum! {
    /// What a letter is about.
    AccountEmailKind {
        /// Somebody may use the dashboard, and chooses a password.
        Invitation = "invitation",
        /// Somebody has forgotten theirs.
        Reset = "reset",
    }
}

impl AccountEmailKind {
    /// Within this time of a letter there is no second one of its kind to the same user.
    pub const MIN_INTERVAL: SignedDuration = SignedDuration::from_mins(1);

    /// Letters of a kind that a user gets in a day: invitations that somebody sends again and again are nothing against
    /// whoever has forgotten a password.
    pub const MAX_PER_DAY: u32 = 10;

    /// What the link in such a letter is for.
    pub fn purpose(self, user: UserId) -> AccessLinkPurpose {
        match self {
            Self::Invitation => AccessLinkPurpose::Invitation(user),
            Self::Reset => AccessLinkPurpose::Reset(user),
        }
    }

    /// A letter that could not be sent for so long is given up. Whoever has forgotten a password asks again before.
    pub fn lifetime(self) -> SignedDuration {
        match self {
            Self::Invitation => SignedDuration::from_hours(96),
            Self::Reset => SignedDuration::from_hours(1),
        }
    }
}

/// Mail owed to a user about the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountEmail {
    /// Assigned by the store, rising.
    pub id: AccountEmailId,
    /// To whom.
    pub user: UserId,
    /// Where that user gets mail now.
    pub email: EmailAddress,
    /// What it is about.
    pub kind: AccountEmailKind,
    /// In which language, unless it is on behalf of an organizer, which has its own.
    pub language: Language,
    /// On whose behalf.
    pub organizer: Option<OrganizerId>,
    /// When it became owed.
    pub at: Timestamp,
    /// How often it was tried.
    pub tries: u32,
}

/// What came of trying to send a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountEmailResult {
    /// A mail server took it.
    Sent,
    /// It is tried again.
    Waits {
        /// When.
        due_at: Timestamp,
        /// What went wrong.
        error: String,
    },
    /// It is never sent.
    GivenUp {
        /// What went wrong last.
        error: String,
    },
}

impl AccountEmail {
    /// Whether it is too late to send it.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now.duration_since(self.at) >= self.kind.lifetime()
    }

    /// What follows a failed try that ended at `now`: like alerts, tried ever more rarely.
    pub fn after_failure(&self, error: String, now: Timestamp) -> AccountEmailResult {
        if self.is_expired(now) {
            return AccountEmailResult::GivenUp { error };
        }
        AccountEmailResult::Waits {
            due_at: saturating_add(now, wait_after(self.tries)),
            error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_tried_until_its_time_is_over() {
        for kind in AccountEmailKind::ALL {
            let at = Timestamp::UNIX_EPOCH;
            let mut letter = AccountEmail {
                id: AccountEmailId(1),
                user: UserId(1),
                email: "a@example.org".parse().unwrap(),
                kind: *kind,
                language: Language::English,
                organizer: None,
                at,
                tries: 0,
            };
            let mut now = at;
            while let AccountEmailResult::Waits { due_at, .. } =
                letter.after_failure(String::new(), now)
            {
                assert!(due_at > now && !letter.is_expired(now));
                now = due_at;
                letter.tries += 1;
            }
            assert!(
                letter.is_expired(now) && letter.tries > 5,
                "{}",
                letter.tries
            );
        }
    }
}
