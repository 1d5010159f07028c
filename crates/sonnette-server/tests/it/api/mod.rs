//! The REST API of the built program.

pub(crate) mod client;
mod damaged_rows;
mod dialects;
mod exact_values;
mod limits;
mod limits_streams;
mod probes;
mod publishing;
mod readiness;
mod registry;
mod request_pipeline;
mod retries;
mod schemas;
mod store_limits;
mod subjects;
mod webhook_actions;
mod webhooks;
