//! Webhook delivery that loses nothing.

pub mod clock;
pub mod domain;
pub mod store;
