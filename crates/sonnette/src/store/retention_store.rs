//! Removal of old rows.

use jiff::Timestamp;

use super::StoreError;

/// Removal of old rows.
pub trait RetentionStore {
    /// Removes what ended before `before`: attempts and their statistics, settled notifications, alerts and account
    /// emails; and what has expired at `now`: idempotency keys, stored responses, sessions and links. Works in
    /// transactions of some milliseconds and returns after one for each table, with whether more may be left.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn prune(&self, before: Timestamp, now: Timestamp) -> Result<bool, StoreError>;

    /// The time that was recorded last. None: none ever was.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn trusted_time(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Records a time of day that can be trusted, for the next start.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn record_trusted_time(&self, now: Timestamp) -> Result<(), StoreError>;
}
