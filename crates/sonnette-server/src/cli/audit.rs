//! Lines that the command line leaves in the audit log.

use serde_json::Value;
use sonnette::clock::{Clock as _, SystemClock};
use sonnette::store::{Actor, NewAuditEntry};

/// A change made here and now.
pub(super) fn note(action: &'static str, data: Value) -> NewAuditEntry {
    NewAuditEntry {
        actor: Actor::CommandLine,
        action,
        data,
        at: SystemClock.now(),
    }
}
