//! Webhook delivery that loses nothing: an embeddable engine.
//!
//! A platform *publishes* each fact once. [`Sonnette`] finds the webhooks that want it, makes the fact and what it owes
//! durable in one transaction, and only then answers; it sends, retries, holds back from receivers that fail, and keeps
//! a log.
//!
//! Read the modules in the order of the flow: [`domain`] (values and the one decision), [`dialect`] (action types and
//! bodies), [`store`] (what is kept), [`engine`] (what happens).

pub mod clock;
mod cow_map;
pub mod dialect;
pub mod domain;
pub mod engine;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;

pub use engine::Sonnette;

/// Holds the example of `docs/embedding.md` to the code: it is compiled with the documentation tests.
#[cfg(all(doctest, feature = "sqlite"))]
#[doc = include_str!("../../../docs/embedding.md")]
mod embedding {}
