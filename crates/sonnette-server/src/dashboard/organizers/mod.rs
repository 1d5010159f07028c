//! The overview of organizers, and the settings of one.

pub(super) mod overview;
pub(super) mod settings;
mod settings_form;
