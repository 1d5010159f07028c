//! The REST API of the built program.

mod around;
mod beside;
pub(crate) mod client;
mod dialects;
mod publishing;
mod registry;
mod stations;
mod subjects;
mod webhooks;
