//! The attempt log of one webhook or of all webhooks of an organizer, and the page of one attempt.

mod body;
mod curl;
mod filters;
pub(crate) mod list;
pub(super) mod log;
pub(super) mod outcome;
pub(crate) mod show;
