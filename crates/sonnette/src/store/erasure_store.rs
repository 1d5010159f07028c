//! Forgetting a person.

use jiff::Timestamp;

use super::StoreError;
use crate::domain::{NotificationId, OrganizerId, WebhookId};

/// What was blanked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ErasureResult {
    /// Notifications, with their `data`.
    pub notifications: u64,
    /// Attempts, with payload and answer.
    pub attempts: u64,
    /// Deliveries that waited.
    pub dropped: u64,
    /// Whether there may be more to do.
    pub more: bool,
}

/// Forgetting a person: everything that was published with the same `subject`.
pub trait ErasureStore {
    /// Lanes in which something of this person waits.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn lanes_of_subject(
        &self,
        organizer: OrganizerId,
        subject: &str,
    ) -> Result<Vec<WebhookId>, StoreError>;

    /// Blanks what notifications of this person up to `through` said and what was answered to them, drops what waits of
    /// them, and takes their subject away: one bite. An erased notification has an empty body, and is never sent again;
    /// attempts of it that are still under way will be recorded without their answers.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn erase_subject(
        &self,
        organizer: OrganizerId,
        subject: &str,
        through: NotificationId,
        now: Timestamp,
    ) -> Result<ErasureResult, StoreError>;

    /// Lets nothing of what was erased remain beside the tables, such as in a write-ahead log; where somebody reads it
    /// just now, as soon as [`tidy`](super::Store::tidy) can.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn purge_erased(&self) -> Result<(), StoreError>;
}
