//! The dashboard of the built program, as a browser without scripts sees it.

mod accounts;
pub(crate) mod browser;
mod log_in;
mod mending;
mod registering;
