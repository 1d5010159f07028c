//! The dashboard of the built program, as a browser without scripts sees it.

mod accounts;
mod attempts;
mod audit;
pub(crate) mod browser;
mod catalogue;
mod live;
mod log_in;
mod mending;
mod notifications;
mod registering;
mod registering_limits;
mod registering_secrets;
mod settings;
mod tokens;
mod webhooks;
