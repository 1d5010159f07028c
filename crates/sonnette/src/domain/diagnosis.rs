//! The condition of a webhook and its cause, as values that a page words in any language.

use jiff::Timestamp;

use super::{
    ActionTypeName, Attempt, AttemptFailure, DisableReason, FailureStreak, LaneHealth,
    NotificationId, WebhookState,
};

/// The condition of a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Diagnosis {
    /// The log has no attempt.
    NeverSent,
    /// Nothing was sent since the target was changed or the webhook was enabled. The last attempt before that failed.
    NotSentSinceChange,
    /// The receiver accepted the last attempt.
    Healthy {
        /// When the last success ended.
        last_success: Timestamp,
    },
    /// The last attempts failed, but too few to call the receiver failing.
    FailingRecently {
        /// The number of failures since the last success.
        failures: u32,
        /// When the first of these failures ended.
        since: Timestamp,
        /// The notification, if only one failed. The cause may be in its content.
        only: Option<NotificationId>,
        /// Why the last attempt failed, if the log still has it.
        last: Option<AttemptFailure>,
        /// The number of deliveries that wait.
        pending_count: u64,
        /// When the next request may begin, if a delivery waits.
        next_attempt: Option<Timestamp>,
    },
    /// The receiver refuses some action types and accepts others, and fails in no other way.
    Refusing {
        /// The refused types, by name.
        action_types: Vec<ActionTypeName>,
        /// The number of deliveries that wait.
        pending_count: u64,
        /// When the next request may begin, if a delivery waits.
        next_attempt: Option<Timestamp>,
    },
    /// The receiver asked for a pause (`Retry-After`) and is not failing otherwise.
    Paused {
        /// The end of the pause.
        until: Timestamp,
        /// Why the last attempt failed, if it did and the log still has it.
        last: Option<AttemptFailure>,
        /// The number of deliveries that wait.
        pending_count: u64,
    },
    /// The receiver is failing, and the webhook sends only probes.
    Failing {
        /// When the first failure since the last success ended.
        since: Timestamp,
        /// Why the last attempt failed, if the log still has it.
        fault: Option<AttemptFailure>,
        /// The number of deliveries that wait.
        pending_count: u64,
        /// When the next probe may be sent, if a delivery waits.
        next_attempt: Option<Timestamp>,
    },
    /// The webhook is disabled.
    Disabled {
        /// When it was disabled.
        since: Timestamp,
        /// Why it was disabled.
        reason: DisableReason,
        /// Why the last attempt failed, if it did and the log still has it.
        last: Option<AttemptFailure>,
        /// The number of deliveries that are held.
        pending_count: u64,
    },
}

/// The input of [`Diagnosis::new`].
#[derive(Debug, Clone, Copy)]
pub struct DiagnosisInput<'a> {
    /// Whether the webhook is enabled.
    pub state: &'a WebhookState,
    /// The health of its lane.
    pub health: &'a LaneHealth,
    /// The action types that the receiver refuses while it accepts others.
    pub refused_action_types: &'a [ActionTypeName],
    /// The number of deliveries that wait.
    pub pending_count: u64,
    /// When the next request may begin, if a delivery waits.
    pub next_attempt: Option<Timestamp>,
    /// The newest attempt that is not a test.
    pub last_attempt: Option<&'a Attempt>,
}

impl Diagnosis {
    /// Diagnoses the webhook at `now`.
    pub fn new(input: DiagnosisInput<'_>, now: Timestamp) -> Self {
        let DiagnosisInput {
            state,
            health,
            refused_action_types,
            pending_count,
            next_attempt,
            last_attempt,
        } = input;
        let last = last_attempt.and_then(|attempt| attempt.exchange.outcome.failure());
        if let WebhookState::Disabled(disabled) = state {
            return Self::Disabled {
                since: disabled.since,
                reason: disabled.reason,
                last,
                pending_count,
            };
        }
        if let Some(schedule) = health.probe_schedule {
            return Self::Failing {
                since: health.streak.map_or(schedule.since, |streak| streak.since),
                fault: last,
                pending_count,
                next_attempt,
            };
        }
        if let Some(until) = health.paused_until.filter(|until| *until > now) {
            return Self::Paused {
                until,
                last,
                pending_count,
            };
        }
        if health.failing_streak.is_none() && !refused_action_types.is_empty() {
            return Self::Refusing {
                action_types: refused_action_types.to_vec(),
                pending_count,
                next_attempt,
            };
        }
        if let Some(streak) = health.streak {
            let FailureStreak {
                failures, since, ..
            } = streak;
            return Self::FailingRecently {
                failures,
                since,
                only: (!streak.has_several_notifications).then_some(streak.first_notification),
                last,
                pending_count,
                next_attempt,
            };
        }
        match last_success(health, last_attempt) {
            Some(last_success) => Self::Healthy { last_success },
            None if last_attempt.is_some() => Self::NotSentSinceChange,
            None => Self::NeverSent,
        }
    }
}

/// While all attempts succeed, the stored health has an older success than the log.
fn last_success(health: &LaneHealth, last_attempt: Option<&Attempt>) -> Option<Timestamp> {
    let last = last_attempt.filter(|attempt| attempt.exchange.outcome.is_success());
    let ended = last.and_then(|attempt| Timestamp::from_microsecond(attempt.id.0).ok());
    ended.max(health.last_success_at)
}

#[cfg(test)]
#[path = "diagnosis_tests.rs"]
mod tests;
