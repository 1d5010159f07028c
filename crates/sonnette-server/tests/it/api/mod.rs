//! The REST API of the built program.

pub(crate) mod client;
mod dialects;
mod exact_values;
mod probes;
mod publishing;
mod registry;
mod request_pipeline;
mod schemas;
mod subjects;
mod webhook_actions;
mod webhooks;
