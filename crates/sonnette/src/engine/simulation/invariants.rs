//! What must hold after each step, and at the end.

use std::time::Duration;

use super::model::Model;
use super::receiver_behavior::ReceiverBehavior;
use super::world::World;
use crate::domain::{LaneHealth, WebhookId, WebhookState};
use crate::store::DeliveryStore;

/// Simulated time within which everything ends once all is well; three days, and what a schedule may add.
const MAX_ROUNDS: usize = 4 * 24 * 6;

impl World {
    /// After each step.
    pub(super) fn check_rules(&mut self) {
        self.check_probes();
        self.check_health();
        let mut model = self.model.borrow_mut();
        model.begun_requests.clear();
        model.recovered_webhooks.clear();
    }

    /// A failing lane sends one request at a time.
    fn check_probes(&mut self) {
        let process = self.process.as_ref().unwrap();
        let mut model = self.model.borrow_mut();
        for dispatcher in &process.dispatchers {
            for (id, _, health) in dispatcher.lanes() {
                let is_failing = health.is_failing();
                let was_failing = !model.failing_webhooks.insert(id) && is_failing;
                if !is_failing {
                    model.failing_webhooks.remove(&id);
                }
                let has_company = model
                    .begun_requests
                    .iter()
                    .any(|(w, alone)| *w == id && !alone);
                if was_failing && has_company && !model.recovered_webhooks.contains(&id) {
                    model.violated(format!(
                        "webhook {id} is failing, and was sent more than a probe"
                    ));
                }
            }
        }
    }

    /// Once all settlements are on disk, what memory and store say of a lane's health is the same, and is explained by
    /// what its target has answered.
    fn check_health(&mut self) {
        let process = self.process.as_ref().unwrap();
        let context = &process.sonnette.context;
        let mut model = self.model.borrow_mut();
        for (id, epoch) in model.enabled_webhooks() {
            let Ok(stored) = process.store.inner.lane(id) else {
                continue;
            };
            let (explained, counting) = model.failure_counts(id, epoch);
            let streak = stored.health.failing_streak;
            let counted = streak.map_or(0, |streak| streak.failures) as usize;
            if counted > counting {
                model.violated(format!(
                    "webhook {id}: {counted} failures count towards failing, of which only {counting} may"
                ));
            }
            let failures = stored.health.consecutive_failures() as usize;
            if failures > explained {
                model.violated(format!(
                    "webhook {id} is said to have failed {failures} times in a row, its target has only {explained} times"
                ));
            }
        }
        if process.written.is_some() || context.committer.has_pending_settlements() {
            return;
        }
        let registry = context.registry.current();
        for dispatcher in &process.dispatchers {
            for (id, generation, health) in dispatcher.lanes() {
                let Ok(stored) = process.store.inner.lane(id) else {
                    continue;
                };
                let is_enabled = registry.webhook(id).is_some_and(|w| w.is_enabled());
                if stored.generation != generation || !is_enabled {
                    continue;
                }
                let is_adjusted = model.webhooks[&id].is_adjusted;
                let mut disk = comparable(stored.health, is_adjusted);
                let memory = comparable(health, is_adjusted);
                if model.has_clock_jumped {
                    shorten_waits(&mut disk, &memory);
                }
                if memory != disk {
                    model.violated(format!(
                        "webhook {id}: in memory {memory:?}, in the store {disk:?}"
                    ));
                }
            }
        }
    }

    /// Receivers are well and webhooks enabled: everything must come to its end, and be seen to.
    pub(super) async fn finish(&mut self) {
        let mut process = self.process.take().unwrap();
        let tasks = std::mem::take(&mut process.tasks);
        tasks
            .run_until(async {
                self.process = Some(process);
                self.faults.set_per_mille(0);
                self.log("everything is well");
                self.run_all().await;
                self.model.borrow_mut().behaviors.clear();
                for id in 1..4 {
                    self.change(WebhookId(id), |webhook| {
                        webhook.state = WebhookState::Enabled;
                        webhook.settings.max_concurrency = None;
                    });
                }
                for round in 0..MAX_ROUNDS {
                    for _ in 0..3 {
                        self.run_all().await;
                        self.advance(Duration::from_secs(4)).await;
                    }
                    if self.model.borrow().waiting().is_empty() {
                        break;
                    }
                    self.advance(Duration::from_secs(if round < 10 { 1 } else { 600 }))
                        .await;
                }
            })
            .await;
        self.process.as_mut().unwrap().tasks = tasks;
        self.model.borrow_mut().check_end();
        self.check();
    }

    /// Everything that can go on goes on.
    async fn run_all(&mut self) {
        for _ in 0..4 {
            for dispatcher in self.process().dispatchers.clone() {
                dispatcher.run_once();
            }
            self.load_registry();
            tokio::task::yield_now().await;
            while self.executor.work_count() > 0 {
                self.executor.run(0);
            }
            while self.executor.report_count() > 0 {
                self.executor.report(0);
            }
            tokio::task::yield_now().await;
            loop {
                let mut model = self.model.borrow_mut();
                let Some(request) = model.in_flight.first() else {
                    break;
                };
                let behavior = model
                    .behaviors
                    .get(&request.target)
                    .copied()
                    .unwrap_or(ReceiverBehavior::Well);
                let outcome = behavior.outcome(request.notification, Duration::from_secs(1));
                model.answer(0, outcome);
            }
            tokio::task::yield_now().await;
            self.commit();
            self.commit();
            tokio::task::yield_now().await;
        }
    }
}

/// The parts of a lane's health that are written down at once.
fn comparable(mut health: LaneHealth, is_adjusted: bool) -> LaneHealth {
    if health.streak.is_none() {
        health.last_success_at = None;
    }
    if is_adjusted {
        health.paused_until = None;
        health.pause_length = None;
        if let Some(schedule) = &mut health.probe_schedule {
            schedule.next_at = schedule.since;
        }
    }
    health
}

/// After a jump of the clock a lane shortens its waits in memory; the store has them until the next outcome.
fn shorten_waits(disk: &mut LaneHealth, memory: &LaneHealth) {
    if let (Some(disk), Some(memory)) = (&mut disk.probe_schedule, &memory.probe_schedule) {
        disk.next_at = disk.next_at.min(memory.next_at);
    }
    if memory.paused_until.is_some() {
        disk.paused_until = disk.paused_until.min(memory.paused_until);
    }
}

impl Model {
    fn enabled_webhooks(&self) -> Vec<(WebhookId, usize)> {
        let all = self
            .webhooks
            .iter()
            .filter(|(_, known)| known.latest().enabled);
        all.map(|(id, known)| (*id, known.latest().epoch)).collect()
    }

    /// The failures under an epoch, and those of them that may count towards failing.
    fn failure_counts(&self, id: WebhookId, epoch: usize) -> (usize, usize) {
        let failures = self.webhooks[&id].failures.iter();
        let failures = failures.filter(|failure| failure.epochs.contains(&epoch));
        let counting = failures.clone().filter(|failure| failure.may_count);
        (failures.count(), counting.count())
    }

    /// Deliveries that have not ended.
    pub(super) fn waiting(&self) -> Vec<(i64, i64)> {
        let sql = "SELECT webhook, notification FROM deliveries WHERE settled_at IS NULL";
        let mut statement = self.database.prepare_cached(sql).unwrap();
        let found = statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?)));
        let found: Vec<(i64, i64)> = found.unwrap().map(Result::unwrap).collect();
        let is_exempt = |(w, n): &(i64, i64)| {
            let (webhook, notification) = (WebhookId(*w), crate::domain::NotificationId(*n));
            self.damaged_deliveries.contains(&(webhook, notification))
        };
        found.into_iter().filter(|key| !is_exempt(key)).collect()
    }

    fn check_end(&mut self) {
        for (webhook, notification) in self.waiting() {
            self.violated(format!(
                "webhook {webhook} waits for {notification} for ever"
            ));
        }
        let mut wrong = Vec::new();
        let mut statement = self
            .database
            .prepare("SELECT webhook, notification, coalesce(how, 'delivered'), reason FROM deliveries WHERE settled_at IS NOT NULL")
            .unwrap();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let webhook = WebhookId(row.get(0).unwrap());
            let notification = crate::domain::NotificationId(row.get(1).unwrap());
            let (how, reason): (String, Option<String>) =
                (row.get(2).unwrap(), row.get(3).unwrap());
            let is_explained = match how.as_str() {
                "delivered" => self.successes.contains(&(webhook, notification)),
                "dropped" => self.webhooks[&webhook].has_dropped && reason.is_some(),
                _ => reason.is_some(),
            };
            if !is_explained && !self.damaged_deliveries.contains(&(webhook, notification)) {
                wrong.push(format!(
                    "webhook {webhook}: {notification} is {how} for no reason"
                ));
            }
        }
        drop(rows);
        drop(statement);
        for (notification, deliveries) in &self.accepted_notifications {
            let sql = "SELECT (SELECT count(*) FROM notifications WHERE id = ?1),
                       (SELECT count(*) FROM deliveries WHERE notification = ?1)";
            let (exists, rows): (u64, usize) = self
                .database
                .query_row(sql, [notification.0], |r| Ok((r.get(0)?, r.get(1)?)))
                .unwrap();
            // Removed with the old log.
            let is_pruned = exists == 0;
            if rows < *deliveries && !is_pruned {
                wrong.push(format!("{notification} was accepted for {deliveries} webhooks, and has {rows} deliveries"));
            }
        }
        for wrong in wrong {
            self.violated(wrong);
        }
    }
}
