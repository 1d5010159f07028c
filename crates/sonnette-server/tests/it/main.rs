//! Tests of the program through the surfaces that its users touch.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod api;
mod cli;
mod dashboard;
mod mail;
