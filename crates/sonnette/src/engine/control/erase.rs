//! Erasing the data of a person.

use super::{ControlError, PauseGuard};
use crate::domain::NotificationId;
use crate::engine::{OrganizerSnapshot, Sonnette};
use crate::store::{BatchAuditEntry, ErasureBatch, ErasureResult, NewAuditEntry};

/// An erasure between two batches.
struct Erasure {
    through: NotificationId,
    /// The lanes that hold deliveries of this person; they start no request until the erasure has ended.
    paused: Vec<PauseGuard>,
    entry: BatchAuditEntry,
    result: ErasureResult,
}

impl Sonnette {
    /// Erases the data of a person: the bodies of notifications with this subject, the responses to them, and their pending
    /// deliveries. Nothing of it is sent after this returns; requests in flight may still arrive.
    ///
    /// # Errors
    /// When the store cannot be written. What was erased until then stays erased.
    pub async fn erase(
        &self,
        organizer: &OrganizerSnapshot,
        subject: &str,
        entry: NewAuditEntry,
    ) -> Result<ErasureResult, ControlError> {
        let (organizer, now) = (organizer.organizer.id, self.now());
        let (store, person) = (self.context.store.clone(), subject.to_owned());
        let record = move || {
            // Later publications are not erased.
            let through = store.newest_notification_id()?;
            store.record_erasure(organizer, &person, through, now)?;
            Ok(through)
        };
        let mut erasure = Erasure {
            through: self.context.run_blocking(record).await?,
            paused: Vec::new(),
            entry: entry.into(),
            result: ErasureResult::default(),
        };
        loop {
            let (store, subject) = (self.context.store.clone(), subject.to_owned());
            // The guards go with the work on the store, which goes on if the client disconnects.
            let (batch, after) = self
                .context
                .run_blocking(move || {
                    let paused: Vec<_> = erasure.paused.iter().map(|g| g.webhook).collect();
                    let (through, entry) = (erasure.through, &mut erasure.entry);
                    let batch =
                        store.erase_subject(organizer, &subject, through, now, &paused, entry)?;
                    Ok((batch, erasure))
                })
                .await?;
            erasure = after;
            match batch {
                ErasureBatch::LanesToPause(lanes) => {
                    for webhook in lanes {
                        let mut guard = self.pause_lane(webhook).await?;
                        guard.through = PauseGuard::MAX_NOTIFICATION_ID;
                        erasure.paused.push(guard);
                    }
                }
                ErasureBatch::Erased { result, has_more } => {
                    erasure.result += result;
                    if !has_more {
                        break;
                    }
                }
            }
        }
        let store = self.context.store.clone();
        let Erasure {
            mut paused, result, ..
        } = erasure;
        Ok(self
            .context
            .run_blocking(move || {
                let newest = store.newest_notification_id()?;
                for guard in &mut paused {
                    guard.through = newest;
                }
                drop(paused);
                store.purge_erased()?;
                Ok(result)
            })
            .await?)
    }
}
