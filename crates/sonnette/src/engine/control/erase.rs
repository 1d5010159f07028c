//! Forgetting a person.

use tokio::sync::oneshot;

use super::{ControlError, PauseGuard};
use crate::domain::NotificationId;
use crate::engine::dispatcher::inbox::Command;
use crate::engine::{OrganizerSnapshot, Sonnette};
use crate::store::ErasureResult;

impl Sonnette {
    /// Forgets a person: blanks what was published with this subject and what was answered to it, and drops what waits.
    /// Once it answers nothing of it is sent any more, but for what was in flight.
    ///
    /// # Errors
    /// When the store cannot be written; what was done until then stays done.
    pub async fn erase(
        &self,
        tenant: &OrganizerSnapshot,
        subject: &str,
    ) -> Result<ErasureResult, ControlError> {
        let organizer = tenant.organizer.id;
        let (store, key) = (self.context.store.clone(), subject.to_owned());
        let (through, lanes) = self
            .context
            .run_blocking(move || {
                // What is published from now on is another matter; so lanes that are found below are all there are.
                let through = store.newest_notification_id()?;
                Ok((through, store.lanes_of_subject(organizer, &key)?))
            })
            .await?;
        let mut resumes = Vec::new();
        for webhook in lanes {
            let (paused, pause) = oneshot::channel();
            self.context
                .inboxes
                .of(webhook)
                .send(Command::PauseLane(webhook, paused));
            // Whoever asked may go away at any moment; the lane goes on all the same.
            resumes.push(PauseGuard {
                inboxes: self.context.inboxes.clone(),
                webhook,
                through: NotificationId(0),
            });
            pause.await.map_err(|_| ControlError::Stopping)?;
        }
        let (store, now, key) = (
            self.context.store.clone(),
            self.context.clock.now(),
            subject.to_owned(),
        );
        Ok(self
            .context
            .run_blocking(move || {
                let mut resumes = resumes;
                let mut sum = ErasureResult::default();
                loop {
                    let erased = store.erase_subject(organizer, &key, through, now)?;
                    sum.notifications += erased.notifications;
                    sum.attempts += erased.attempts;
                    sum.dropped += erased.dropped;
                    if !erased.more {
                        break;
                    }
                }
                let newest = store.newest_notification_id()?;
                for resume in &mut resumes {
                    resume.through = newest;
                }
                drop(resumes);
                store.purge_erased()?;
                Ok(sum)
            })
            .await?)
    }
}
