//! The webhooks of an organizer: pretix's resource, and what Sonnette has beside it.

pub(crate) mod attempt_json;
pub(crate) mod attempts;
mod audit_data;
pub(crate) mod change;
mod count_json;
pub(crate) mod create;
pub(crate) mod deliveries;
pub(crate) mod disable;
pub(crate) mod health;
pub(crate) mod lookup;
pub(crate) mod options;
pub(crate) mod pending;
pub(crate) mod read;
pub(crate) mod resend;
mod resend_input;
mod resource;
pub(crate) mod secret;
pub(crate) mod settings;
mod settings_input;
pub(crate) mod test;
