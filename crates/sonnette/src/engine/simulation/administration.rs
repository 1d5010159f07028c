//! What people do in the simulation: resend, drop, replay, erase and test.

use tokio::task::spawn_local;

use super::world::{World, note};
use crate::domain::{NotificationId, OrganizerId, WebhookId};
use crate::store::{BatchAuditEntry, TimeRange};

impl World {
    pub(super) fn administer(&mut self) {
        let (id, notification) = (self.any_webhook(), self.any_notification());
        let verb = self.rng.u32(..8);
        self.log(format_args!(
            "verb {verb} for webhook {id} and {notification}"
        ));
        match verb {
            0 | 1 => self.resend(id, notification),
            2 => self.resend_undelivered(id),
            3 => self.expedite(id),
            4 => self.drop_pending(id),
            5 => self.replay(id, notification),
            6 => self.erase(id),
            _ => self.test(id),
        }
    }

    fn resend(&mut self, id: WebhookId, notification: NotificationId) {
        let sonnette = self.process().sonnette.clone();
        let mut model = self.model.borrow_mut();
        model.repeatable.insert((id, notification));
        spawn_local(async move { drop(sonnette.resend(id, notification).await) });
    }

    fn resend_undelivered(&mut self, id: WebhookId) {
        let sonnette = self.process().sonnette.clone();
        self.model.borrow_mut().known(id).has_resent = true;
        let mut entry = BatchAuditEntry::from(note(&self.clock));
        spawn_local(async move {
            let (span, entry) = (TimeRange::default(), Some(&mut entry));
            drop(sonnette.resend_undelivered(id, span, None, entry).await);
        });
    }

    fn expedite(&mut self, id: WebhookId) {
        let sonnette = self.process().sonnette.clone();
        self.model.borrow_mut().known(id).is_adjusted = true;
        let entry = Some(note(&self.clock));
        spawn_local(async move { drop(sonnette.expedite(id, entry).await) });
    }

    fn drop_pending(&mut self, id: WebhookId) {
        let sonnette = self.process().sonnette.clone();
        self.model.borrow_mut().known(id).has_dropped = true;
        let entry = Some(note(&self.clock));
        spawn_local(async move { drop(sonnette.drop_pending(id, entry).await) });
    }

    fn replay(&mut self, id: WebhookId, notification: NotificationId) {
        let (sonnette, snapshot) = self.organizer(self.slug_of(id));
        let Some(snapshot) = snapshot else { return };
        for webhook in 1..4 {
            let repeated = (WebhookId(webhook), notification);
            self.model.borrow_mut().repeatable.insert(repeated);
        }
        spawn_local(async move { drop(sonnette.replay(&snapshot, notification).await) });
    }

    fn erase(&mut self, id: WebhookId) {
        let (sonnette, snapshot) = self.organizer(self.slug_of(id));
        let Some(snapshot) = snapshot else { return };
        for known in self.model.borrow_mut().webhooks.values_mut() {
            known.has_dropped = true;
        }
        let entry = note(&self.clock);
        spawn_local(async move { drop(sonnette.erase(&snapshot, "ada", entry).await) });
    }

    fn test(&mut self, id: WebhookId) {
        let sonnette = self.process().sonnette.clone();
        spawn_local(async move { drop(sonnette.test(id, None).await) });
    }

    fn slug_of(&self, id: WebhookId) -> &'static str {
        let organizer = self.model.borrow().webhooks[&id].organizer;
        if organizer == OrganizerId(1) {
            "a"
        } else {
            "b"
        }
    }
}
