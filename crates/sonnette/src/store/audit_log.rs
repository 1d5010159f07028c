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

/// A line for the audit log.
#[derive(Debug, Clone, PartialEq)]
pub struct NewAuditEntry {
    /// Who.
    pub actor: Actor,
    /// What, in pretix's words: `pretix.webhook.changed`, ….
    pub action: &'static str,
    /// With which data; secrets and credentials masked.
    pub data: Value,
    /// When.
    pub at: Timestamp,
}

/// A line of the audit log.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// Assigned by the store, rising.
    pub id: AuditId,
    /// When.
    pub at: Timestamp,
    /// `token`, `user`, `command_line` or `server`, with its id if it has one.
    pub actor: (String, Option<i64>),
    /// What.
    pub action: String,
    /// With which data.
    pub data: Value,
}

/// Who changed what.
pub trait AuditLog {
    /// The audit log of an organizer, newest first: how many there are, and one page.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn audit_entries(
        &self,
        organizer: OrganizerId,
        skip: usize,
        limit: usize,
    ) -> Result<(usize, Vec<AuditEntry>), StoreError>;

    /// Adds a line to the audit log.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn add_audit_entry(
        &self,
        organizer: OrganizerId,
        note: NewAuditEntry,
    ) -> Result<(), StoreError>;
}
