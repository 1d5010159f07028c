//! Sessions of the dashboard, and the links that lead to one.

use jiff::Timestamp;

use super::StoreError;
use crate::domain::{AccessLink, SecretHash, Session, UserId};

/// Sessions of the dashboard, and the links that lead to one.
pub trait SessionStore {
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
    fn end_sessions_of_user(&self, user: UserId) -> Result<(), StoreError>;

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
