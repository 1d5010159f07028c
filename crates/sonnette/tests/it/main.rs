//! Tests through the public surface: what goes in, and what arrives at a receiver.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod amends;
mod dialects;
mod engine;
mod policy;
mod sender;
mod store;
mod tidy;
mod try_out;
mod world;
