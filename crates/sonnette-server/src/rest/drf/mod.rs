//! The habits of pretix's API (Django REST framework) that clients rely on, as pure functions: no routes, no store.
//!
//! Requests are read as leniently, and refused in the same words, as pretix does. Where we knowingly do otherwise,
//! `docs/api.md` has it.

pub(crate) mod json;
pub(crate) mod media;
pub(crate) mod options;
pub(crate) mod page_number;
pub(crate) mod parser;
pub(crate) mod python;
pub(crate) mod refusal;
pub(crate) mod webhook_input;
pub(crate) mod webhook_json;
