//! Pages of the tokens of the REST API.

pub(super) mod edit;
pub(super) mod list;
mod permissions;
