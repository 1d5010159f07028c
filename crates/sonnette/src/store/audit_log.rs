//! Who changed what.

use jiff::Timestamp;
use serde_json::Value;

use super::StoreError;
use crate::domain::{AuditId, OrganizerId, TokenId, UserId};

/// Who changed something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A token of the API.
    Token(TokenId),
    /// A user of the dashboard.
    User(UserId),
    /// The command line.
    CommandLine,
    /// Sonnette itself.
    Server,
}

/// An entry to be added to the audit log.
#[derive(Debug, Clone, PartialEq)]
pub struct NewAuditEntry {
    /// Who made the change.
    pub actor: Actor,
    /// The kind of change, in pretix's words: `pretix.webhook.changed`, ….
    pub action: &'static str,
    /// What was changed; secrets and credentials are masked.
    pub data: Value,
    /// The time of the change.
    pub at: Timestamp,
}

/// The audit entry of a change that takes several transactions.
///
/// The first transaction adds the entry; each later one adds the rows that it changed to the counts in the entry's
/// `data`. So at any moment, also after a crash between two transactions, the log tells exactly what has been done.
#[derive(Debug, Clone)]
pub struct BatchAuditEntry {
    pub(crate) entry: NewAuditEntry,
    /// Set once the entry is in the log.
    pub(crate) id: Option<AuditId>,
}

impl BatchAuditEntry {
    /// Adds to a count in the entry's `data`.
    #[cfg(feature = "sqlite")]
    pub(crate) fn add(&mut self, count: &'static str, number: u64) {
        if let Value::Object(data) = &mut self.entry.data {
            let before = data.get(count).and_then(Value::as_u64).unwrap_or(0);
            data.insert(count.to_owned(), (before + number).into());
        }
    }
}

impl From<NewAuditEntry> for BatchAuditEntry {
    fn from(entry: NewAuditEntry) -> Self {
        Self { entry, id: None }
    }
}

/// An entry of the audit log.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// Assigned by the store; rises with each entry.
    pub id: AuditId,
    /// The time of the change.
    pub at: Timestamp,
    /// `token`, `user`, `command_line` or `server`, with the id of the token or user.
    pub actor: (String, Option<i64>),
    /// The kind of change.
    pub action: String,
    /// What was changed.
    pub data: Value,
}

/// The audit log. The verbs of the other traits add the entry of a change in the transaction of the change.
pub trait AuditLog {
    /// The number of entries of an organizer, and one page of them, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn audit_entries(
        &self,
        organizer: OrganizerId,
        skip: usize,
        limit: usize,
    ) -> Result<(usize, Vec<AuditEntry>), StoreError>;

    /// Adds the entry of something that changes nothing in the store, such as a test of an unsaved webhook.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn add_audit_entry(
        &self,
        organizer: OrganizerId,
        entry: NewAuditEntry,
    ) -> Result<(), StoreError>;
}
