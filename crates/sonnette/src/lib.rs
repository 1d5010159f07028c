//! An embeddable engine that delivers webhooks at least once.
//!
//! A platform publishes each fact once. [`Sonnette`] finds the matching webhooks, commits the notification and its
//! deliveries in one transaction, and then answers. It sends and retries, holds deliveries to receivers that fail, and
//! keeps a log of all attempts.
//!
//! Read the modules in this order: [`domain`] (values and decisions), [`dialect`] (action types and bodies), [`store`]
//! (the traits of the store and `SQLite`), [`engine`] (publishing and sending).

pub mod clock;
mod cow_map;
pub mod dialect;
pub mod domain;
pub mod engine;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;

pub use engine::Sonnette;

/// Compiles the example of `docs/embedding.md` with the documentation tests.
#[cfg(all(doctest, feature = "sqlite"))]
#[doc = include_str!("../../../docs/embedding.md")]
mod embedding {}
