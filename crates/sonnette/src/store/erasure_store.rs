//! Erasure of a person's data.

use std::ops::AddAssign;

use jiff::Timestamp;

use super::{BatchAuditEntry, StoreError};
use crate::domain::{NotificationId, OrganizerId, WebhookId};

/// What an erasure changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ErasureResult {
    /// Blanked notifications.
    pub notifications: u64,
    /// Attempts whose payload and response were blanked.
    pub attempts: u64,
    /// Pending deliveries that were dropped.
    pub dropped: u64,
}

impl AddAssign for ErasureResult {
    fn add_assign(&mut self, other: Self) {
        self.notifications += other.notifications;
        self.attempts += other.attempts;
        self.dropped += other.dropped;
    }
}

/// What one batch of an erasure did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErasureBatch {
    /// Nothing: these webhooks have pending deliveries of this person and were not named as paused.
    LanesToPause(Vec<WebhookId>),
    /// Something was erased.
    Erased {
        /// What it changed.
        result: ErasureResult,
        /// Whether more may be left to erase.
        has_more: bool,
    },
}

/// Erasure of a person's data: of everything that was published with the same `subject`.
pub trait ErasureStore {
    /// Records durably, beside the store and not in it, that this person is erased up to the notification `through`. A
    /// restore of an earlier backup repeats what is recorded. The record does not contain the subject. It is made before
    /// the first batch.
    ///
    /// # Errors
    /// When it cannot be written.
    fn record_erasure(
        &self,
        organizer: OrganizerId,
        subject: &str,
        through: NotificationId,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Erases one batch of the notifications of this person up to `through`: blanks their bodies and the payloads and
    /// responses of their attempts, drops their pending deliveries and removes the subject. An erased notification has an
    /// empty body and is never sent again. Responses to attempts that are in flight are not stored. The numbers of the
    /// result are added to those in the data of the audit `entry`.
    ///
    /// A batch with pending deliveries of a webhook that is not in `paused` erases nothing: its lane might send them
    /// afterwards.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn erase_subject(
        &self,
        organizer: OrganizerId,
        subject: &str,
        through: NotificationId,
        now: Timestamp,
        paused: &[WebhookId],
        entry: &mut BatchAuditEntry,
    ) -> Result<ErasureBatch, StoreError>;

    /// Removes erased data from places other than the tables, such as a write-ahead log. If another connection is
    /// reading them, [`checkpoint`](super::Store::checkpoint) does it later.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn purge_erased(&self) -> Result<(), StoreError>;
}
