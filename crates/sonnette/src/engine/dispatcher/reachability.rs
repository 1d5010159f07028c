//! What the failures of unreachable receivers mean: during an outage of our own, nothing.

use std::rc::Rc;

use jiff::Timestamp;

use super::Dispatcher;
use super::lane_entry::{CurrentWebhook, LaneEntry};
use crate::domain::{ClockReading, FailurePolicy, Outcome};

impl Dispatcher {
    /// Records whether the receiver of a lane was reached.
    pub(super) fn note_reachability(
        &self,
        entry: &Rc<LaneEntry>,
        current: &CurrentWebhook,
        outcome: &Outcome,
        now: Timestamp,
    ) {
        let is_unreachable = outcome.is_unreachable();
        let webhook = &current.webhook;
        // The outcome of a request to a former target says nothing about the new one.
        if entry.current.borrow().webhook.target.host() == webhook.target.host() {
            self.context.hosts.record(
                &mut entry.host.borrow_mut(),
                webhook.target.host(),
                webhook.organizer,
                is_unreachable,
                self.context.clock.instant(),
            );
        }
        if is_unreachable || self.context.hosts.has_outage() {
            self.follow_outage(now);
        }
        if self.had_outage.get() && entry.is_failing.get() {
            // So that neither a restart nor the end of the outage finds a long row of failures.
            self.with_lane(entry, |lane| lane.excuse_failures(now));
        }
    }

    /// What disables the webhook now. During an outage of our own, or while the clock is not trusted, failures do not.
    pub(super) fn policy(&self, current: &CurrentWebhook, reading: ClockReading) -> FailurePolicy {
        if self.context.hosts.has_outage() || reading.is_ahead() {
            return FailurePolicy::Never;
        }
        current.policy
    }

    /// Counts the hosts, if that is due. When an outage is over, the failures in it are excused.
    pub(super) fn follow_outage(&self, now: Timestamp) {
        self.context.count_hosts();
        let has_outage = self.context.hosts.has_outage();
        if self.had_outage.replace(has_outage) && !has_outage {
            for entry in self.entries.borrow().values() {
                self.with_lane(entry, |lane| lane.excuse_failures(now));
            }
        }
    }
}
