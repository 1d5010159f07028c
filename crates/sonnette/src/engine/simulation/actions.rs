//! What may happen next.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::value::RawValue;
use tokio::task::spawn_local;

use super::receiver_behavior::ReceiverBehavior;
use super::world::{Process, World, action, note};
use crate::domain::{
    DisableReason, Disablement, NotificationId, Webhook, WebhookId, WebhookState, saturating_add,
};
use crate::engine::{OrganizerSnapshot, PublishRequest, Sonnette};
use crate::store::{ChangeResult, WebhookStore};

impl World {
    pub(super) fn process(&mut self) -> &mut Process {
        self.process.as_mut().unwrap()
    }

    pub(super) fn log(&self, event: impl std::fmt::Display) {
        self.model.borrow_mut().log(event);
    }

    /// Draws what happens and does it. True: after this the process crashes.
    pub(super) async fn run_random_action(&mut self) -> bool {
        match self.rng.u32(..1_000) {
            0..170 => self.publish(),
            170..370 => self.commit(),
            370..500 => self.dispatch(),
            500..590 => self.run_store_work(),
            590..620 => self.load_registry(),
            620..740 => self.complete_requests(),
            740..820 => self.pass_time().await,
            820..850 => self.change_behavior(),
            850..900 => self.change_webhook(),
            900..960 => self.administer(),
            960..970 => self.run_janitor(),
            970..980 => self.jump_clock(),
            980..984 => self.change_faults(),
            984..985 => self.damage(),
            985..992 => self.stop().await,
            _ => return true,
        }
        // A crash may come after anything.
        let may_stop = self.process().sonnette.context.committer.is_closed();
        may_stop || self.rng.u32(..500) == 0
    }

    pub(super) fn any_webhook(&mut self) -> WebhookId {
        WebhookId(self.rng.i64(1..4))
    }

    pub(super) fn any_notification(&mut self) -> NotificationId {
        let model = self.model.borrow();
        let known: Vec<_> = model.accepted_notifications.keys().copied().collect();
        if known.is_empty() {
            return NotificationId(1);
        }
        known[self.rng.usize(..known.len())]
    }

    pub(super) fn organizer(
        &mut self,
        slug: &str,
    ) -> (Arc<Sonnette>, Option<Arc<OrganizerSnapshot>>) {
        let sonnette = self.process().sonnette.clone();
        let found = sonnette.registry().organizer(slug);
        (sonnette, found)
    }

    fn publish(&mut self) {
        let slug = ["a", "a", "b"][self.rng.usize(..3)];
        let (sonnette, organizer) = self.organizer(slug);
        let Some(organizer) = organizer else { return };
        let key = (self.rng.u32(..4) == 0).then(|| format!("key-{}", self.rng.u32(..20)));
        let subject = (self.rng.u32(..8) == 0).then(|| "ada".to_owned());
        let count = if key.is_some() {
            1
        } else {
            self.rng.usize(1..4)
        };
        let requests = (0..count).map(|_| PublishRequest {
            action_type: action().to_string(),
            event: None,
            data: RawValue::from_string("{}".to_owned()).unwrap(),
            idempotency_key: key.as_ref().map(|key| format!("{slug}-{key}")),
            subject: subject.clone(),
        });
        let requests = requests.collect();
        let expected = self.model.borrow().expected(organizer.organizer.id);
        let model = self.model.clone();
        let key = key.map(|key| format!("{slug}-{key}"));
        spawn_local(async move {
            match sonnette.publish(&organizer, None, requests).await {
                Ok(published) => {
                    model
                        .borrow_mut()
                        .record_publication(&published, key.as_deref(), &expected);
                }
                Err(error) => model
                    .borrow_mut()
                    .log(format_args!("not published: {error}")),
            }
        });
    }

    /// One half of what the commit thread does.
    pub(super) fn commit(&mut self) {
        let process = self.process();
        let committer = process.sonnette.context.committer.clone();
        if let Some(written) = process.written.take() {
            let is_empty = written.is_empty();
            committer.finish_batches(written);
            if !is_empty {
                self.log("the commit thread has told of it");
            }
        } else {
            let written = committer.write_batch();
            let is_empty = written.as_ref().is_none_or(Vec::is_empty);
            process.written = written;
            if !is_empty {
                self.log("the commit thread has written");
            }
        }
        self.model.borrow_mut().read_versions();
    }

    pub(super) fn dispatch(&mut self) {
        let dispatchers = &self.process.as_ref().unwrap().dispatchers;
        let dispatcher = dispatchers[self.rng.usize(..dispatchers.len())].clone();
        dispatcher.run_once();
    }

    pub(super) fn load_registry(&mut self) {
        self.process().sonnette.context.registry.run_once();
        self.log("the registry is loaded");
    }

    /// Work on the store is done, or its result comes through.
    fn run_store_work(&mut self) {
        let (work, reports) = (self.executor.work_count(), self.executor.report_count());
        if work > 0 && (reports == 0 || self.rng.bool()) {
            let place = self.rng.usize(..work);
            self.executor.run(place);
            self.log(format_args!("store work {place} of {work} is done"));
        } else if reports > 0 {
            let place = self.rng.usize(..reports);
            self.executor.report(place);
            self.log(format_args!("result {place} of {reports} comes through"));
        }
    }

    pub(super) fn complete_requests(&mut self) {
        let mut model = self.model.borrow_mut();
        for _ in 0..self.rng.usize(1..4) {
            if model.in_flight.is_empty() {
                return;
            }
            let place = self.rng.usize(..model.in_flight.len());
            let target = &model.in_flight[place].target;
            let behavior = model
                .behaviors
                .get(target)
                .copied()
                .unwrap_or(ReceiverBehavior::Well);
            let wait = Duration::from_secs(self.rng.u64(1..200));
            let notification = model.in_flight[place].notification;
            model.answer(place, behavior.outcome(notification, wait));
        }
    }

    async fn pass_time(&mut self) {
        let longest =
            [20, 1_000, 10_000, 60_000, 600_000, 4_000_000, 40_000_000][self.rng.usize(..7)];
        let time = Duration::from_millis(self.rng.u64(1..longest));
        self.advance(time).await;
    }

    pub(super) async fn advance(&mut self, time: Duration) {
        self.clock.advance(SignedDuration::try_from(time).unwrap());
        tokio::time::advance(time).await;
        self.log(format_args!("{time:?} later"));
        self.model.borrow_mut().answer_overdue();
    }

    fn change_behavior(&mut self) {
        let webhook = self.any_webhook();
        let behavior =
            ReceiverBehavior::BEHAVIORS[self.rng.usize(..ReceiverBehavior::BEHAVIORS.len())];
        let mut model = self.model.borrow_mut();
        let known = &model.webhooks[&webhook];
        let version = self.rng.usize(..known.versions.len());
        let version = if self.rng.bool() {
            known.versions.len() - 1
        } else {
            version
        };
        let target = known.versions[version].target.clone();
        model.log(format_args!("{target} is {behavior:?}"));
        model.behaviors.insert(target, behavior);
    }

    /// A person changes a webhook, through this process or through another.
    fn change_webhook(&mut self) {
        let id = self.any_webhook();
        let at = self.clock.clone();
        let at = crate::clock::Clock::now(&at);
        self.next_name += 1;
        let target = format!("http://w{}-{}.test/", id.0, self.next_name);
        let what = self.rng.u32(..6);
        let limit = Some(self.rng.u32(1..4)).filter(|n| *n < 3);
        self.change(id, move |webhook| match what {
            0 | 1 => webhook.target = target.parse().unwrap(),
            2 | 3 => webhook.state = WebhookState::Enabled,
            4 => {
                webhook.state = WebhookState::Disabled(Disablement {
                    since: at,
                    reason: DisableReason::User,
                });
            }
            _ => webhook.settings.max_concurrency = limit,
        });
    }

    pub(super) fn change(&mut self, id: WebhookId, mut change: impl FnMut(&mut Webhook)) {
        let organizer = self.model.borrow().webhooks[&id].organizer;
        let is_foreign = self.rng.u32(..5) == 0;
        let mut change = |webhook: &mut Webhook| {
            change(webhook);
            true
        };
        let audit_entry = note(&self.clock);
        let process = self.process();
        let sonnette = process.sonnette.clone();
        let changed = if is_foreign {
            process
                .store
                .inner
                .change_webhook(organizer, id, &mut change, audit_entry, None)
        } else {
            process
                .store
                .change_webhook(organizer, id, &mut change, audit_entry, None)
        };
        self.model.borrow_mut().read_versions();
        let version = self.model.borrow().webhooks[&id].versions.len() - 1;
        match changed {
            Ok(ChangeResult::Done(_)) => {}
            other => return self.log(format_args!("webhook {id} could not be changed: {other:?}")),
        }
        if is_foreign {
            return;
        }
        let model = self.model.clone();
        spawn_local(async move {
            // It is answered once the registry has been read again.
            if sonnette.refresh().await.is_ok() {
                model.borrow_mut().record_change(id, version);
            }
        });
    }

    fn run_janitor(&mut self) {
        let janitor = self.process().sonnette.janitor.clone();
        let done = if self.rng.u32(..4) == 0 {
            janitor.prune()
        } else {
            janitor.expire()
        };
        self.model.borrow_mut().read_versions();
        self.log(format_args!("the janitor has tidied: {done:?}"));
    }

    fn jump_clock(&mut self) {
        let seconds = self.rng.i64(-7_200..7_200);
        let now = crate::clock::Clock::now(&self.clock);
        self.clock
            .set(saturating_add(now, SignedDuration::from_secs(seconds)));
        let mut model = self.model.borrow_mut();
        model.has_clock_jumped = true;
        for known in model.webhooks.values_mut() {
            known.is_adjusted = true;
        }
        model.log(format_args!("the clock is set by {seconds} s"));
    }

    /// Damages the row of a pending delivery or of its notification.
    fn damage(&mut self) {
        let mut model = self.model.borrow_mut();
        let pending = model.waiting();
        if pending.is_empty() {
            return;
        }
        let (webhook, notification) = pending[self.rng.usize(..pending.len())];
        let is_delivery = self.rng.bool();
        let sql = if is_delivery {
            "UPDATE deliveries SET tries = 'damaged' WHERE webhook = ?1 AND notification = ?2"
        } else {
            "UPDATE notifications SET published_at = 'damaged' WHERE id = ?2 AND ?1 > 0"
        };
        model
            .database
            .execute(sql, [webhook, notification])
            .unwrap();
        for other in 1..4 {
            if !is_delivery || other == webhook {
                let damaged = (WebhookId(other), NotificationId(notification));
                model.damaged_deliveries.insert(damaged);
            }
        }
        model.log(format_args!(
            "{notification} is damaged for webhook {webhook} (delivery: {is_delivery})"
        ));
    }

    fn change_faults(&mut self) {
        let per_mille = [0, 10, 60, 500][self.rng.usize(..4)];
        self.faults.set_per_mille(per_mille);
        self.log(format_args!("{per_mille} of 1000 store verbs fail"));
    }

    /// The process stops cleanly: what comes of the requests under way is written.
    async fn stop(&mut self) {
        self.log("the process stops");
        let context = self.process().sonnette.context.clone();
        for thread in 0..context.inboxes.len() {
            context
                .inboxes
                .get(thread)
                .send(crate::engine::dispatcher::inbox::LaneCommand::Stop);
        }
        for dispatcher in &self.process.as_ref().unwrap().dispatchers {
            dispatcher.run_once();
        }
        for _ in 0..3 {
            self.complete_requests();
            tokio::task::yield_now().await;
            self.advance(Duration::from_millis(500)).await;
        }
        context.committer.close();
        if let Some(written) = self.process().written.take() {
            context.committer.finish_batches(written);
        }
        while let Some(written) = context.committer.write_batch() {
            context.committer.finish_batches(written);
        }
        self.model.borrow_mut().read_versions();
    }
}
