//! The REST API.

pub(crate) mod action_types;
pub(crate) mod audit;
pub(crate) mod beside;
pub(crate) mod events;
pub(crate) mod notifications;
pub(crate) mod organizers;
pub(crate) mod path;
pub(crate) mod portal;
pub(crate) mod stream;
pub(crate) mod subjects;
pub(crate) mod tokens;
pub(crate) mod webhooks;
