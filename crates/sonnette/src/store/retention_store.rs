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
}
