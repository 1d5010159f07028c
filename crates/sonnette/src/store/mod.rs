//! What is kept, and the verbs that change it.
//!
//! A trait for each reader of the flow. Each verb is one transaction.
//! No connection, transaction or SQL type crosses this border.
//!
//! The verbs block: the engine calls them from threads of its own, the HTTP edge from a pool for blocking work.
//! Whatever could run long works in bites of [`MAX_BATCH_ROWS`] rows, so that no publication waits for it.

mod account_email_store;
mod account_store;
mod alert_store;
mod audit_log;
mod batch;
mod change_result;
mod delivery_admin;
mod delivery_store;
mod erasure_store;
mod error;
mod history;
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
pub use audit_log::{Actor, AuditEntry, AuditLog, NewAuditEntry};
pub use batch::{
    Batch, DeliveryUpdate, GroupResult, IdempotencyKey, Publication, PublicationGroup, Settlement,
    SettlementCause, StoredPublication,
};
pub use change_result::ChangeResult;
pub use delivery_admin::DeliveryAdmin;
pub use delivery_store::{
    Cursor, DeliveryPage, DeliveryStore, MAX_PAGE_BYTES, PendingDelivery, StoredLane,
};
pub use erasure_store::{ErasureResult, ErasureStore};
pub use error::{CommitError, StoreError};
pub use history::{
    AttemptPage, AttemptQuery, AttemptStats, AttemptTiming, DeliveryQuery, DeliveryStateFilter,
    History, MAX_SCANNED_ATTEMPTS, NotificationEntry, NotificationQuery, TimeRange,
};
pub use idempotency_store::{IdempotencyStore, StoredResponse};
pub use missed_store::{MissedStore, NotificationSummary};
pub use registry_store::{RegistryChanges, RegistryStore, RemovedAction};
pub use retention_store::RetentionStore;
pub use session_store::SessionStore;
pub use token_store::{NewToken, TokenStore};
pub use webhook_store::WebhookStore;

/// Rows that one transaction of long work may touch.
pub const MAX_BATCH_ROWS: usize = 2_000;

/// Everything a store does.
pub trait Store:
    DeliveryStore
    + DeliveryAdmin
    + MissedStore
    + ErasureStore
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
    /// Whether it can be read and written now.
    ///
    /// # Errors
    /// When it cannot.
    fn ping(&self) -> Result<(), StoreError>;

    /// Moves what a crash would have to replay into its place, without keeping anybody waiting; called every now and
    /// then from a thread of its own. Not every store needs it.
    fn checkpoint(&self) {}
}
