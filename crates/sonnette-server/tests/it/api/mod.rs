//! The REST API of the built program.

mod action_type_limits;
pub(crate) mod client;
mod damaged_rows;
mod dialects;
mod exact_values;
mod helpful_errors;
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
mod stream_resume;
mod subjects;
mod webhook_actions;
mod webhooks;
