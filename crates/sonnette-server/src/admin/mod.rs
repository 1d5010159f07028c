//! Changes of an organizer's registry, whichever way they came: the rules, and the line of the audit log. What was sent is
//! read, and refusals are put into words, by whoever was asked.

pub(crate) mod action_types;
pub(crate) mod events;
pub(crate) mod organizers;
pub(crate) mod tokens;
pub(crate) mod validation;
pub(crate) mod webhooks;

use jiff::Timestamp;
use serde_json::Value;
use sonnette::domain::Permissions;
use sonnette::store::{Actor, NewAuditEntry};

/// Characters that a name may have.
pub(crate) const LONGEST_NAME: usize = 200;

/// Who changes something.
#[derive(Debug, Clone)]
pub(crate) struct Author {
    /// As the audit log names them.
    pub(crate) actor: Actor,
    /// Whether they may do everything everywhere.
    pub(crate) operator: bool,
    /// What they may do for the organizer; nobody grants more.
    pub(crate) holds: Permissions,
}

impl Author {
    fn note(&self, action: &'static str, data: Value, at: Timestamp) -> NewAuditEntry {
        NewAuditEntry {
            actor: self.actor.clone(),
            action,
            data,
            at,
        }
    }
}
