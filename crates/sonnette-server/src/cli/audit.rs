//! Audit entries of the command line.

use serde_json::Value;
use sonnette::clock::{Clock as _, SystemClock};
use sonnette::store::{Actor, NewAuditEntry};

/// An audit entry for a change that the command line makes now.
pub(super) fn new_entry(action: &'static str, data: Value) -> NewAuditEntry {
    NewAuditEntry {
        actor: Actor::CommandLine,
        action,
        data,
        at: SystemClock.now(),
    }
}
