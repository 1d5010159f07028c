//! The REST API of the built program.

mod around;
mod beside;
mod client;
mod publishing;
mod registry;
mod stations;
mod webhooks;
