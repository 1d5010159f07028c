//! Why the store did not do something.

/// Why the store did not do it. Cloned for all who wait for the same read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// It cannot take or give anything now: disk full, locked for too long, away. Worth another try.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// A row makes no sense: damaged, or written by something else.
    #[error("the store is inconsistent: {table}.{column} of {row}: {reason}")]
    Inconsistent {
        /// Where.
        table: &'static str,
        /// Which column.
        column: &'static str,
        /// Which row.
        row: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It cannot be opened, and is left as it was.
    #[error("{0}")]
    Refused(String),
}

/// Why a batch was not committed.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The registry has moved on from the version the batch was matched against; nothing was done.
    #[error("the registry has changed")]
    Stale,
    /// Nothing was done.
    #[error(transparent)]
    Store(#[from] StoreError),
}
