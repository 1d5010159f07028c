//! Notifications: published, listed, replayed.

pub(crate) mod get;
pub(crate) mod list;
mod notification_json;
pub(crate) mod publish;
mod publish_input;
pub(crate) mod replay;
