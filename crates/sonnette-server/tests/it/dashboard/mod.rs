//! The dashboard of the built program, as a browser without scripts sees it.

mod audit;
pub(crate) mod browser;
mod catalogue;
mod log_in;
mod notifications;
mod settings;
mod tokens;
