//! What the file of a dialect says of it.

use super::builtin_action_types::BuiltinActionTypes;
use super::compose_input::{ComposeInput, ComposedNotification};
use super::field_errors::FieldErrors;

/// An emitter whose action types and bodies we speak: what its file says of it.
pub(super) struct DialectDefinition {
    /// The action types that every organizer with the dialect knows.
    pub(super) builtin: Option<fn() -> &'static BuiltinActionTypes>,
    /// Makes bodies.
    pub(super) compose: fn(&ComposeInput<'_>) -> Result<ComposedNotification, FieldErrors>,
    /// Why a name that begins like the dialect's own is none, where there is more to say than that it is unknown.
    pub(super) explain: Option<fn(&str) -> Option<String>>,
}
