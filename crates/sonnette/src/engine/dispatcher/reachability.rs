//! Whether the receivers of a thread can be reached, and whether their failures are an outage of our own.

use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Dispatcher;
use super::lane_entry::{CurrentWebhook, LaneEntry};
use crate::domain::{ClockReading, FailurePolicy, HostCounts, Outcome};
use crate::engine::monotonic_clock;

/// The shortest time between two counts of the lanes, while some cannot be reached.
const COUNT_INTERVAL: Duration = Duration::from_millis(50);
/// Counting takes at most this part of the thread's time.
const COUNT_SHARE: u32 = 20;
/// A host that has not responded for longer is gone for good.
const KNOWN_FOR: SignedDuration = SignedDuration::from_hours(24);

impl Dispatcher {
    /// Records whether the receiver of a lane was reached.
    pub(super) fn note_reachability(
        &self,
        entry: &Rc<LaneEntry>,
        outcome: &Outcome,
        now: Timestamp,
    ) {
        let is_unreachable = outcome.is_unreachable();
        entry.is_unreachable.set(is_unreachable);
        if !is_unreachable {
            entry.reached_at.set(Some(now));
        }
        if is_unreachable || self.outage.get() {
            self.count_hosts(now);
        }
        if self.outage.get() && entry.is_failing.get() {
            // So that neither a restart nor the end of the outage finds a long row of failures.
            self.with_lane(entry, |lane| lane.excuse_failures(now));
        }
    }

    /// What disables the webhook now. During an outage of our own, or while the clock is not trusted, failures do not.
    pub(super) fn policy(&self, current: &CurrentWebhook, reading: ClockReading) -> FailurePolicy {
        if self.outage.get() || reading.is_ahead() {
            return FailurePolicy::Never;
        }
        current.policy
    }

    /// Counts what was left out since the last count, and whether an outage is over.
    pub(super) fn recount_hosts(&self) {
        if self.must_count_hosts.get() || self.outage.get() {
            self.count_hosts(self.now());
        }
    }

    fn count_hosts(&self, now: Timestamp) {
        let began = monotonic_clock::now();
        if began < self.next_host_count_at.get() {
            self.must_count_hosts.set(true);
            return;
        }
        self.must_count_hosts.set(false);
        let counts = self.host_counts(now);
        let wait = COUNT_INTERVAL.max(began.elapsed() * COUNT_SHARE);
        self.next_host_count_at.set(began + wait);
        if counts.is_outage() == self.outage.replace(counts.is_outage()) {
            return;
        }
        let HostCounts { known, unreachable } = counts;
        self.context.set_outage(counts.is_outage());
        if counts.is_outage() {
            tracing::error!(
                known,
                unreachable,
                "{unreachable} of {known} hosts cannot be reached: this is taken for an outage of our own network or name \
                 server, and counts against no webhook"
            );
        } else {
            tracing::info!(known, unreachable, "the outage is over");
            for entry in self.entries.borrow().values() {
                self.with_lane(entry, |lane| lane.excuse_failures(now));
            }
        }
    }

    fn host_counts(&self, now: Timestamp) -> HostCounts {
        let since = now.saturating_sub(KNOWN_FOR).unwrap_or(Timestamp::MIN);
        let entries = self.entries.borrow();
        // A host is reachable if any of its lanes is.
        let mut hosts: HashMap<&str, bool> = HashMap::new();
        let current: Vec<_> = entries
            .values()
            .filter(|entry| entry.reached_at.get().is_some_and(|at| at >= since))
            .map(|entry| {
                (
                    entry.current.borrow().webhook.clone(),
                    entry.is_unreachable.get(),
                )
            })
            .collect();
        for (webhook, is_unreachable) in &current {
            *hosts.entry(webhook.target.host()).or_insert(true) &= *is_unreachable;
        }
        HostCounts {
            known: hosts.len(),
            unreachable: hosts.values().filter(|unreachable| **unreachable).count(),
        }
    }
}
