//! What both kinds of mail share: the engine, the mail server, and the links' base.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use sonnette::Sonnette;
use sonnette::domain::ClockReading;
use sonnette::store::StoreError;

use super::smtp::SmtpClient;

/// How often the store is read for mail that is due.
pub(super) const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// How many rows one poll reads.
pub(super) const MAX_BATCH_ROWS: usize = 100;
/// The pause after a failed write to the store.
const STORE_RETRY_DELAY: Duration = Duration::from_secs(1);

/// Everything that sending a mail needs.
pub(super) struct MailContext {
    pub(super) sonnette: Arc<Sonnette>,
    pub(super) smtp: SmtpClient,
    /// The URL of the dashboard, with a trailing slash.
    pub(super) base_url: String,
}

impl MailContext {
    /// Stores the result of a mail; retries until that succeeds, so that a mail is not sent twice because the disk is
    /// full. `mail` names it in the log.
    pub(super) async fn save_result(&self, mail: &str, save: impl Fn() -> Result<(), StoreError>) {
        while let Err(error) = save() {
            tracing::warn!(mail, %error, "cannot store the result of {mail}: {error}");
            tokio::time::sleep(STORE_RETRY_DELAY).await;
        }
    }

    /// The time of day, and the time that mails grow old by.
    pub(super) fn reading(&self) -> ClockReading {
        self.sonnette.clock_reading()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.sonnette.clock().now()
    }
}
