//! Erasing the data of a person.

use super::{ControlError, PauseGuard};
use crate::engine::{OrganizerSnapshot, Sonnette};
use crate::store::{BatchAuditEntry, ErasureResult, NewAuditEntry};

impl Sonnette {
    /// Erases the data of a person: the bodies of notifications with this subject, the responses to them, and their pending
    /// deliveries. Nothing of it is sent after this returns; requests in flight may still arrive.
    ///
    /// # Errors
    /// When the store cannot be written. What was erased until then stays erased.
    pub async fn erase(
        &self,
        tenant: &OrganizerSnapshot,
        subject: &str,
        entry: NewAuditEntry,
    ) -> Result<ErasureResult, ControlError> {
        let organizer = tenant.organizer.id;
        let (store, key) = (self.context.store.clone(), subject.to_owned());
        let (through, lanes) = self
            .context
            .run_blocking(move || {
                // Later publications are not erased, so that no other lane can have such deliveries.
                let through = store.newest_notification_id()?;
                Ok((through, store.lanes_of_subject(organizer, &key)?))
            })
            .await?;
        let mut guards = Vec::new();
        for webhook in lanes {
            guards.push(self.pause_lane(webhook).await?);
        }
        let (store, now, key) = (
            self.context.store.clone(),
            self.context.clock.now(),
            subject.to_owned(),
        );
        Ok(self
            .context
            .run_blocking(move || {
                let mut guards = guards;
                for guard in &mut guards {
                    guard.through = PauseGuard::ALL;
                }
                let mut sum = ErasureResult::default();
                let mut entry = BatchAuditEntry::from(entry);
                loop {
                    let erased = store.erase_subject(organizer, &key, through, now, &mut entry)?;
                    sum.notifications += erased.notifications;
                    sum.attempts += erased.attempts;
                    sum.dropped += erased.dropped;
                    if !erased.more {
                        break;
                    }
                }
                let newest = store.newest_notification_id()?;
                for guard in &mut guards {
                    guard.through = newest;
                }
                drop(guards);
                store.purge_erased()?;
                Ok(sum)
            })
            .await?)
    }
}
