//! Errors of the store.

use std::error::Error;

/// The error behind a [`StoreError`]; no type of a database crosses the traits' border.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Why the store did not read or write something.
///
/// The text of the error behind it is part of this error's text. So `source` does not return it a second time, and a
/// printed chain of sources repeats nothing.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be read or written at the moment: the disk is full, or another process holds it for too long. A
    /// later try may succeed.
    #[error("the store is not available: {0}")]
    Unavailable(BoxError),
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
        reason: BoxError,
    },
    /// The store cannot be opened, and is left as it was.
    #[error("{0}")]
    Refused(BoxError),
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
