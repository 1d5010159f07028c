//! Who makes a change.

use jiff::Timestamp;
use serde_json::Value;
use sonnette::domain::{Permission, Permissions};
use sonnette::store::{Actor, NewAuditEntry};

/// Who makes a change, and what they may do.
#[derive(Debug, Clone)]
pub(crate) struct Author {
    /// As the audit log names them.
    pub(crate) actor: Actor,
    /// Whether every permission is theirs, for every organizer.
    pub(crate) operator: bool,
    /// Their permissions for the organizer; nobody grants more than they hold.
    pub(crate) permissions: Permissions,
}

impl Author {
    /// Whoever runs a command on the server's machine.
    pub(crate) fn command_line() -> Self {
        Self {
            actor: Actor::CommandLine,
            operator: true,
            permissions: Permission::ALL.iter().copied().collect(),
        }
    }

    /// The audit entry of a change.
    pub(crate) fn audit_entry(
        &self,
        action: &'static str,
        data: Value,
        at: Timestamp,
    ) -> NewAuditEntry {
        NewAuditEntry {
            actor: self.actor.clone(),
            action,
            data,
            at,
        }
    }
}
