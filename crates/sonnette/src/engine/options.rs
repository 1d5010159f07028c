//! How an engine is started, and why it is not.

use std::time::Duration;

use super::sender::{SenderConfig, SenderError};
use crate::domain::AlertRules;
use crate::store::StoreError;

/// How the engine works.
#[derive(Debug, Clone)]
pub struct Options {
    /// How requests are sent.
    pub sender: SenderConfig,
    /// How long what ended is kept.
    pub log_kept: Duration,
    /// Which alerts are queued.
    pub alerts: AlertRules,
    /// Threads that send; each has lanes of its own.
    pub sending_threads: usize,
}

/// Why the engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Requests could not be sent.
    #[error(transparent)]
    Sender(#[from] SenderError),
    /// A thread could not be started.
    #[error("a thread could not be started: {0}")]
    Thread(#[from] std::io::Error),
}
