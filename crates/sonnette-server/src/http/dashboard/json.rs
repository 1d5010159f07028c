//! JSON as people read it.

use serde_json::Value;

/// A value, one member to a line.
pub(crate) fn written(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// JSON text, one member to a line; what is none, as it is.
pub(crate) fn pretty(text: &[u8]) -> String {
    serde_json::from_slice(text).map_or_else(
        |_| String::from_utf8_lossy(text).into_owned(),
        |value| written(&value),
    )
}
