//! Who may publish, who listens, who changed what.

use jiff::Timestamp;
use serde_json::Value;

use super::StoreError;
use crate::domain::{
    AuditId, Event, EventId, EventSlug, Organizer, OrganizerId, PendingWebhookChange,
    RegisteredAction, Scope, Token, TokenHash, TokenId, UserId, Webhook, WebhookId,
};

/// The registry as far as it has changed since some version.
#[derive(Debug, Default)]
pub struct RegistryChanges {
    /// The version these rows bring one to.
    pub version: i64,
    /// Organizers that changed, each whole.
    pub organizers: Vec<StoredOrganizer>,
    /// Tokens that changed.
    pub tokens: Vec<(TokenHash, Token)>,
}

/// All that is held in memory of one organizer.
#[derive(Debug)]
pub struct StoredOrganizer {
    /// The organizer.
    pub organizer: Organizer,
    /// Its webhooks by id, disabled ones included.
    pub webhooks: Vec<Webhook>,
    /// Action types registered for it and for all.
    pub action_types: Vec<RegisteredAction>,
}

/// Who changed something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A token of the API.
    Token(TokenId),
    /// A user of the dashboard.
    User(UserId),
    /// The command line.
    CommandLine,
    /// Sonnette itself.
    Server,
}

/// A line for the audit log.
#[derive(Debug, Clone, PartialEq)]
pub struct NewAuditEntry {
    /// Who.
    pub actor: Actor,
    /// What, in pretix's words: `pretix.webhook.changed`, ….
    pub action: &'static str,
    /// With which data; secrets and credentials masked.
    pub data: Value,
    /// When.
    pub at: Timestamp,
}

/// A line of the audit log.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// Assigned by the store, rising.
    pub id: AuditId,
    /// When.
    pub at: Timestamp,
    /// `token`, `user`, `command_line` or `server`, with its id if it has one.
    pub actor: (String, Option<i64>),
    /// What.
    pub action: String,
    /// With which data.
    pub data: Value,
}

/// What came of a change.
#[derive(Debug, Clone, PartialEq)]
pub enum ChangeResult<T> {
    /// Done; the thing as it is now.
    Done(T),
    /// There is no such thing.
    Missing,
    /// The name is taken.
    Taken,
    /// The change itself said no.
    Refused,
}

/// A token to be made.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// SHA-256 of its text.
    pub hash: TokenHash,
    /// What it is for.
    pub name: String,
    /// What it opens.
    pub scope: Scope,
    /// When it was made.
    pub created: Timestamp,
}

/// An answer kept for a repeated `X-Idempotency-Key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredResponse {
    /// The status.
    pub status: u16,
    /// Name and value of each header.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Who may publish, who listens, who changed what. Every change makes a new version of the registry.
pub trait RegistryStore {
    /// The version now.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn version(&self) -> Result<i64, StoreError>;

    /// All that changed after `since`; everything for 0.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn load(&self, since: i64) -> Result<RegistryChanges, StoreError>;

    /// Adds an organizer (its `id` is ignored). Taken: by one with the same slug, or the same UUID.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn add_organizer(
        &self,
        organizer: &Organizer,
        note: NewAuditEntry,
    ) -> Result<ChangeResult<Organizer>, StoreError>;

    /// Changes an organizer; its slug stays. Taken: another one has the UUID.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn change_organizer(
        &self,
        id: OrganizerId,
        change: &mut dyn FnMut(&mut Organizer) -> bool,
        note: NewAuditEntry,
    ) -> Result<ChangeResult<Organizer>, StoreError>;

    /// All events of an organizer, in pretix's order: start, name, slug.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn events(&self, organizer: OrganizerId) -> Result<Vec<Event>, StoreError>;

    /// Adds an event (its `id` is ignored).
    ///
    /// # Errors
    /// When the store cannot be written.
    fn add_event(
        &self,
        organizer: OrganizerId,
        event: &Event,
        note: NewAuditEntry,
    ) -> Result<ChangeResult<Event>, StoreError>;

    /// Changes an event's name or start, or removes it (`None`) and takes it out of every webhook's list.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn change_event(
        &self,
        organizer: OrganizerId,
        slug: &EventSlug,
        to: Option<(String, Option<Timestamp>)>,
        note: NewAuditEntry,
    ) -> Result<ChangeResult<EventId>, StoreError>;

    /// Adds a webhook (its `id` is ignored).
    ///
    /// # Errors
    /// When the store cannot be written.
    fn add_webhook(&self, webhook: &Webhook, note: NewAuditEntry) -> Result<Webhook, StoreError>;

    /// Changes a webhook. `change` sees it as it is in the transaction, and says whether to go on; it may fill in the
    /// note. Where nothing changed but the note, the version stays. A change of what pretix's resource shows is news for
    /// other webhooks.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn change_webhook(
        &self,
        organizer: OrganizerId,
        id: WebhookId,
        change: &mut dyn FnMut(&mut Webhook) -> bool,
        note: NewAuditEntry,
    ) -> Result<ChangeResult<Webhook>, StoreError>;

    /// What REST's DELETE does: the webhook is disabled and stays readable; others hear that it was deleted.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn retire_webhook(
        &self,
        organizer: OrganizerId,
        id: WebhookId,
        note: NewAuditEntry,
    ) -> Result<ChangeResult<Webhook>, StoreError>;

    /// Changes of webhooks, oldest first, that are yet to be published: of organizers that speak Creads. Each is taken
    /// down in the transaction of the change, and gone with that of the publication.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn pending_webhook_changes(
        &self,
        limit: usize,
    ) -> Result<Vec<PendingWebhookChange>, StoreError>;

    /// Adds an action type, or with an `id` changes or (`remove`) removes one.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn put_action_type(
        &self,
        row: &RegisteredAction,
        remove: bool,
        note: NewAuditEntry,
    ) -> Result<ChangeResult<i64>, StoreError>;

    /// Adds a token.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn add_token(&self, token: &NewToken, note: NewAuditEntry) -> Result<Token, StoreError>;

    /// Changes a token's name, its permissions or whether it is active.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn change_token(
        &self,
        id: TokenId,
        change: &mut dyn FnMut(&mut Token) -> bool,
        note: NewAuditEntry,
    ) -> Result<ChangeResult<Token>, StoreError>;

    /// Notes that tokens were used, to the minute.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn touch_tokens(&self, used: &[(TokenId, Timestamp)]) -> Result<(), StoreError>;

    /// The audit log of an organizer, newest first: how many there are, and one page.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn audit(
        &self,
        organizer: OrganizerId,
        skip: usize,
        limit: usize,
    ) -> Result<(usize, Vec<AuditEntry>), StoreError>;

    /// Adds a line to the audit log.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn note(&self, organizer: OrganizerId, note: NewAuditEntry) -> Result<(), StoreError>;

    /// The answer kept for this key hash, not older than a day.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn kept_answer(
        &self,
        key: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<StoredResponse>, StoreError>;

    /// Keeps an answer.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn keep_answer(
        &self,
        key: &[u8; 32],
        answer: &StoredResponse,
        now: Timestamp,
    ) -> Result<(), StoreError>;
}
