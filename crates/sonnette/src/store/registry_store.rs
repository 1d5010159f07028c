//! The registry: organizers, their events and action types; and what the engine holds of it in memory.

use jiff::Timestamp;

use super::{ChangeResult, NewAuditEntry, StoreError};
use crate::domain::{
    Event, EventId, EventSlug, Organizer, OrganizerId, RegisteredAction, Token, TokenHash, Webhook,
};

/// What has changed in the registry since a version.
#[derive(Debug, Default)]
pub struct RegistryChanges {
    /// The version that these changes lead to.
    pub version: i64,
    /// Changed organizers, each complete.
    pub organizers: Vec<StoredOrganizer>,
    /// Changed tokens.
    pub tokens: Vec<(TokenHash, Token)>,
}

/// An organizer with its webhooks and action types.
#[derive(Debug)]
pub struct StoredOrganizer {
    /// The organizer.
    pub organizer: Organizer,
    /// Its webhooks in order of their ids, disabled ones included.
    pub webhooks: Vec<Webhook>,
    /// The action types registered for it or for all organizers.
    pub action_types: Vec<RegisteredAction>,
}

/// Organizers, events and action types. Every change makes a new version of the registry.
pub trait RegistryStore {
    /// The current version.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn version(&self) -> Result<i64, StoreError>;

    /// What has changed after the version `since`; everything if it is 0.
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
        date_from: Option<Timestamp>,
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
        action_type: &RegisteredAction,
        entry: NewAuditEntry,
    ) -> Result<ChangeResult<i64>, StoreError>;

    /// Changes the action type with the `id` of `action_type`; its organizer and name stay.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn change_action_type(
        &self,
        action_type: &RegisteredAction,
        entry: NewAuditEntry,
    ) -> Result<ChangeResult<i64>, StoreError>;

    /// Removes the action type with the `id` of `action_type`.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn remove_action_type(
        &self,
        action_type: &RegisteredAction,
        entry: NewAuditEntry,
    ) -> Result<ChangeResult<i64>, StoreError>;
}
