//! Publications: made, found, sent again.

pub(crate) mod find;
mod input;
pub(crate) mod publish;
