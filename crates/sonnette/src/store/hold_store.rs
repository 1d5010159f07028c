//! Holding all deliveries after a restore, until a person has looked.

use super::{NewAuditEntry, StoreError};
use crate::domain::OrganizerId;

/// Stands for the organizers that are yet to be created.
pub const NEW_ORGANIZERS: OrganizerId = OrganizerId(0);

/// Holding deliveries: publications are accepted, and nothing but tests is sent. Which organizers are held is part of the
/// registry, see [`RegistryChanges::holds`](super::RegistryChanges::holds).
pub trait HoldStore {
    /// Holds the deliveries of all organizers from the time of the `entry` on, also of those that are yet to be created.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn hold_deliveries(&self, entry: &NewAuditEntry) -> Result<(), StoreError>;

    /// Ends the hold of an organizer, or of all, at the time of the `entry`. The lifetimes of pending deliveries are moved
    /// by the time that they were held. Returns the organizers whose hold has ended; with that of the last one, the hold of
    /// organizers that are yet to be created ends.
    ///
    /// The lifetimes are moved in batches before the hold ends: if this fails, it can be repeated.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn resume_deliveries(
        &self,
        organizer: Option<OrganizerId>,
        entry: &NewAuditEntry,
    ) -> Result<Vec<OrganizerId>, StoreError>;
}
