//! Publications: made, found, sent again.

mod find;
mod input;
pub(crate) mod publish;

pub(crate) use find::{get_notification, list_notifications, replay_notification};
pub(crate) use publish::publish_notifications;
