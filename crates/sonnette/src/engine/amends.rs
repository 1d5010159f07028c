//! What a webhook missed while it was off, and forgetting a person.

use jiff::Timestamp;
use tokio::sync::oneshot;

use super::inbox::Message;
use super::sonnette::{Resume, Sonnette, blocking};
use super::{ControlError, OrganizerSnapshot, publisher};
use crate::domain::{NotificationId, WebhookId};
use crate::store::{ErasureResult, Store, StoreError, TimeRange};

impl Sonnette {
    /// Owes to an enabled webhook what matched its filters while it was off and made no delivery, of the notifications
    /// published in `span`; how many. With `dry_run` it only counts. The filters are those of now.
    ///
    /// # Errors
    /// [`ControlError::Missing`] or [`ControlError::Disabled`].
    pub async fn resend_missed(
        &self,
        webhook: WebhookId,
        span: TimeRange,
        dry_run: bool,
    ) -> Result<u64, ControlError> {
        self.require_enabled(webhook)?;
        let registry = self.registry();
        let owner = registry.webhook(webhook).map(|w| w.organizer);
        let tenant = owner
            .and_then(|id| registry.organizer_by_id(id))
            .cloned()
            .ok_or(ControlError::Missing)?;
        let (store, now) = (self.shared.store.clone(), self.shared.clock.now());
        let count =
            blocking(move || recover(&*store, &tenant, webhook, span, now, dry_run)).await?;
        if count > 0 && !dry_run {
            self.look(webhook, false);
        }
        Ok(count)
    }

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
        let (store, key) = (self.shared.store.clone(), subject.to_owned());
        let (through, lanes) = blocking(move || {
            // What is published from now on is another matter; so lanes that are found below are all there are.
            let through = store.newest_notification_id()?;
            Ok((through, store.lanes_of_subject(organizer, &key)?))
        })
        .await?;
        let mut resumes = Vec::new();
        for webhook in lanes {
            let (paused, pause) = oneshot::channel();
            self.shared
                .inboxes
                .of(webhook)
                .send(Message::Pause(webhook, paused));
            // Whoever asked may go away at any moment; the lane goes on all the same.
            resumes.push(Resume {
                inboxes: self.shared.inboxes.clone(),
                webhook,
                through: NotificationId(0),
            });
            pause.await.map_err(|_| ControlError::Stopping)?;
        }
        let (store, now, key) = (
            self.shared.store.clone(),
            self.shared.clock.now(),
            subject.to_owned(),
        );
        Ok(blocking(move || {
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

fn recover(
    store: &dyn Store,
    tenant: &OrganizerSnapshot,
    webhook: WebhookId,
    span: TimeRange,
    now: Timestamp,
    dry_run: bool,
) -> Result<u64, StoreError> {
    let (mut count, mut after) = (0, None);
    loop {
        let (missed_notifications, next) = store.missed_notifications(webhook, span, after)?;
        let missed: Vec<NotificationId> = missed_notifications
            .iter()
            .filter(|n| {
                let (action, event) = (n.action_type.as_str(), n.event.as_ref());
                let told = publisher::told(tenant, action, event, n.audience);
                told.contains(&webhook)
            })
            .map(|n| n.id)
            .collect();
        count += if dry_run {
            missed.len() as u64
        } else {
            store.enqueue(webhook, &missed, now)?
        };
        after = next;
        if after.is_none() {
            return Ok(count);
        }
    }
}
