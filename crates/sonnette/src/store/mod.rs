//! What is kept, and the verbs that change it.
//!
//! A trait for each reader of the flow: [`DeliveryStore`] is the hot path, [`DeliveryAdmin`] what people do to waiting deliveries,
//! [`MissedStore`] what was missed, [`ErasureStore`] forgetting a person, [`RegistryStore`] who may publish and who listens, [`History`] what
//! happened, [`AlertStore`] mail owed to humans, [`AccountStore`] who may log in and who has, [`AccountEmailStore`] mail owed to them. Each
//! verb is one transaction.
//! No connection, transaction or SQL type crosses this border.
//!
//! The verbs block: the engine calls them from threads of its own, the HTTP edge from a pool for blocking work.
//! Whatever could run long works in bites of [`MAX_BATCH_ROWS`] rows, so that no publication waits for it.

mod account_store;
mod alert_store;
mod batch;
mod erasure_store;
mod history;
mod missed_store;
mod registry_store;
#[cfg(feature = "sqlite")]
pub mod sqlite;

use jiff::Timestamp;

use crate::domain::{
    AttemptId, Delivery, LaneHealth, Notification, NotificationId, Progress, WebhookId,
};

pub use account_store::{AccountEmailStore, AccountStore, NewUser};
pub use alert_store::AlertStore;
pub use batch::{
    Batch, DeliveryUpdate, GroupResult, Key, Publication, PublicationGroup, Settlement,
    StoredPublication, Verdict,
};
pub use erasure_store::{Erased, ErasureStore};
pub use history::{
    AttemptEntry, AttemptPage, AttemptQuery, AttemptStats, DeliveryQuery, DeliveryStateFilter,
    History, MAX_SCANNED_ATTEMPTS, NotificationEntry, NotificationQuery, TimeRange,
};
pub use missed_store::{MissedStore, NotificationSummary};
pub use registry_store::{
    Actor, AuditEntry, ChangeResult, NewAuditEntry, NewToken, RegistryChanges, RegistryStore,
    StoredOrganizer, StoredResponse,
};

/// Rows that one transaction of long work may touch.
pub const MAX_BATCH_ROWS: usize = 2_000;

/// Bytes of bodies that one page of waiting deliveries may hold, unless a single one is larger.
pub const MAX_PAGE_BYTES: usize = 2 << 20;

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
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

/// A delivery that waits, with what it takes to send it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingDelivery {
    /// What to send.
    pub notification: std::sync::Arc<Notification>,
    /// How far it has come.
    pub progress: Progress,
}

/// A place in the order of waiting deliveries of one lane: by due time, then by notification.
pub type Cursor = (Timestamp, NotificationId);

/// The next waiting deliveries of a lane.
#[derive(Debug, Default)]
pub struct DeliveryPage {
    /// Due by the time asked for, in order.
    pub due: Vec<PendingDelivery>,
    /// When the next of those that are not on the page is due; it may be past.
    pub next_due_at: Option<Timestamp>,
}

/// A lane as the store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLane {
    /// Whose lane.
    pub webhook: WebhookId,
    /// How its receiver has been answering.
    pub health: LaneHealth,
    /// When its next waiting delivery is due, if any waits.
    pub next_due_at: Option<Timestamp>,
    /// The newest attempt on record.
    pub last_attempt: Option<AttemptId>,
}

/// The hot path.
pub trait DeliveryStore {
    /// Commits what was published and what was settled, all of it or nothing, durably.
    ///
    /// `version` is that of the registry which the batch was matched against. Ids are given to publications here;
    /// a key that was seen before, or conflicts, is answered in its group.
    ///
    /// # Errors
    /// [`CommitError::Stale`] when the registry has moved on.
    fn commit(&self, version: i64, batch: &Batch) -> Result<Vec<GroupResult>, CommitError>;

    /// An id for something that is not stored: a test.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn reserve_id(&self) -> Result<NotificationId, StoreError>;

    /// The newest id given to a notification; 0 before the first.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn newest_id(&self) -> Result<NotificationId, StoreError>;

    /// Every lane with something waiting.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn waiting_lanes(&self) -> Result<Vec<WebhookId>, StoreError>;

    /// One lane; a webhook without history has a healthy and empty one.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn lane(&self, webhook: WebhookId) -> Result<StoredLane, StoreError>;

    /// The next deliveries of a lane that are due at `now`, after `after`, at most `limit` of them and about
    /// [`MAX_PAGE_BYTES`].
    ///
    /// # Errors
    /// When the store cannot be read.
    fn due(
        &self,
        webhook: WebhookId,
        now: Timestamp,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<DeliveryPage, StoreError>;
}

/// What people, and a change of state, do to waiting deliveries.
pub trait DeliveryAdmin {
    /// Makes waiting deliveries of a lane due, in order of publication: those whose time is yet to come.
    /// Returns how many it changed, at most [`MAX_BATCH_ROWS`]; fewer means that none is left.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn make_due(&self, webhook: WebhookId, now: Timestamp) -> Result<usize, StoreError>;

    /// Drops waiting deliveries of a lane, at most [`MAX_BATCH_ROWS`]; fewer means that none is left.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn drop_waiting(
        &self,
        webhook: WebhookId,
        now: Timestamp,
        reason: &str,
    ) -> Result<usize, StoreError>;

    /// Gives up waiting deliveries of a lane whose three days are over, at most [`MAX_BATCH_ROWS`].
    ///
    /// # Errors
    /// When the store cannot be written.
    fn expire(&self, webhook: WebhookId, now: Timestamp) -> Result<usize, StoreError>;

    /// Switches off a webhook of which a delivery was given up while nothing had succeeded since it was published;
    /// returns whether it did. Deliveries that are tried to the end are seen to by the decision after each attempt: this
    /// is for those whose three days ran out while they waited.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn disable_never_succeeded(
        &self,
        webhook: WebhookId,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// How many deliveries of a lane wait, and since when the oldest was published or last sent again.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn backlog(&self, webhook: WebhookId) -> Result<(u64, Option<Timestamp>), StoreError>;

    /// Makes one delivery due now; a settled one gets a fresh schedule and three days. None: there is no such delivery.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn resend(
        &self,
        webhook: WebhookId,
        notification: NotificationId,
        now: Timestamp,
    ) -> Result<Option<PendingDelivery>, StoreError>;

    /// Makes deliveries due again that were not delivered, of notifications published in `span`; with `settled`, only
    /// those that ended so. Works on notifications after `after`; returns how many it found and, unless that was the
    /// end, where to go on. With `dry_run` it only counts.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn resend_undelivered(
        &self,
        webhook: WebhookId,
        span: TimeRange,
        only: Option<DeliveryStateFilter>,
        after: Option<NotificationId>,
        now: Timestamp,
        dry_run: bool,
    ) -> Result<(u64, Option<NotificationId>), StoreError>;

    /// Owes a notification to these webhooks again, whatever came of it before.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn replay(
        &self,
        notification: NotificationId,
        webhooks: &[WebhookId],
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// One delivery.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn delivery(
        &self,
        webhook: WebhookId,
        notification: NotificationId,
    ) -> Result<Option<Delivery>, StoreError>;

    /// Removes what ended before `before`: attempts, settled notifications, used keys, kept answers, mail, and sessions and links that have expired; at most
    /// [`MAX_BATCH_ROWS`] rows of each. Returns whether more is left.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn prune(&self, before: Timestamp, now: Timestamp) -> Result<bool, StoreError>;
}

/// Everything a store does.
pub trait Store:
    DeliveryStore
    + DeliveryAdmin
    + MissedStore
    + ErasureStore
    + RegistryStore
    + History
    + AlertStore
    + AccountStore
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
    fn tidy(&self) {}
}
