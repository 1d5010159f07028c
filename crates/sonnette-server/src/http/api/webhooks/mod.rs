//! The webhook resource, as pretix has it.

mod audited;
mod change;
mod create;
mod describe;
mod disable;
mod read;
mod resource;

pub(crate) use change::{change_webhook, replace_webhook};
pub(crate) use create::create_webhook;
pub(crate) use describe::{describe_webhook, describe_webhooks};
pub(crate) use disable::disable_webhook;
pub(crate) use read::{get_webhook, list_webhooks};
