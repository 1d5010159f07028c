//! Errors of the store.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// The error behind a [`StoreError`]; no type of a database crosses the traits' border. Clones share it: one failed read
/// is the answer to all who wait for it.
#[derive(Debug, Clone)]
pub struct ErrorCause(Arc<dyn Error + Send + Sync>);

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for ErrorCause {
    fn from(error: E) -> Self {
        Self(error.into().into())
    }
}

impl fmt::Display for ErrorCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why the store did not read or write something.
///
/// The text of the error behind it is part of this error's text. So `source` does not return it a second time, and a
/// printed chain of sources repeats nothing.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be read or written at the moment: the disk is full, or another process holds it for too long. A
    /// later try may succeed.
    #[error("the store is not available: {0}")]
    Unavailable(ErrorCause),
    /// A row cannot be read: it is damaged, or something else wrote it.
    #[error("the store is inconsistent: {table}.{column} of {row}: {reason}")]
    Inconsistent {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row's first column, usually its id.
        row: String,
        /// Why the value cannot be read.
        reason: ErrorCause,
    },
    /// The store cannot be opened, and is left as it was.
    #[error("{0}")]
    Refused(ErrorCause),
}

/// Why a batch was not committed.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The registry has a newer version than the one that the batch was matched against. Nothing was written.
    #[error("the registry has changed")]
    Stale,
    /// The store failed. Nothing was written.
    #[error(transparent)]
    Store(#[from] StoreError),
}
