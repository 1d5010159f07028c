//! Sessions of the dashboard, and the links that start one.

use jiff::Timestamp;

use super::StoreError;
use crate::domain::{AccessLink, Session, SessionTokenHash, UserId};

/// Sessions of the dashboard, and the links that start one. Only the hash of their text is stored.
pub trait SessionStore {
    /// Adds a session and returns whether it did. With a `password_hash`, only if that is still the user's: another
    /// password may have been set, which ends all sessions, while this one was verified.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn add_session(
        &self,
        hash: &SessionTokenHash,
        session: &Session,
        password_hash: Option<&str>,
    ) -> Result<bool, StoreError>;

    /// The session with this hash, unless it has expired.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn session(
        &self,
        hash: &SessionTokenHash,
        now: Timestamp,
    ) -> Result<Option<Session>, StoreError>;

    /// Extends a session that has not expired at `now` until `expires`.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn extend_session(
        &self,
        hash: &SessionTokenHash,
        expires: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Ends a session, if it exists.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn end_session(&self, hash: &SessionTokenHash) -> Result<(), StoreError>;

    /// Ends all sessions of a user.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn end_sessions_of_user(&self, user: UserId) -> Result<(), StoreError>;

    /// Adds a link.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn add_link(&self, hash: &SessionTokenHash, link: &AccessLink) -> Result<(), StoreError>;

    /// The link with this hash, unless it has expired. Reading it does not end it.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn link(
        &self,
        hash: &SessionTokenHash,
        now: Timestamp,
    ) -> Result<Option<AccessLink>, StoreError>;

    /// Ends a link, if it exists.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn end_link(&self, hash: &SessionTokenHash) -> Result<(), StoreError>;
}
