//! Webhooks of an organizer.

pub(crate) mod change;
pub(crate) mod fields;
pub(crate) mod headers;
pub(crate) mod hold_reason;
pub(crate) mod masks;
pub(crate) mod secrets;
pub(crate) mod settings;
