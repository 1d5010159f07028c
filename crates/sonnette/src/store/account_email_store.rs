//! Mail owed to users about their accounts.

use jiff::Timestamp;

use super::StoreError;
use crate::domain::{
    AccountEmail, AccountEmailId, AccountEmailKind, AccountEmailResult, Language, OrganizerId,
    UserId,
};

/// Mail owed to users about their accounts: queued by whoever invites, or has forgotten a password; drained by a mailer.
pub trait AccountEmailStore {
    /// Queues a letter; whether it did. Not to a user who is gone, none within [`AccountEmailKind::MIN_INTERVAL`] of another of its kind,
    /// and no more of a kind than [`AccountEmailKind::MAX_PER_DAY`]: nobody's mailbox is filled by somebody else.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn enqueue_account_email(
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
    fn due_account_emails(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<AccountEmail>, StoreError>;

    /// Writes down what came of a try. A letter that has ended stays as it is.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn record_account_email_result(
        &self,
        id: AccountEmailId,
        end: &AccountEmailResult,
        now: Timestamp,
    ) -> Result<(), StoreError>;
}
