//! Pages of published notifications and their deliveries.

mod filters;
pub(super) mod list;
mod lookup;
pub(super) mod replay;
pub(super) mod show;
