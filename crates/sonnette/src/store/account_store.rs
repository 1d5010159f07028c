//! Users of the dashboard.

use jiff::Timestamp;

use super::{ChangeResult, NewAuditEntry, StoreError};
use crate::domain::{EmailAddress, OrganizerId, SessionTokenHash, User, UserAccess, UserId};

/// A user of the dashboard to be added.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Unique.
    pub email: EmailAddress,
    /// argon2id, as a PHC string; `None` until the user sets a password.
    pub password_hash: Option<String>,
    /// What the user may see and change.
    pub access: UserAccess,
    /// The time of the request.
    pub created: Timestamp,
}

/// Users of the dashboard.
///
/// The audit entry of a change goes to the log of each organizer for which the user's access changed; if there is none,
/// as with operators, to the log of the installation. Each request looks up the access of its user, so a change of access
/// ends no session.
pub trait AccountStore {
    /// Adds a user. Taken: another one has the email address.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn add_user(
        &self,
        user: &NewUser,
        entry: NewAuditEntry,
    ) -> Result<ChangeResult<User>, StoreError>;

    /// All users, or those with an entry for an organizer, by email address.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn users(&self, organizer: Option<OrganizerId>) -> Result<Vec<User>, StoreError>;

    /// One user.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn user(&self, id: UserId) -> Result<Option<User>, StoreError>;

    /// The user with this email address, and the hash of the password if one is set.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn user_by_email(
        &self,
        email: &EmailAddress,
    ) -> Result<Option<(User, Option<String>)>, StoreError>;

    /// Changes the email address or the access of a user. Taken: another user has the address. A change of the address
    /// ends the links that were sent to the old one.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn change_user(
        &self,
        id: UserId,
        change: &mut dyn FnMut(&mut User) -> bool,
        entry: NewAuditEntry,
    ) -> Result<ChangeResult<User>, StoreError>;

    /// Sets the password (argon2id, as a PHC string), ends all sessions and links of the user, and gives up pending
    /// account emails. With a `link`, only if it exists and has not expired: a link sets one password. Missing: there is
    /// no such user or link.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn set_password(
        &self,
        id: UserId,
        password_hash: &str,
        link: Option<&SessionTokenHash>,
        entry: NewAuditEntry,
        now: Timestamp,
    ) -> Result<ChangeResult<User>, StoreError>;

    /// Removes a user with all sessions, links and account emails, and returns the removed user.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn remove_user(
        &self,
        id: UserId,
        entry: NewAuditEntry,
    ) -> Result<ChangeResult<User>, StoreError>;
}
