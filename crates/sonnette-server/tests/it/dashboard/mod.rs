//! The dashboard of the built program, as a browser without scripts sees it.

mod accounts;
mod attempts;
pub(crate) mod browser;
mod live;
mod log_in;
mod mending;
mod registering;
mod webhooks;
