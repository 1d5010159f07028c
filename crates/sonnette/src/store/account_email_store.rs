//! Mail about accounts.

use jiff::Timestamp;

use super::StoreError;
use crate::domain::{
    AccountEmail, AccountEmailId, AccountEmailKind, AccountEmailResult, Language, OrganizerId,
    UserId,
};

/// Mail to users about their accounts: invitations and password resets. The mailer sends it.
pub trait AccountEmailStore {
    /// Enqueues an email and returns whether it did. It does not if the user is gone, within
    /// [`AccountEmailKind::MIN_INTERVAL`] of another email of the same kind, or after [`AccountEmailKind::MAX_PER_DAY`] of
    /// them: nobody can fill another person's mailbox.
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

    /// At most `limit` emails that are due at `now`, in the order in which they became due.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn due_account_emails(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<AccountEmail>, StoreError>;

    /// Records the result of an attempt to send it. A settled email is not changed.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn record_account_email_result(
        &self,
        id: AccountEmailId,
        result: &AccountEmailResult,
        now: Timestamp,
    ) -> Result<(), StoreError>;
}
