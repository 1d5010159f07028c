//! Everything that speaks HTTP to clients.

pub(crate) mod drf;
