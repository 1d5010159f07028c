//! Webhook delivery that loses nothing.

pub mod clock;
pub mod dialect;
pub mod domain;
pub mod engine;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;
