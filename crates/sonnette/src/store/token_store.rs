//! Tokens of the API.

use jiff::Timestamp;

use super::{ChangeResult, NewAuditEntry, StoreError};
use crate::domain::{OrganizerId, Scope, Token, TokenHash, TokenId};

/// A token to be added.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// SHA-256 of its text.
    pub hash: TokenHash,
    /// The name that people gave it.
    pub name: String,
    /// What it may read and change.
    pub scope: Scope,
    /// The time of its creation.
    pub created: Timestamp,
}

/// Tokens of the API.
pub trait TokenStore {
    /// The token with this id, active or not.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn token(&self, id: TokenId) -> Result<Option<Token>, StoreError>;

    /// The tokens of an organizer by id, active or not.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn tokens(&self, organizer: OrganizerId) -> Result<Vec<Token>, StoreError>;

    /// Adds a token.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn add_token(&self, token: &NewToken, entry: NewAuditEntry) -> Result<Token, StoreError>;

    /// Changes a token's name, its permissions or whether it is active.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn change_token(
        &self,
        id: TokenId,
        change: &mut dyn FnMut(&mut Token) -> bool,
        entry: NewAuditEntry,
    ) -> Result<ChangeResult<Token>, StoreError>;

    /// Records when tokens were last used.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn record_token_uses(&self, used: &[(TokenId, Timestamp)]) -> Result<(), StoreError>;
}
