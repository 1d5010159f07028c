//! Webhook delivery that loses nothing.

pub mod clock;
pub mod dialect;
pub mod domain;
pub mod engine;
pub mod store;
pub use engine::Sonnette;
#[cfg(feature = "testing")]
pub mod testing;
