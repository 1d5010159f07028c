//! What carries a notification to its receivers.

pub mod sender;
