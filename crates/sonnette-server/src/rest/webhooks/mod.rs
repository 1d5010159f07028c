//! The webhook resource, as pretix has it.

mod audited;
pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod describe;
pub(crate) mod disable;
pub(crate) mod read;
mod resource;
