//! What the world outside the engine knows, and what it may therefore expect.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::receiver_behavior::{REQUEST_TIMEOUT, ReceiverBehavior, timed_out};
use crate::clock::Clock;
use crate::domain::{HttpExchange, NotificationId, OrganizerId, Outcome, WebhookId};
use crate::engine::{PublishedNotification, monotonic_clock};
use crate::testing::MockClock;

/// A webhook as it was for a while.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct WebhookVersion {
    pub(super) target: String,
    pub(super) enabled: bool,
    pub(super) reason: Option<String>,
    pub(super) max_concurrency: Option<u32>,
    /// Rises with each change of the target or between enabled and disabled.
    pub(super) epoch: usize,
}

/// A failed attempt.
pub(super) struct Failure {
    /// The epochs that it may have been sent under.
    pub(super) epochs: BTreeSet<usize>,
    outcome: Outcome,
    /// It is not a refusal within an hour of a success.
    pub(super) may_count: bool,
}

/// What is known of a webhook.
pub(super) struct KnownWebhook {
    pub(super) organizer: OrganizerId,
    pub(super) versions: Vec<WebhookVersion>,
    /// The newest version whose change has been answered.
    pub(super) acknowledged_version: usize,
    pub(super) failures: Vec<Failure>,
    /// The last success under the newest version that this process knows of.
    pub(super) last_success_at: Option<Timestamp>,
    /// Somebody asked this process to send again what was not delivered, whenever the store does that.
    pub(super) has_resent: bool,
    /// Somebody dropped what waited, or erased it.
    pub(super) has_dropped: bool,
    /// In memory the pause or probe time may differ from the store until the next outcome.
    pub(super) is_adjusted: bool,
}

impl KnownWebhook {
    pub(super) fn latest(&self) -> &WebhookVersion {
        self.versions.last().unwrap()
    }

    /// The epochs that a request begun now to this target may go by.
    fn epochs(&self, target: &str) -> BTreeSet<usize> {
        let possible = self.versions[self.acknowledged_version..].iter();
        possible
            .filter(|v| v.enabled && v.target == target)
            .map(|v| v.epoch)
            .collect()
    }
}

/// A request under way.
pub(super) struct InFlight {
    pub(super) webhook: WebhookId,
    pub(super) notification: NotificationId,
    pub(super) test: bool,
    pub(super) target: String,
    epochs: BTreeSet<usize>,
    pub(super) begun_at: Instant,
    reply: oneshot::Sender<HttpExchange>,
}

/// A delivery in the store.
struct DeliveryRow {
    /// How it ended; `None` while it is pending.
    end: Option<String>,
}

pub(super) struct Model {
    pub(super) database: Connection,
    pub(super) clock: MockClock,
    pub(super) webhooks: BTreeMap<WebhookId, KnownWebhook>,
    pub(super) behaviors: BTreeMap<String, ReceiverBehavior>,
    /// The clock was set at least once.
    pub(super) has_clock_jumped: bool,
    pub(super) in_flight: Vec<InFlight>,
    /// Requests begun in this step, each with whether no other of its webhook was under way.
    pub(super) begun_requests: Vec<(WebhookId, bool)>,
    /// Webhooks to which something was delivered in this step.
    pub(super) recovered_webhooks: BTreeSet<WebhookId>,
    /// Lanes that were failing after the last step.
    pub(super) failing_webhooks: BTreeSet<WebhookId>,
    pub(super) accepted_notifications: BTreeMap<NotificationId, usize>,
    pub(super) keys: BTreeMap<String, NotificationId>,
    pub(super) successes: BTreeSet<(WebhookId, NotificationId)>,
    /// What somebody asked this process to send again, whatever came of it.
    pub(super) repeatable: BTreeSet<(WebhookId, NotificationId)>,
    /// Successes that this process has been told of.
    pub(super) reported_successes: BTreeSet<(WebhookId, NotificationId)>,
    pub(super) damaged_deliveries: BTreeSet<(WebhookId, NotificationId)>,
    pub(super) violations: Vec<String>,
    pub(super) trace: Vec<String>,
}

impl Model {
    pub(super) fn new(database: Connection, clock: MockClock) -> Self {
        Self {
            database,
            clock,
            webhooks: BTreeMap::new(),
            behaviors: BTreeMap::new(),
            has_clock_jumped: false,
            in_flight: Vec::new(),
            begun_requests: Vec::new(),
            recovered_webhooks: BTreeSet::new(),
            failing_webhooks: BTreeSet::new(),
            accepted_notifications: BTreeMap::new(),
            keys: BTreeMap::new(),
            successes: BTreeSet::new(),
            reported_successes: BTreeSet::new(),
            repeatable: BTreeSet::new(),
            damaged_deliveries: BTreeSet::new(),
            violations: Vec::new(),
            trace: Vec::new(),
        }
    }

    pub(super) fn known(&mut self, id: WebhookId) -> &mut KnownWebhook {
        self.webhooks.get_mut(&id).unwrap()
    }

    pub(super) fn log(&mut self, event: impl std::fmt::Display) {
        let now = self.clock.now();
        self.trace.push(format!("{now} {event}"));
    }

    pub(super) fn violated(&mut self, what: String) {
        self.log(format_args!("VIOLATION {what}"));
        self.violations.push(what);
    }

    /// A request begins.
    pub(super) fn begin(
        &mut self,
        message: &str,
        target: &str,
        test: bool,
        reply: oneshot::Sender<HttpExchange>,
    ) {
        let mut parts = message.split('_').skip(2).map(|n| n.parse().unwrap());
        let webhook = WebhookId(parts.next().unwrap());
        let notification = NotificationId(parts.next().unwrap());
        self.read_versions();
        self.log(format_args!(
            "webhook {webhook} sends {notification} to {target}{}",
            if test { " as a test" } else { "" }
        ));
        let wrong = self.faults_of_request(webhook, notification, target, test);
        let is_alone = self.requests_in_flight(webhook) == 0;
        if !test {
            self.begun_requests.push((webhook, is_alone));
        }
        let epochs = self.webhooks[&webhook].epochs(target);
        for wrong in wrong {
            self.violated(format!("webhook {webhook} was sent {notification} {wrong}"));
        }
        self.in_flight.push(InFlight {
            webhook,
            notification,
            test,
            target: target.to_owned(),
            epochs,
            begun_at: monotonic_clock::now(),
            reply,
        });
    }

    /// The deliveries of the webhook that are in flight.
    fn requests_in_flight(&self, webhook: WebhookId) -> usize {
        let of_webhook = |r: &&InFlight| r.webhook == webhook && !r.test;
        self.in_flight.iter().filter(of_webhook).count()
    }

    /// Why a request must not begin now.
    fn faults_of_request(
        &self,
        webhook: WebhookId,
        notification: NotificationId,
        target: &str,
        test: bool,
    ) -> Vec<String> {
        let known = &self.webhooks[&webhook];
        let possible = &known.versions[known.acknowledged_version..];
        let mut wrong = Vec::new();
        let is_current = possible.iter().any(|v| v.target == target);
        if !is_current {
            wrong.push(format!("to its former target {target}"));
        }
        if test {
            return wrong;
        }
        if is_current && known.epochs(target).is_empty() {
            wrong.push("although it is disabled".to_owned());
        }
        if known.latest().reason.as_deref() == Some("gone") {
            wrong.push("although its receiver is gone".to_owned());
        }
        let limits = possible
            .iter()
            .map(|v| v.max_concurrency.unwrap_or(u32::MAX));
        let others = self.requests_in_flight(webhook);
        if others as u64 >= u64::from(limits.max().unwrap_or(u32::MAX)) {
            wrong.push(format!("beside {others} others, more than allowed"));
        }
        let key = (webhook, notification);
        let may_repeat = known.has_resent || self.repeatable.contains(&key);
        if self.reported_successes.contains(&key) && !may_repeat {
            wrong.push("again, after its success was known".to_owned());
        }
        let is_same = |r: &InFlight| !r.test && (r.webhook, r.notification) == key;
        if self.in_flight.iter().any(is_same) {
            wrong.push("twice at a time".to_owned());
        }
        match self.delivery_row(webhook, notification) {
            _ if self.damaged_deliveries.contains(&key) => {}
            None => wrong.push("which it was never to get".to_owned()),
            Some(DeliveryRow { end: None }) => {}
            // Given up by a clock that has since been set back: the lane goes by the time it is now.
            Some(DeliveryRow { end: Some(end) }) if end == "given_up" => {}
            Some(DeliveryRow { end: Some(end) }) => wrong.push(format!("after it was {end}")),
        }
        wrong
    }

    fn delivery_row(
        &self,
        webhook: WebhookId,
        notification: NotificationId,
    ) -> Option<DeliveryRow> {
        let sql = "SELECT iif(settled_at IS NULL, NULL, coalesce(how, 'delivered')) FROM deliveries
             WHERE webhook = ?1 AND notification = ?2";
        let mut statement = self.database.prepare_cached(sql).unwrap();
        statement
            .query_row([webhook.0, notification.0], |r| {
                Ok(DeliveryRow { end: r.get(0)? })
            })
            .optional()
            .unwrap()
    }

    /// Answers the request at this place.
    pub(super) fn answer(&mut self, place: usize, outcome: Outcome) {
        let request = self.in_flight.remove(place);
        let now = self.clock.now();
        let (webhook, notification) = (request.webhook, request.notification);
        let duration = request.begun_at.elapsed().min(REQUEST_TIMEOUT);
        self.log(format_args!(
            "{} answers {notification} with {}",
            request.target,
            outcome.return_code()
        ));
        if outcome.is_success() {
            self.successes.insert((webhook, notification));
            self.recovered_webhooks.insert(webhook);
            if !request.test {
                self.reported_successes.insert((webhook, notification));
                let known = self.webhooks.get_mut(&webhook).unwrap();
                let newest = BTreeSet::from([known.latest().epoch]);
                if request.epochs == newest {
                    known.last_success_at = Some(now);
                }
            }
        } else if !request.test {
            let known = self.webhooks.get_mut(&webhook).unwrap();
            let is_recent = known
                .last_success_at
                .is_some_and(|at| now.duration_since(at) < SignedDuration::from_mins(59));
            known.failures.push(Failure {
                epochs: request.epochs,
                outcome: outcome.clone(),
                may_count: !(outcome.is_refusal() && is_recent) || self.has_clock_jumped,
            });
        }
        let exchange = HttpExchange {
            started_at: self.clock.now() - duration,
            duration,
            outcome,
            request_headers: String::new(),
            response_headers: String::new(),
            response_body: bytes::Bytes::new(),
        };
        // A stopping process may have broken it off.
        let _ = request.reply.send(exchange);
    }

    pub(super) fn answer_overdue(&mut self) {
        let overdue = |r: &InFlight| r.begun_at.elapsed() >= REQUEST_TIMEOUT;
        while let Some(place) = self.in_flight.iter().position(overdue) {
            self.answer(place, timed_out());
        }
    }

    /// Takes down how each webhook is in the store now.
    pub(super) fn read_versions(&mut self) {
        let sql = "SELECT id, target_url, disabled_at IS NULL, disabled_reason, max_concurrency, organizer FROM webhooks";
        let mut statement = self.database.prepare_cached(sql).unwrap();
        let rows = statement.query_map([], |r| {
            let target: String = r.get(1)?;
            Ok((
                WebhookId(r.get(0)?),
                OrganizerId(r.get(5)?),
                WebhookVersion {
                    target: target
                        .trim_start_matches("http://")
                        .trim_end_matches('/')
                        .to_owned(),
                    enabled: r.get(2)?,
                    reason: r.get(3)?,
                    max_concurrency: r.get(4)?,
                    epoch: 0,
                },
            ))
        });
        let rows: Vec<_> = rows.unwrap().map(Result::unwrap).collect();
        drop(statement);
        for (id, organizer, mut version) in rows {
            let known = self.webhooks.entry(id).or_insert_with(|| KnownWebhook {
                organizer,
                versions: vec![version.clone()],
                acknowledged_version: 0,
                failures: Vec::new(),
                last_success_at: None,
                has_resent: false,
                has_dropped: false,
                is_adjusted: false,
            });
            let latest = known.latest();
            let same_epoch = latest.target == version.target && latest.enabled == version.enabled;
            version.epoch = latest.epoch + usize::from(!same_epoch);
            if *latest == version {
                continue;
            }
            let (before, reason) = (latest.epoch, version.reason.clone());
            let was_enabled = latest.enabled;
            known.versions.push(version.clone());
            if was_enabled && !version.enabled {
                self.check_disabling(id, before, reason.as_deref());
            }
            self.log(format_args!("webhook {id} is now {version:?}"));
        }
    }

    /// What disabled a webhook must have happened under the version that it disabled.
    fn check_disabling(&mut self, id: WebhookId, epoch: usize, reason: Option<&str>) {
        let known = &self.webhooks[&id];
        let mut failures = known
            .failures
            .iter()
            .filter(|failure| failure.epochs.contains(&epoch));
        let is_justified = match reason {
            Some("gone") => failures.any(|failure| failure.outcome.return_code() == 410),
            Some("failures") => failures.next().is_some(),
            _ => true,
        };
        if !is_justified {
            let target = &known.versions[known.versions.len() - 2].target;
            self.violated(format!(
                "webhook {id} was disabled ({}), which no answer of {target} since its last change explains",
                reason.unwrap_or_default()
            ));
        }
    }

    /// A publication was answered.
    pub(super) fn record_publication(
        &mut self,
        published: &[PublishedNotification],
        key: Option<&str>,
        expected: &[(WebhookId, usize)],
    ) {
        for one in published {
            self.log(format_args!("accepted {} for {}", one.id, one.deliveries));
            if let Some(key) = key
                && let Some(before) = self.keys.insert(key.to_owned(), one.id)
                && before != one.id
            {
                self.violated(format!("the key {key} names {before} and {}", one.id));
            }
            if !one.is_new {
                self.accepted_notifications
                    .entry(one.id)
                    .or_insert(one.deliveries);
                continue;
            }
            self.accepted_notifications.insert(one.id, one.deliveries);
            for (webhook, version) in expected {
                let known = &self.webhooks[webhook];
                let is_known =
                    known.versions.len() == version + 1 && known.acknowledged_version == *version;
                let wants = known.latest().enabled;
                let has = self.delivery_row(*webhook, one.id).is_some();
                if is_known && wants != has {
                    self.violated(format!(
                        "webhook {webhook}: enabled is {wants}, and gets {}: {has}",
                        one.id
                    ));
                }
            }
        }
    }

    /// What a publisher may rely on: each webhook with the version that it is known to have.
    pub(super) fn expected(&self, organizer: OrganizerId) -> Vec<(WebhookId, usize)> {
        let mut expected = Vec::new();
        for (id, known) in &self.webhooks {
            if known.organizer == organizer
                && known.acknowledged_version + 1 == known.versions.len()
            {
                expected.push((*id, known.acknowledged_version));
            }
        }
        expected
    }

    /// A change of the webhook was answered, which made this version.
    pub(super) fn record_change(&mut self, id: WebhookId, version: usize) {
        self.log(format_args!(
            "the change {version} of webhook {id} is answered"
        ));
        let known = self.webhooks.get_mut(&id).unwrap();
        known.acknowledged_version = known.acknowledged_version.max(version);
    }

    /// The process has crashed: it knows nothing any more.
    pub(super) fn record_crash(&mut self) {
        self.in_flight.clear();
        self.reported_successes.clear();
        self.repeatable.clear();
        self.begun_requests.clear();
        self.failing_webhooks.clear();
        for known in self.webhooks.values_mut() {
            known.is_adjusted = false;
            // Its settlement may be lost.
            known.last_success_at = None;
            known.has_resent = false;
        }
    }
}
