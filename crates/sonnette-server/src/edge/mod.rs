//! HTTP connections, and the pipeline of a request before a handler runs. In order:
//!
//! `connections` accepts and bounds them, `normalize` rewrites paths, `authorize` admits a request to the API
//! (`idempotency`, `content_negotiation`, `authorization_header`, `access`), and handlers read it through
//! `links`, `query` and `body`. `error` and `response` write what is answered.

pub(crate) mod access;
pub(crate) mod ascii_json;
pub(crate) mod authorization_header;
pub(crate) mod authorize;
pub(crate) mod body;
pub(crate) mod client_address;
pub(crate) mod connections;
pub(crate) mod content_negotiation;
mod describe_path;
pub(crate) mod error;
pub(crate) mod idempotency;
pub(crate) mod links;
pub(crate) mod normalize;
pub(crate) mod query;
pub(crate) mod response;
mod state;
pub(crate) mod throttle;
mod token_use;
mod unread_body;

pub(crate) use state::{AppState, HttpSettings};
