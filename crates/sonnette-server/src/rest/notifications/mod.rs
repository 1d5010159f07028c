//! Publications: made, found, sent again.

pub(crate) mod find;
pub(crate) mod publish;
mod publish_input;
