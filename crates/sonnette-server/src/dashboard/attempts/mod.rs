//! The log: attempts of one webhook or of all of an organizer's, and one attempt in full.

mod body;
mod curl;
pub(super) mod filter;
pub(super) mod list;
pub(super) mod log;
pub(super) mod outcome;
pub(super) mod show;
