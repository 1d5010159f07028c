//! Tokens of the API.

use jiff::Timestamp;

use super::{ChangeResult, NewAuditEntry, StoreError};
use crate::domain::{Scope, Token, TokenHash, TokenId};

/// A token to be made.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// SHA-256 of its text.
    pub hash: TokenHash,
    /// What it is for.
    pub name: String,
    /// What it opens.
    pub scope: Scope,
    /// When it was made.
    pub created: Timestamp,
}

/// Tokens of the API.
pub trait TokenStore {
    /// Adds a token.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn add_token(&self, token: &NewToken, note: NewAuditEntry) -> Result<Token, StoreError>;

    /// Changes a token's name, its permissions or whether it is active.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn change_token(
        &self,
        id: TokenId,
        change: &mut dyn FnMut(&mut Token) -> bool,
        note: NewAuditEntry,
    ) -> Result<ChangeResult<Token>, StoreError>;

    /// Notes that tokens were used, to the minute.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn record_token_uses(&self, used: &[(TokenId, Timestamp)]) -> Result<(), StoreError>;
}
