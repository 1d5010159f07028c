//! Action types that an operator or an organizer registered.

use super::{ActionTypeName, OrganizerId, PayloadShape};

/// An action type that an operator or organizer registered.
#[derive(Debug, Clone, PartialEq)]
pub struct RegisteredActionType {
    /// Assigned by the store, rising; 0 for one of the configuration file.
    pub id: i64,
    /// The organizer that it is registered for; `None`: all organizers.
    pub organizer: Option<OrganizerId>,
    /// The name; a wildcard only if it begins with `pretix`.
    pub name: ActionTypeName,
    /// The description on pages and in the API.
    pub description: String,
    /// JSON Schema (draft 2020-12) of `data`; without one any object is valid.
    pub schema: Option<serde_json::Value>,
    /// A `data` that the schema accepts.
    pub example: Option<serde_json::Value>,
    /// How a body is composed of `data`.
    pub shape: PayloadShape,
    /// Whether it comes from the configuration file and is removed with its entry there.
    pub from_file: bool,
}
