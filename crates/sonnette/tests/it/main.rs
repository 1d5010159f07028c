//! Tests through the public surface: what goes in, and what arrives at a receiver.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod attempt_metrics;
mod clock_jumps;
mod delivery;
mod dialect_bodies;
mod disabling;
mod hold;
mod isolation;
mod message_ids;
mod outage;
mod real_receivers;
mod refusals;
mod resend;
mod resend_missed_and_erase;
mod sender;
mod store;
mod supervision;
mod test_engine;
mod test_of_unsaved_webhook;
mod tidy;
