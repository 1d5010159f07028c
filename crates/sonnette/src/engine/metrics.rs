//! The metrics of the engine, for Prometheus. No label names a webhook or a receiver: their number is not bounded.

use std::sync::atomic::AtomicI64;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::domain::{DeliveryDecision, Outcome};
use crate::store::Batch;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
enum AttemptOutcome {
    Delivered,
    Refused,
    Unanswered,
    NotProcessed,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: AttemptOutcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
enum LaneHealthState {
    Healthy,
    Failing,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LaneStateLabel {
    state: LaneHealthState,
}

/// Counters and histograms of one engine.
pub(crate) struct Metrics {
    registry: Registry,
    published_notifications: Counter,
    deliveries: Counter,
    attempts: Family<OutcomeLabel, Counter>,
    given_up: Counter,
    disabled_webhooks: Counter,
    attempt_seconds: Histogram,
    arrival_seconds: Histogram,
    commits: Counter,
    commits_failed: Counter,
    commit_seconds: Histogram,
    commit_publications: Histogram,
    commit_settlements: Histogram,
    lanes: Family<LaneStateLabel, Gauge>,
    in_flight: Gauge,
    shortages: Counter,
    outage: Gauge,
    backlog: Gauge,
    oldest_pending_seconds: Gauge<i64, AtomicI64>,
    damaged_rows: Gauge,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let seconds = || Histogram::new(exponential_buckets(0.000_25, 2.0, 18));
        let sizes = || Histogram::new(exponential_buckets(1.0, 2.0, 13));
        let mut metrics = Self {
            registry: Registry::with_prefix("sonnette"),
            published_notifications: Counter::default(),
            deliveries: Counter::default(),
            attempts: Family::default(),
            given_up: Counter::default(),
            disabled_webhooks: Counter::default(),
            attempt_seconds: seconds(),
            arrival_seconds: seconds(),
            commits: Counter::default(),
            commits_failed: Counter::default(),
            commit_seconds: seconds(),
            commit_publications: sizes(),
            commit_settlements: sizes(),
            lanes: Family::default(),
            in_flight: Gauge::default(),
            shortages: Counter::default(),
            outage: Gauge::default(),
            backlog: Gauge::default(),
            oldest_pending_seconds: Gauge::default(),
            damaged_rows: Gauge::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let r = &mut self.registry;
        r.register(
            "publications",
            "Notifications published",
            self.published_notifications.clone(),
        );
        r.register(
            "deliveries",
            "Deliveries that publications created",
            self.deliveries.clone(),
        );
        r.register("attempts", "Attempts, by outcome", self.attempts.clone());
        r.register(
            "deliveries_given_up",
            "Deliveries that were given up after their last attempt",
            self.given_up.clone(),
        );
        r.register(
            "webhooks_disabled",
            "Webhooks disabled by the server",
            self.disabled_webhooks.clone(),
        );
        r.register("lanes", "Lanes in memory, by state", self.lanes.clone());
        r.register(
            "requests_in_flight",
            "Requests in flight",
            self.in_flight.clone(),
        );
        r.register(
            "requests_postponed",
            "Requests that wait because of a shortage on this machine, such as file descriptors",
            self.shortages.clone(),
        );
        r.register(
            "outage",
            "1 while nearly all hosts cannot be reached, which counts against no webhook",
            self.outage.clone(),
        );
        r.register("backlog", "Pending deliveries", self.backlog.clone());
        r.register(
            "damaged_rows",
            "Rows that are left out because they cannot be read",
            self.damaged_rows.clone(),
        );
        let oldest = self.oldest_pending_seconds.clone();
        r.register_with_unit(
            "oldest_waiting",
            "Age of the oldest pending delivery",
            Unit::Seconds,
            oldest,
        );
        self.register_times();
        self.register_commits();
    }

    fn register_times(&mut self) {
        let r = &mut self.registry;
        let attempt = self.attempt_seconds.clone();
        r.register_with_unit(
            "attempt_duration",
            "Duration of an attempt",
            Unit::Seconds,
            attempt,
        );
        let arrival = self.arrival_seconds.clone();
        r.register_with_unit(
            "first_attempt_delay",
            "Time from publication to the start of the first attempt",
            Unit::Seconds,
            arrival,
        );
    }

    fn register_commits(&mut self) {
        let r = &mut self.registry;
        r.register(
            "commits",
            "Durable transactions of publications and settlements",
            self.commits.clone(),
        );
        r.register(
            "commits_failed",
            "Transactions of publications and settlements that failed",
            self.commits_failed.clone(),
        );
        let commit = self.commit_seconds.clone();
        r.register_with_unit(
            "commit_duration",
            "Duration of a transaction of publications and settlements",
            Unit::Seconds,
            commit,
        );
        r.register(
            "commit_publications",
            "Publications in one transaction",
            self.commit_publications.clone(),
        );
        r.register(
            "commit_settlements",
            "Settlements in one transaction",
            self.commit_settlements.clone(),
        );
    }

    pub(crate) fn count_commit(&self, batch: &Batch, took: Duration) {
        let publications: usize = batch.groups.iter().map(|g| g.publications.len()).sum();
        let owed: usize = batch
            .groups
            .iter()
            .flat_map(|g| &g.publications)
            .map(|p| p.webhooks.len())
            .sum();
        self.published_notifications.inc_by(publications as u64);
        self.deliveries.inc_by(owed as u64);
        self.commits.inc();
        self.commit_seconds.observe(took.as_secs_f64());
        self.commit_publications.observe(count(publications));
        self.commit_settlements
            .observe(count(batch.settlements.len()));
    }

    pub(crate) fn count_failed_commit(&self) {
        self.commits_failed.inc();
    }

    /// Counts an attempt. `delay` is the time from publication to the first request.
    pub(crate) fn count_attempt(
        &self,
        outcome: &Outcome,
        took: Duration,
        delay: Option<Duration>,
        decision: &crate::domain::Decision,
    ) {
        let label = match outcome {
            o if o.is_success() => AttemptOutcome::Delivered,
            Outcome::Answered { .. } => AttemptOutcome::Refused,
            Outcome::Failed(_) => AttemptOutcome::Unanswered,
        };
        self.attempts
            .get_or_create(&OutcomeLabel { outcome: label })
            .inc();
        self.attempt_seconds.observe(took.as_secs_f64());
        if let Some(delay) = delay {
            self.arrival_seconds.observe(delay.as_secs_f64());
        }
        if matches!(decision.delivery, DeliveryDecision::GivenUp(_)) {
            self.given_up.inc();
        }
        if decision.disable.is_some() {
            self.disabled_webhooks.inc();
        }
    }

    /// Counts an attempt that the receiver did not process, so that it is sent again at once.
    pub(crate) fn count_not_processed(&self) {
        let outcome = AttemptOutcome::NotProcessed;
        self.attempts.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    /// Counts a request that has begun (`true`) or ended.
    pub(crate) fn adjust_in_flight(&self, begun: bool) {
        if begun {
            self.in_flight.inc()
        } else {
            self.in_flight.dec()
        };
    }

    pub(crate) fn set_outage(&self, is_outage: bool) {
        self.outage.set(i64::from(is_outage));
    }

    /// Counts a request that waits because of a shortage on this machine.
    pub(crate) fn count_shortage(&self) {
        self.shortages.inc();
    }

    /// Counts a lane that was loaded (1) or dropped from memory (-1). A change of state counts as both.
    pub(crate) fn adjust_lanes(&self, failing: bool, change: i64) {
        let state = if failing {
            LaneHealthState::Failing
        } else {
            LaneHealthState::Healthy
        };
        self.lanes
            .get_or_create(&LaneStateLabel { state })
            .inc_by(change);
    }

    /// The text of `/metrics`, with the given backlog, age of the oldest pending delivery and number of
    /// damaged rows.
    pub(crate) fn encode(&self, backlog: u64, oldest: Duration, damaged_rows: usize) -> String {
        let damaged_rows = damaged_rows.try_into().unwrap_or(i64::MAX);
        self.damaged_rows.set(damaged_rows);
        self.backlog.set(backlog.try_into().unwrap_or(i64::MAX));
        self.oldest_pending_seconds
            .set(oldest.as_secs().try_into().unwrap_or(i64::MAX));
        let mut text = String::new();
        // Writing to a `String` cannot fail.
        let _ = text::encode(&mut text, &self.registry);
        text
    }
}

#[expect(clippy::cast_precision_loss, reason = "a batch has thousands at most")]
fn count(n: usize) -> f64 {
    n as f64
}
