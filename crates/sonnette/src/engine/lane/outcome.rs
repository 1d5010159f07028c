//! What the outcome of a request changes in its lane.

use std::time::Duration;

use jiff::Timestamp;

use super::action::{OutcomeEffects, SendOrder};
use super::probe::ProbeRotation;
use super::{Lane, earlier};
use crate::domain::{
    ActionTypeName, AdaptiveConcurrency, AttemptId, DecisionPolicy, DeliveryDecision,
    FailurePolicy, FinishedAttempt, LaneHealth, Outcome, decide, decide_stale,
};
use crate::store::{ActionTypeResponse, DeliveryUpdate, PendingDelivery};

impl Lane {
    /// An id for an attempt that ended at `now`, larger than all before it in this lane.
    pub(crate) fn next_attempt_id(&mut self, now: Timestamp) -> AttemptId {
        self.last_attempt = AttemptId(now.as_microsecond().max(self.last_attempt.0 + 1));
        self.last_attempt
    }

    /// Applies the outcome of a request and returns what results from it. `jitter` is uniform between 0 and 1.
    #[expect(
        clippy::too_many_arguments,
        reason = "each comes from another part of the sending thread, and nothing else holds them together"
    )]
    pub(crate) fn apply_outcome(
        &mut self,
        order: &SendOrder,
        outcome: &Outcome,
        took: Duration,
        policy: FailurePolicy,
        max_concurrency: u32,
        now: Timestamp,
        jitter: f64,
    ) -> OutcomeEffects {
        let PendingDelivery {
            notification,
            progress,
        } = &order.delivery;
        let before = self.health;
        let attempt = FinishedAttempt {
            notification: notification.id,
            progress: *progress,
            kind: order.kind,
            outcome,
            at: now,
            jitter,
        };
        let counts = order.generation == self.generation;
        let policy = DecisionPolicy {
            failure_policy: policy,
            receiver_since: self.receiver_since,
        };
        let decision = if counts {
            decide(policy, before, &attempt)
        } else {
            decide_stale(before, &attempt)
        };
        self.health = decision.health;
        if counts {
            let accepts = outcome.is_success() || (outcome.is_refusal() && self.is_responsive);
            self.is_responsive = accepts && took <= AdaptiveConcurrency::SLOW_RESPONSE;
            self.adjust_concurrency(outcome, took, max_concurrency, before.is_failing(), now);
        }
        let action_type = counts
            .then(|| self.note_action_type(&notification.action_type, outcome, now))
            .flatten();
        if let DeliveryDecision::Waits(next) = decision.delivery {
            if self.health.is_failing() || next.due_at <= now {
                self.has_unread_rows = true;
            } else {
                self.next_due_at = earlier(self.next_due_at, Some(next.due_at));
            }
        }
        let begins_to_fail = self.health.is_failing() && !before.is_failing();
        if begins_to_fail {
            self.clear_queue();
        }
        self.in_flight -= 1;
        self.is_closed |= decision.disable.is_some();
        let changed_health = counts.then(|| self.take_changed_health()).flatten();
        OutcomeEffects {
            attempt_id: self.next_attempt_id(now),
            update: DeliveryUpdate::from_decision(&decision, progress),
            changed_health,
            action_type,
            decision,
            must_hold: begins_to_fail || decision.disable.is_some(),
        }
    }

    /// Records whether the receiver accepts this action type. Returns what the store does not know yet.
    fn note_action_type(
        &mut self,
        action_type: &ActionTypeName,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Option<ActionTypeResponse> {
        if outcome.is_refusal() {
            self.refused_types.insert(action_type, now);
            return Some(ActionTypeResponse::Refused);
        }
        let is_new = outcome.is_success() && self.refused_types.remove(action_type);
        is_new.then_some(ActionTypeResponse::Accepted)
    }

    /// The health, if the store has another. A success alone is written with the next failure.
    fn take_changed_health(&mut self) -> Option<LaneHealth> {
        let is_stored = LaneHealth {
            last_success_at: self.stored_health.last_success_at,
            ..self.health
        } == self.stored_health;
        if is_stored {
            return None;
        }
        self.stored_health = self.health;
        Some(self.health)
    }

    fn adjust_concurrency(
        &mut self,
        outcome: &Outcome,
        took: Duration,
        max_concurrency: u32,
        was_failing: bool,
        now: Timestamp,
    ) {
        if outcome.is_refusal() {
            // The receiver is there and answers; whether it wants the notification says nothing about its pace.
        } else if !outcome.is_success() {
            self.concurrency.record_failure();
        } else if was_failing {
            self.concurrency = AdaptiveConcurrency::after_recovery();
            self.probe_rotation = ProbeRotation::default();
            self.has_unread_rows = true;
        } else {
            self.concurrency
                .record_success(took, self.in_flight, max_concurrency, now);
        }
    }
}
