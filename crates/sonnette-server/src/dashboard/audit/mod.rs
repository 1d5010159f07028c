//! The audit log of an organizer.

pub(super) mod list;
