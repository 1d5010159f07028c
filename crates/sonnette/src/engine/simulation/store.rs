//! A store that fails now and then: before it does what it is asked, or after it has done it.

use fastrand::Rng;
use jiff::Timestamp;
use parking_lot::Mutex;

use crate::domain::*;
use crate::store::sqlite::SqliteStore;
use crate::store::*;

/// When the store fails.
pub(super) struct Faults {
    state: Mutex<FaultState>,
}

struct FaultState {
    rng: Rng,
    /// Of a thousand verbs, so many fail.
    per_mille: u32,
}

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    /// Nothing was done.
    Before,
    /// It was done, and the answer was lost.
    After,
}

impl Faults {
    pub(super) fn new(seed: u64) -> Self {
        let state = FaultState {
            rng: Rng::with_seed(seed),
            per_mille: 0,
        };
        Self {
            state: Mutex::new(state),
        }
    }

    pub(super) fn set_per_mille(&self, per_mille: u32) {
        self.state.lock().per_mille = per_mille;
    }

    fn draw(&self) -> Option<Fault> {
        let mut state = self.state.lock();
        if state.per_mille == 0 || state.rng.u32(..1_000) >= state.per_mille {
            return None;
        }
        Some(if state.rng.u32(..3) == 0 {
            Fault::After
        } else {
            Fault::Before
        })
    }
}

/// The real store behind the faults.
pub(super) struct FailingStore {
    pub(super) inner: SqliteStore,
    pub(super) faults: std::sync::Arc<Faults>,
}

fn unavailable() -> StoreError {
    StoreError::Unavailable("simulated".into())
}

impl FailingStore {
    fn attempt<T>(&self, verb: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        match self.faults.draw() {
            None => verb(),
            Some(Fault::Before) => Err(unavailable()),
            Some(Fault::After) => {
                verb()?;
                Err(unavailable())
            }
        }
    }
}

/// Forwards verbs, each of which may fail.
macro_rules! forward {
    ($($trait:ident { $($verb:ident($($arg:ident: $type:ty),*) -> $result:ty;)* })*) => {
        $(impl $trait for FailingStore {
            $(fn $verb(&self, $($arg: $type),*) -> Result<$result, StoreError> {
                self.attempt(|| self.inner.$verb($($arg),*))
            })*
        })*
    };
}

impl DeliveryStore for FailingStore {
    fn commit(&self, version: i64, batch: &Batch) -> Result<Vec<GroupResult>, CommitError> {
        let fault = self.faults.draw();
        if fault == Some(Fault::Before) {
            return Err(unavailable().into());
        }
        let results = self.inner.commit(version, batch)?;
        match fault {
            None => Ok(results),
            Some(_) => Err(unavailable().into()),
        }
    }

    fn reserve_notification_id(&self) -> Result<NotificationId, StoreError> {
        self.attempt(|| self.inner.reserve_notification_id())
    }

    fn installations(&self) -> Result<Installations, StoreError> {
        self.attempt(|| self.inner.installations())
    }

    fn newest_notification_id(&self) -> Result<NotificationId, StoreError> {
        self.attempt(|| self.inner.newest_notification_id())
    }

    fn lanes_with_pending_deliveries(&self) -> Result<Vec<WebhookId>, StoreError> {
        self.attempt(|| self.inner.lanes_with_pending_deliveries())
    }

    fn last_successes(&self, since: Timestamp) -> Result<Vec<(WebhookId, Timestamp)>, StoreError> {
        self.attempt(|| self.inner.last_successes(since))
    }

    fn lane(&self, webhook: WebhookId) -> Result<StoredLane, StoreError> {
        self.attempt(|| self.inner.lane(webhook))
    }

    fn due_deliveries(
        &self,
        webhook: WebhookId,
        now: Timestamp,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<DeliveryPage, StoreError> {
        self.attempt(|| self.inner.due_deliveries(webhook, now, after, limit))
    }

    fn newest_due_deliveries(
        &self,
        webhook: WebhookId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<PendingDelivery>, StoreError> {
        self.attempt(|| self.inner.newest_due_deliveries(webhook, now, limit))
    }
}

impl Store for FailingStore {
    fn ping(&self) -> Result<(), StoreError> {
        self.attempt(|| self.inner.ping())
    }

    fn checkpoint(&self) {
        self.inner.checkpoint();
    }
}

forward! {
    DeliveryAdmin {
        expedite_pending(webhook: WebhookId, now: Timestamp, entry: Option<&NewAuditEntry>) -> usize;
        oldest_undelivered(webhook: WebhookId, since: Option<Timestamp>) -> Option<Timestamp>;
        drop_pending(webhook: WebhookId, now: Timestamp, reason: &str, entry: Option<&NewAuditEntry>) -> usize;
        cap_due_times(webhook: WebhookId, now: Timestamp) -> usize;
        expire_deliveries(webhook: WebhookId, now: Timestamp) -> usize;
        disable_never_succeeded(webhook: WebhookId, now: Timestamp) -> bool;
        backlog(webhook: WebhookId) -> (u64, Option<Timestamp>);
        resend(webhook: WebhookId, notification: NotificationId, now: Timestamp) -> Option<PendingDelivery>;
        resend_undelivered(webhook: WebhookId, span: TimeRange, only: Option<DeliveryStateFilter>,
            after: Option<NotificationId>, now: Timestamp, entry: Option<&mut BatchAuditEntry>)
            -> (u64, Option<NotificationId>);
        replay(notification: NotificationId, webhooks: &[WebhookId], now: Timestamp) -> ();
        delivery(webhook: WebhookId, notification: NotificationId) -> Option<Delivery>;
    }
    MissedStore {
        missed_notifications(webhook: WebhookId, span: TimeRange, after: Option<NotificationId>)
            -> (Vec<NotificationSummary>, Option<NotificationId>);
        enqueue(webhook: WebhookId, notifications: &[NotificationId], now: Timestamp, entry: &mut BatchAuditEntry)
            -> u64;
    }
    ErasureStore {
        erase_subject(organizer: OrganizerId, subject: &str, through: NotificationId, now: Timestamp,
            paused: &[WebhookId], entry: &mut BatchAuditEntry) -> ErasureBatch;
        record_erasure(organizer: OrganizerId, subject: &str, through: NotificationId, now: Timestamp) -> ();
        purge_erased() -> ();
    }
    HoldStore {
        hold_deliveries(entry: &NewAuditEntry) -> ();
        resume_deliveries(organizer: Option<OrganizerId>, entry: &NewAuditEntry) -> Vec<OrganizerId>;
    }
    RetentionStore {
        prune(before: Timestamp, now: Timestamp) -> bool;
        trusted_time() -> Option<Timestamp>;
        record_trusted_time(now: Timestamp) -> ();
    }
    RegistryStore {
        version() -> i64;
        load(since: i64) -> RegistryChanges;
        add_organizer(organizer: &Organizer, entry: NewAuditEntry) -> ChangeResult<Organizer>;
        change_organizer(id: OrganizerId, change: &mut dyn FnMut(&mut Organizer) -> bool, entry: NewAuditEntry)
            -> ChangeResult<Organizer>;
        events(organizer: OrganizerId) -> Vec<Event>;
        add_event(organizer: OrganizerId, event: &Event, entry: NewAuditEntry) -> ChangeResult<Event>;
        change_event(organizer: OrganizerId, slug: &EventSlug, name: &str, date_from: Option<crate::domain::UtcDateTime>,
            entry: NewAuditEntry) -> ChangeResult<EventId>;
        remove_event(organizer: OrganizerId, slug: &EventSlug, entry: NewAuditEntry) -> ChangeResult<EventId>;
        add_action_type(action_type: &RegisteredActionType, entry: NewAuditEntry) -> ChangeResult<i64>;
        change_action_type(action_type: &RegisteredActionType, entry: NewAuditEntry) -> ChangeResult<i64>;
        remove_action_type(action_type: &RegisteredActionType, entry: NewAuditEntry) -> ChangeResult<i64>;
    }
    WebhookStore {
        add_webhook(webhook: &Webhook, entry: NewAuditEntry, settings_entry: Option<NewAuditEntry>) -> Webhook;
        change_webhook(organizer: OrganizerId, id: WebhookId, change: &mut dyn FnMut(&mut Webhook) -> bool,
            entry: NewAuditEntry, settings_entry: Option<NewAuditEntry>) -> ChangeResult<Webhook>;
        mark_webhook_deleted(organizer: OrganizerId, id: WebhookId, entry: NewAuditEntry) -> ChangeResult<Webhook>;
        pending_webhook_changes(limit: usize) -> Vec<PendingWebhookChange>;
    }
    TokenStore {
        token(id: TokenId) -> Option<Token>;
        tokens(organizer: OrganizerId) -> Vec<Token>;
        add_token(token: &NewToken, entry: NewAuditEntry) -> Token;
        change_token(id: TokenId, change: &mut dyn FnMut(&mut Token) -> bool, entry: NewAuditEntry)
            -> ChangeResult<Token>;
        record_token_uses(used: &[(TokenId, Timestamp)]) -> ();
    }
    AuditLog {
        audit_entries(organizer: OrganizerId, skip: usize, limit: usize) -> (usize, Vec<AuditEntry>);
        add_audit_entry(organizer: OrganizerId, entry: NewAuditEntry) -> ();
    }
    IdempotencyStore {
        stored_response(key: &[u8; 32], now: Timestamp) -> Option<StoredResponse>;
        store_response(key: &[u8; 32], answer: &StoredResponse, now: Timestamp) -> ();
    }
    History {
        attempt_page(webhooks: &[WebhookId], query: &AttemptQuery) -> AttemptPage;
        latest_attempts(webhooks: &[WebhookId]) -> Vec<Attempt>;
        attempt(webhook: WebhookId, id: AttemptId) -> Option<Attempt>;
        attempt_timings(webhook: WebhookId, since: Timestamp) -> Vec<AttemptTiming>;
        attempt_stats(webhooks: &[WebhookId], since: Timestamp) -> Vec<AttemptStats>;
        deliveries(webhook: WebhookId, query: DeliveryQuery) -> Vec<Delivery>;
        deliveries_of_notification(notification: NotificationId, webhooks: &[WebhookId]) -> Vec<Delivery>;
        notifications(organizer: OrganizerId, query: &NotificationQuery) -> Vec<NotificationEntry>;
        notification(organizer: OrganizerId, id: NotificationId) -> Option<NotificationEntry>;
        unhealthy_webhooks(now: Timestamp, limit: usize) -> Vec<WebhookId>;
        total_backlog() -> (u64, Option<Timestamp>);
    }
    AlertStore {
        due_alerts(now: Timestamp, limit: usize) -> Vec<Alert>;
        record_alert_result(id: AlertId, end: &AlertResult, now: Timestamp) -> ();
    }
    AccountStore {
        add_user(user: &NewUser, entry: NewAuditEntry) -> ChangeResult<User>;
        users(organizer: Option<OrganizerId>) -> Vec<User>;
        user(id: UserId) -> Option<User>;
        user_by_email(email: &EmailAddress) -> Option<(User, Option<String>)>;
        change_user(id: UserId, change: &mut dyn FnMut(&mut User) -> bool, entry: NewAuditEntry) -> ChangeResult<User>;
        set_password(id: UserId, password_hash: &str, link: Option<&SessionTokenHash>, entry: NewAuditEntry, now: Timestamp)
            -> ChangeResult<User>;
        remove_user(id: UserId, entry: NewAuditEntry) -> ChangeResult<User>;
    }
    SessionStore {
        add_session(hash: &SessionTokenHash, session: &Session, password_hash: Option<&str>) -> bool;
        session(hash: &SessionTokenHash, now: Timestamp) -> Option<Session>;
        extend_session(hash: &SessionTokenHash, expires: Timestamp, now: Timestamp) -> ();
        end_session(hash: &SessionTokenHash) -> ();
        end_sessions_of_user(user: UserId) -> ();
        add_link(hash: &SessionTokenHash, link: &AccessLink) -> ();
        link(hash: &SessionTokenHash, now: Timestamp) -> Option<AccessLink>;
        end_link(hash: &SessionTokenHash) -> ();
    }
    AccountEmailStore {
        enqueue_account_email(user: UserId, kind: AccountEmailKind, language: Language, organizer: Option<OrganizerId>,
            now: Timestamp) -> bool;
        due_account_emails(now: Timestamp, limit: usize) -> Vec<AccountEmail>;
        record_account_email_result(id: AccountEmailId, end: &AccountEmailResult, now: Timestamp) -> ();
    }
}
