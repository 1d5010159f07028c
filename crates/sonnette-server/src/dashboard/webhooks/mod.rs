//! Pages of an organizer's webhooks.

pub(super) mod actions;
pub(super) mod attempts;
mod buckets;
mod chart;
pub(super) mod deliveries;
pub(super) mod delivery_status;
mod diagnosis;
pub(super) mod form;
pub(super) mod list;
mod page;
pub(super) mod secret;
pub(super) mod show;
pub(super) mod status;
