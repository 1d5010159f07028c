//! The REST API of the built program.

mod around;
mod beside;
mod client;
mod dialects;
mod publishing;
mod registry;
mod stations;
mod webhooks;
