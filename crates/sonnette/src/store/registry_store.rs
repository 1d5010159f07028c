//! The registry: organizers, their events and action types; and what the engine holds of it in memory.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{ChangeResult, NewAuditEntry, StoreError};
use crate::domain::{
    ActionTypeName, Event, EventId, EventSlug, Organizer, OrganizerId, RegisteredActionType, Token,
    TokenHash, TokenId, UtcDateTime, Webhook, WebhookId,
};

/// What has changed in the registry since a version.
#[derive(Debug, Default)]
pub struct RegistryChanges {
    /// The version that these changes lead to.
    pub version: i64,
    /// Organizers that changed themselves, by id.
    pub organizers: Vec<Organizer>,
    /// Webhooks that changed, by id; disabled ones included.
    pub webhooks: Vec<Webhook>,
    /// Action types that were removed, before those of `actions` were registered.
    pub removed_action_types: Vec<RemovedActionType>,
    /// Registered action types that changed, by name.
    pub action_types: Vec<RegisteredActionType>,
    /// Tokens that changed.
    pub tokens: Vec<(TokenHash, Token)>,
    /// All organizers whose deliveries are held, and since when. [`NEW_ORGANIZERS`](super::NEW_ORGANIZERS)
    /// stands for those that are yet to be created.
    pub holds: BTreeMap<OrganizerId, Timestamp>,
    /// Organizers whose rows are known to be damaged; what is known of them no longer holds.
    pub damaged_organizers: Vec<OrganizerId>,
    /// The same for webhooks.
    pub damaged_webhooks: Vec<WebhookId>,
    /// The same for tokens.
    pub damaged_tokens: Vec<TokenId>,
}

/// A registered action type that there is no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovedActionType {
    /// For whom it was registered; none: for all.
    pub organizer: Option<OrganizerId>,
    /// Its name.
    pub name: ActionTypeName,
}

/// Organizers, events and action types. Every change makes a new version of the registry.
pub trait RegistryStore {
    /// The current version.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn version(&self) -> Result<i64, StoreError>;

    /// The rows that changed after `since`; all rows for 0. Damaged rows are left out.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn load(&self, since: i64) -> Result<RegistryChanges, StoreError>;

    /// Adds an organizer (its `id` is ignored). Taken: another one has the slug or the UUID.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn add_organizer(
        &self,
        organizer: &Organizer,
        entry: NewAuditEntry,
    ) -> Result<ChangeResult<Organizer>, StoreError>;

    /// Changes an organizer, but not its slug. `change` receives it as it is in the transaction, and returns whether to
    /// write the change. Taken: another one has the UUID.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn change_organizer(
        &self,
        id: OrganizerId,
        change: &mut dyn FnMut(&mut Organizer) -> bool,
        entry: NewAuditEntry,
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
        entry: NewAuditEntry,
    ) -> Result<ChangeResult<Event>, StoreError>;

    /// Changes the name and the start of an event.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn change_event(
        &self,
        organizer: OrganizerId,
        slug: &EventSlug,
        name: &str,
        date_from: Option<UtcDateTime>,
        entry: NewAuditEntry,
    ) -> Result<ChangeResult<EventId>, StoreError>;

    /// Removes an event, also from the event filters of webhooks.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn remove_event(
        &self,
        organizer: OrganizerId,
        slug: &EventSlug,
        entry: NewAuditEntry,
    ) -> Result<ChangeResult<EventId>, StoreError>;

    /// Adds an action type (its `id` is ignored) and returns its id. Taken: the organizer, or all organizers, have one
    /// with the same name.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn add_action_type(
        &self,
        action_type: &RegisteredActionType,
        entry: NewAuditEntry,
    ) -> Result<ChangeResult<i64>, StoreError>;

    /// Changes the action type with the `id` of `action_type`; its organizer and name stay.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn change_action_type(
        &self,
        action_type: &RegisteredActionType,
        entry: NewAuditEntry,
    ) -> Result<ChangeResult<i64>, StoreError>;

    /// Removes the action type with the `id` of `action_type`.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn remove_action_type(
        &self,
        action_type: &RegisteredActionType,
        entry: NewAuditEntry,
    ) -> Result<ChangeResult<i64>, StoreError>;
}
