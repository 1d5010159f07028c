//! What each dialect defines.

use super::builtin_action_types::BuiltinActionTypes;
use super::compose_input::{ComposeInput, ComposedNotification};
use super::field_errors::FieldErrors;

/// The action types and the functions of a dialect.
pub(super) struct DialectDefinition {
    /// The action types that every organizer with the dialect knows.
    pub(super) builtin: Option<fn() -> &'static BuiltinActionTypes>,
    /// Composes bodies.
    pub(super) compose: fn(&ComposeInput<'_>) -> Result<ComposedNotification, FieldErrors>,
    /// Explains why a name that begins like the dialect's own does not exist, beyond that it is unknown.
    pub(super) explain: Option<fn(&str) -> Option<String>>,
}
