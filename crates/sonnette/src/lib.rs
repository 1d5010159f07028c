//! Webhook delivery that loses nothing.

pub mod clock;
pub mod dialect;
pub mod domain;
