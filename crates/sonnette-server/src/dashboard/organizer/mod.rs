//! What an organizer says of itself: settings and events.

pub(super) mod event;
pub(super) mod events;
mod input;
pub(super) mod settings;
