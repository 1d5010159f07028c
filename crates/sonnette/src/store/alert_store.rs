//! Mail about webhooks.

use jiff::Timestamp;

use super::StoreError;
use crate::domain::{Alert, AlertId, AlertResult};

/// Mail about webhooks. The transaction that disables or warns about a webhook enqueues it, and the mailer sends it.
pub trait AlertStore {
    /// At most `limit` alerts that are due at `now`, in the order in which they became due.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn due_alerts(&self, now: Timestamp, limit: usize) -> Result<Vec<Alert>, StoreError>;

    /// Records the result of an attempt to send it. A settled alert is not changed.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn record_alert_result(
        &self,
        id: AlertId,
        result: &AlertResult,
        now: Timestamp,
    ) -> Result<(), StoreError>;
}
