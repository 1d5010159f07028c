//! The store: traits that name everything that is read and written, and a database that implements them.
//!
//! There is one trait for each part of the program that uses the store, in a file with its name: the committer and the
//! lanes use [`DeliveryStore`], the janitor [`RetentionStore`], the dashboard's log [`History`], and so on. [`Store`] is
//! all of them. Each verb is one transaction. No connection, transaction or SQL type crosses this border.
//!
//! The verbs block, so they are called from threads for blocking work. Work that could take long is split into batches of
//! at most [`MAX_BATCH_ROWS`] rows, so that no publication waits for it.

mod account_email_store;
mod account_store;
mod alert_store;
mod audit_log;
mod batch;
mod change_result;
mod damaged_row;
mod delivery_admin;
mod delivery_store;
mod erasure_store;
mod error;
#[cfg(feature = "sqlite")]
mod header_template;
mod header_values;
mod history;
mod hold_store;
mod idempotency_store;
mod missed_store;
mod registry_store;
mod retention_store;
mod session_store;
#[cfg(feature = "sqlite")]
pub mod sqlite;
mod token_store;
mod webhook_store;

pub use account_email_store::AccountEmailStore;
pub use account_store::{AccountStore, NewUser};
pub use alert_store::AlertStore;
pub use audit_log::{Actor, AuditEntry, AuditLog, BatchAuditEntry, NewAuditEntry};
pub use batch::{
    ActionTypeResponse, Batch, ContentHash, DeliveryUpdate, GroupResult, IdempotencyKey,
    Publication, PublicationGroup, Settlement, SettlementCause, StoredPublication,
};
pub use change_result::ChangeResult;
pub use damaged_row::DamagedRow;
pub use delivery_admin::DeliveryAdmin;
pub use delivery_store::{
    Cursor, DeliveryPage, DeliveryStore, MAX_PAGE_BYTES, PendingDelivery, StoredLane,
};
pub use erasure_store::{ErasureBatch, ErasureResult, ErasureStore};
pub use error::{CommitError, ErrorCause, StoreError};
pub use history::{
    AttemptPage, AttemptQuery, AttemptStats, AttemptTiming, DeliveryQuery, DeliveryStateFilter,
    History, MAX_ATTEMPT_TIMINGS, MAX_SCANNED_ATTEMPTS, NotificationEntry, NotificationQuery,
    TimeRange,
};
pub use hold_store::{HoldStore, NEW_ORGANIZERS};
pub use idempotency_store::{IdempotencyStore, StoredResponse};
pub use missed_store::{MissedStore, NotificationSummary};
pub use registry_store::{RegistryChanges, RegistryStore, RemovedActionType};
pub use retention_store::RetentionStore;
pub use session_store::SessionStore;
pub use token_store::{NewToken, TokenStore};
pub use webhook_store::WebhookStore;

/// The number of rows that one transaction of long work may change.
pub const MAX_BATCH_ROWS: usize = 1_000;

/// A complete store.
pub trait Store:
    DeliveryStore
    + DeliveryAdmin
    + MissedStore
    + ErasureStore
    + HoldStore
    + RetentionStore
    + RegistryStore
    + WebhookStore
    + TokenStore
    + AuditLog
    + IdempotencyStore
    + History
    + AlertStore
    + AccountStore
    + SessionStore
    + AccountEmailStore
    + Send
    + Sync
{
    /// Checks that the store can be read and written, and answers within a second. Any number of checks at the same time
    /// may share one.
    ///
    /// # Errors
    /// When it cannot.
    fn ping(&self) -> Result<(), StoreError>;

    /// The damaged rows that were found and left out so far.
    fn damaged_rows(&self) -> Vec<DamagedRow> {
        Vec::new()
    }

    /// Writes what is buffered and shortens the log that a crash would have to replay, without delaying other verbs for
    /// long. The janitor calls it about once a second. Not every store needs it.
    fn checkpoint(&self) {}
}
