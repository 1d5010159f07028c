//! HTTP connections, and the pipeline of a request before its handler. In order:
//!
//! 1. `connections` accepts them within `limits`; `connection_table` decides which of them give way; `client_key` names
//!    the client that is counted; `timed_stream` and `request_body` bound time and memory (`body_memory`).
//! 2. `normalize` rewrites the path.
//! 3. `authorize` checks a request of the API: `idempotency`, `content_negotiation`, `authorization_header`, `access`.
//! 4. Handlers read the request through `links`, `query`, `body` and `client_address`.
//! 5. `activity_broadcast` passes the engine's activity to event streams.
//! 6. `error`, `response` and `ascii_json` write the response.
//!
//! `state` is what all of them share. Nothing here knows a resource.

pub(crate) mod access;
pub(crate) mod activity_broadcast;
pub(crate) mod ascii_json;
pub(crate) mod authorization_header;
pub(crate) mod authorize;
pub(crate) mod body_memory;
pub(crate) mod client_address;
mod client_key;
pub(crate) mod connection_table;
pub(crate) mod connections;
pub(crate) mod content_negotiation;
mod counted_body;
mod describe_path;
pub(crate) mod error;
pub(crate) mod idempotency;
mod lazy_timer;
pub(crate) mod limits;
pub(crate) mod links;
pub(crate) mod login_throttle;
pub(crate) mod normalize;
pub(crate) mod query;
pub(crate) mod read_body;
pub(crate) mod readiness;
mod requester;
pub(crate) mod response;
pub(crate) mod running_idempotency_keys;
mod state;
mod timed_stream;
mod token_use;

pub(crate) use state::{AppState, HttpSettings};
