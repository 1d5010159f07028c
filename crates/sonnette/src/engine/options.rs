//! How an engine is started, and why it is not.

use std::time::Duration;

use super::sender::{SenderConfig, SenderError};
use crate::domain::AlertRules;
use crate::store::StoreError;

/// The settings of an engine.
#[derive(Debug, Clone)]
pub struct Options {
    /// How requests are sent.
    pub sender: SenderConfig,
    /// How long attempts and settled deliveries are kept.
    pub log_retention: Duration,
    /// Which alerts are queued.
    pub alerts: AlertRules,
    /// The number of sending threads, at least 1. Each webhook belongs to one of them.
    pub sending_threads: usize,
    /// The most requests in flight of each sending thread.
    pub max_in_flight: usize,
}

/// Why the engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The settings of the sender are invalid.
    #[error(transparent)]
    Sender(#[from] SenderError),
    /// A thread could not be started.
    #[error("a thread could not be started: {0}")]
    Thread(#[from] std::io::Error),
}
