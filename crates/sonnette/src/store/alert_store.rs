//! Mail owed to humans.

use jiff::Timestamp;

use super::StoreError;
use crate::domain::{Alert, AlertId, AlertResult};

/// Mail owed to humans: queued by whatever switches a webhook off, drained by a mailer.
pub trait AlertStore {
    /// Alerts that are due, at most `limit`, the longest due first.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn due_alerts(&self, now: Timestamp, limit: usize) -> Result<Vec<Alert>, StoreError>;

    /// Writes down what came of a try. An alert that has ended stays as it is.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn record_alert_result(
        &self,
        id: AlertId,
        end: &AlertResult,
        now: Timestamp,
    ) -> Result<(), StoreError>;
}
