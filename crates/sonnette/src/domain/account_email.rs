//! Emails about a user's account: an invitation, a forgotten password.
//!
//! The store keeps no link. The mailer draws the link's secret when it sends the email.

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::alert::{MAX_MAIL_TRIES, mail_retry_delay};
use super::string_enum::string_enum;
use super::{
    AccessLinkPurpose, AccountEmailId, ClockReading, EmailAddress, Language, OrganizerId, UserId,
    saturating_add,
};

string_enum! {
    /// What an account email is about.
    AccountEmailKind {
        /// The user was invited to the dashboard and chooses a password.
        Invitation = "invitation",
        /// The user has forgotten the password and chooses another.
        Reset = "reset",
    }
}

impl AccountEmailKind {
    /// The shortest time between two emails of one kind to the same user.
    pub const MIN_INTERVAL: SignedDuration = SignedDuration::from_mins(1);

    /// The most emails of one kind that a user gets in a day. Each kind has its own limit, so that repeated invitations do
    /// not keep a user from resetting the password.
    pub const MAX_PER_DAY: u32 = 10;

    /// The purpose of the link in an email of this kind to `user`.
    pub fn purpose(self, user: UserId) -> AccessLinkPurpose {
        match self {
            Self::Invitation => AccessLinkPurpose::Invitation(user),
            Self::Reset => AccessLinkPurpose::Reset(user),
        }
    }

    /// An email that could not be sent within this time is given up.
    pub fn lifetime(self) -> SignedDuration {
        match self {
            Self::Invitation => SignedDuration::from_hours(96),
            Self::Reset => SignedDuration::from_hours(1),
        }
    }
}

/// An email about an account that has yet to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountEmail {
    /// Assigned by the store, rising.
    pub id: AccountEmailId,
    /// The recipient.
    pub user: UserId,
    /// The recipient's current address.
    pub email: EmailAddress,
    /// The kind of email.
    pub kind: AccountEmailKind,
    /// The language, unless the email is sent for an organizer, which has a language of its own.
    pub language: Language,
    /// The organizer that invites, if any.
    pub organizer: Option<OrganizerId>,
    /// When it was queued.
    pub at: Timestamp,
    /// How often sending it has failed.
    pub send_failures: u32,
}

/// The result of an attempt to send an account email.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountEmailResult {
    /// The mail server accepted it.
    Sent,
    /// It is sent again later.
    Waits {
        /// Not before this.
        due_at: Timestamp,
        /// Why sending failed.
        error: String,
    },
    /// It is never sent.
    GivenUp {
        /// Why sending failed last.
        error: String,
    },
}

impl AccountEmail {
    /// Whether it is too late to send the email.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now.duration_since(self.at) >= self.kind.lifetime() || self.send_failures >= MAX_MAIL_TRIES
    }

    /// What follows a failure at this time. The delays grow like those of alerts.
    pub fn after_failure(
        &self,
        error: String,
        reading: impl Into<ClockReading>,
    ) -> AccountEmailResult {
        let reading = reading.into();
        if self.is_expired(reading.trusted) {
            return AccountEmailResult::GivenUp { error };
        }
        AccountEmailResult::Waits {
            due_at: saturating_add(reading.now, mail_retry_delay(self.send_failures)),
            error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_email_is_retried_until_it_expires() {
        for kind in AccountEmailKind::ALL {
            let at = Timestamp::UNIX_EPOCH;
            let mut email = AccountEmail {
                id: AccountEmailId(1),
                user: UserId(1),
                email: "a@example.org".parse().unwrap(),
                kind: *kind,
                language: Language::English,
                organizer: None,
                at,
                send_failures: 0,
            };
            let mut now = at;
            while let AccountEmailResult::Waits { due_at, .. } =
                email.after_failure(String::new(), now)
            {
                assert!(due_at > now && !email.is_expired(now));
                now = due_at;
                email.send_failures += 1;
            }
            assert!(
                email.is_expired(now) && email.send_failures > 5,
                "{}",
                email.send_failures
            );
        }
    }
}
