//! Who may use the dashboard, who does just now, and the mail owed to them.

use jiff::Timestamp;

use super::{ChangeResult, NewAuditEntry, StoreError};
use crate::domain::{EmailAddress, OrganizerId, SecretHash, User, UserAccess, UserId};

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
}
