//! The behaviour of pretix's API (Django REST framework) that clients rely on, as pure functions without routes or store.
//!
//! Requests are parsed as leniently as pretix does, and errors have the same texts. `docs/api.md` lists the differences.

pub(crate) mod error;
pub(crate) mod json;
pub(crate) mod media;
pub(crate) mod options;
pub(crate) mod page_number;
pub(crate) mod parser;
pub(crate) mod python;
pub(crate) mod webhook_input;
pub(crate) mod webhook_json;
