//! Who may publish, who listens, who changed what.

use jiff::Timestamp;

use super::{ChangeResult, NewAuditEntry, StoreError};
use crate::domain::{
    Event, EventId, EventSlug, Organizer, OrganizerId, RegisteredAction, Token, TokenHash, Webhook,
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
}
