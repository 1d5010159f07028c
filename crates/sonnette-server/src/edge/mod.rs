//! What happens to a request before a resource handles it.

pub(crate) mod access;
pub(crate) mod authorize;
pub(crate) mod body;
pub(crate) mod http_server;
pub(crate) mod idempotency;
pub(crate) mod links;
pub(crate) mod normalize;
mod state;
mod token_use;
mod unread_body;

pub(crate) use state::{AppState, HttpSettings};
