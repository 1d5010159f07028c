//! Webhooks: how they stand, and why.

mod chart;
pub(super) mod deliveries;
mod diagnosis;
mod halves;
pub(super) mod list;
pub(super) mod show;
pub(super) mod standing;
mod waiting;
