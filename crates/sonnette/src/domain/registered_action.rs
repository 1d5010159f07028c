//! Action types that an operator or an organizer registered.

use super::{ActionName, OrganizerId, PayloadShape};

/// An action type that an operator or organizer registered.
#[derive(Debug, Clone, PartialEq)]
pub struct RegisteredAction {
    /// Assigned by the store, rising; 0 for one of the configuration file.
    pub id: i64,
    /// For whom; none: for all.
    pub organizer: Option<OrganizerId>,
    /// A wildcard only for pretix names.
    pub name: ActionName,
    /// For people.
    pub description: String,
    /// JSON Schema (draft 2020-12) of its input; without one any object passes.
    pub schema: Option<serde_json::Value>,
    /// An input that fits.
    pub example: Option<serde_json::Value>,
    /// How a body is made of an input.
    pub shape: PayloadShape,
    /// Whether the configuration file says so: it goes when its entry goes.
    pub from_file: bool,
}
