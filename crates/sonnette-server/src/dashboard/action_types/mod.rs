//! Pages of the action types that an organizer knows: the catalogue, and the form that registers one.

pub(super) mod delete;
pub(super) mod form;
pub(super) mod labels;
pub(super) mod list;
pub(super) mod lookup;
mod schema_keys;
pub(super) mod show;
