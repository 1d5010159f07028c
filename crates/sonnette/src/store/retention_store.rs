//! Removing what is past its retention.

use jiff::Timestamp;

use super::StoreError;

/// Removing what is past its retention.
pub trait RetentionStore {
    /// Removes what ended before `before`: attempts, settled notifications, used keys, kept answers, mail, and sessions and links that have expired; at most
    /// [`MAX_BATCH_ROWS`] rows of each. Returns whether more is left.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn prune(&self, before: Timestamp, now: Timestamp) -> Result<bool, StoreError>;
}
