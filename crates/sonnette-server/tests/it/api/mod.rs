//! The REST API of the built program.

pub(crate) mod client;
mod dialects;
mod limits;
mod limits_streams;
mod probes;
mod publishing;
mod registry;
mod request_pipeline;
mod subjects;
mod webhook_actions;
mod webhooks;
