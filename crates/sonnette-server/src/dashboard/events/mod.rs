//! Pages of an organizer's events.

pub(super) mod list;
pub(super) mod show;
