//! What can be changed, by whom, and with which checks.
//!
//! REST, pages and the command line are three faces over these functions. Each function blocks on the store, and writes
//! a change together with its audit entry. The faces read input, word violations, and reload the registry afterwards.

pub(crate) mod action_types;
pub(crate) mod author;
pub(crate) mod error;
pub(crate) mod events;
pub(crate) mod notifications;
pub(crate) mod organizers;
pub(crate) mod tokens;
pub(crate) mod users;
pub(crate) mod validation;
pub(crate) mod webhooks;

pub(crate) use author::Author;
