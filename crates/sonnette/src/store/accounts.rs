//! Who may use the dashboard, who does just now, and the mail owed to them.

use jiff::Timestamp;

use super::{ChangeResult, NewAuditEntry, StoreError};
use crate::domain::{
    AccessLink, AccountEmail, AccountEmailId, AccountEmailKind, AccountEmailResult, EmailAddress,
    Language, OrganizerId, SecretHash, Session, User, UserAccess, UserId,
};

/// A user of the dashboard to be made.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Unique.
    pub email: EmailAddress,
    /// argon2id, PHC string; none until invited and set.
    pub password_hash: Option<String>,
    /// What is open to them.
    pub access: UserAccess,
    /// When it was made.
    pub created: Timestamp,
}

/// Users of the dashboard, their sessions, and the links that lead to one.
///
/// A change of a user is noted in the audit log of each organizer for which something changed; else, as of an operator,
/// in that of the installation. What is open to a user is looked up with each request, so taking it away ends no session.
pub trait AccountStore {
    /// Adds a user. Taken: another one has the e-mail address.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn add_user(
        &self,
        user: &NewUser,
        note: NewAuditEntry,
    ) -> Result<ChangeResult<User>, StoreError>;

    /// All users, or those with an entry for an organizer, by e-mail address.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn users(&self, organizer: Option<OrganizerId>) -> Result<Vec<User>, StoreError>;

    /// One user.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn user(&self, id: UserId) -> Result<Option<User>, StoreError>;

    /// The user who logs in with this address, and the hash of the password, if one is set.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn user_by_email(
        &self,
        email: &EmailAddress,
    ) -> Result<Option<(User, Option<String>)>, StoreError>;

    /// Changes a user's e-mail address, or what is open to them. Taken: another one has the address. Links for a
    /// password end with the address that they were sent to.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn change_user(
        &self,
        id: UserId,
        change: &mut dyn FnMut(&mut User) -> bool,
        note: NewAuditEntry,
    ) -> Result<ChangeResult<User>, StoreError>;

    /// Sets the password (argon2id, PHC string), and ends all of the user's sessions and links; letters that are still
    /// owed are not sent any more. Missing: there is no such user, or a `link` is given and is over, since only one
    /// password can be set by it.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn set_password(
        &self,
        id: UserId,
        password_hash: &str,
        link: Option<&SecretHash>,
        note: NewAuditEntry,
        now: Timestamp,
    ) -> Result<ChangeResult<User>, StoreError>;

    /// Removes a user with all sessions, links and letters; answers with who it was.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn remove_user(
        &self,
        id: UserId,
        note: NewAuditEntry,
    ) -> Result<ChangeResult<User>, StoreError>;

    /// Adds a session; whether it did. With a `password_hash` only while it is still the user's: while it was verified,
    /// another password may have been set, which ends all sessions.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn add_session(
        &self,
        hash: &SecretHash,
        session: &Session,
        password_hash: Option<&str>,
    ) -> Result<bool, StoreError>;

    /// The session with this hash, unless it has expired.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn session(&self, hash: &SecretHash, now: Timestamp) -> Result<Option<Session>, StoreError>;

    /// Lets a session that was seen at `now`, and has not expired, live until `expires`.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn extend_session(
        &self,
        hash: &SecretHash,
        expires: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Ends a session, if there is such a one.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn end_session(&self, hash: &SecretHash) -> Result<(), StoreError>;

    /// Ends all sessions of a user.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn end_sessions(&self, user: UserId) -> Result<(), StoreError>;

    /// Adds a link.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn add_link(&self, hash: &SecretHash, link: &AccessLink) -> Result<(), StoreError>;

    /// The link with this hash, unless it has expired. Looking at it does not end it.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn link(&self, hash: &SecretHash, now: Timestamp) -> Result<Option<AccessLink>, StoreError>;

    /// Ends a link, if there is such a one.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn end_link(&self, hash: &SecretHash) -> Result<(), StoreError>;
}

/// Mail owed to users about their accounts: queued by whoever invites, or has forgotten a password; drained by a mailer.
pub trait AccountEmailStore {
    /// Queues a letter; whether it did. Not to a user who is gone, none within [`AccountEmailKind::MIN_INTERVAL`] of another of its kind,
    /// and no more of a kind than [`AccountEmailKind::MAX_PER_DAY`]: nobody's mailbox is filled by somebody else.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn owe_letter(
        &self,
        user: UserId,
        kind: AccountEmailKind,
        language: Language,
        organizer: Option<OrganizerId>,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Letters that are due, at most `limit`, the longest due first.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn due_letters(&self, now: Timestamp, limit: usize) -> Result<Vec<AccountEmail>, StoreError>;

    /// Writes down what came of a try. A letter that has ended stays as it is.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn settle_letter(
        &self,
        id: AccountEmailId,
        end: &AccountEmailResult,
        now: Timestamp,
    ) -> Result<(), StoreError>;
}
