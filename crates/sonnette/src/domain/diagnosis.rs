//! How a webhook stands and why, in parts that can be put into any language.

use jiff::Timestamp;

use super::{
    Attempt, AttemptFailure, DisableReason, FailureStreak, LaneHealth, NotificationId, WebhookState,
};

/// How a webhook stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Diagnosis {
    /// Nothing was sent, as far back as the log goes.
    NeverSent,
    /// Nothing was sent since its address was changed or it was switched on; before that, the last attempt failed.
    NotSentSinceChange,
    /// Its receiver took what came last.
    Healthy {
        /// When that was.
        last_success: Timestamp,
    },
    /// What was sent last failed, but it is too early to say that its receiver does.
    FailingRecently {
        /// Failed attempts since the last success.
        failures: u32,
        /// When the first of them ended.
        since: Timestamp,
        /// The one notification that failed each time, where there was only one: the fault may be its own.
        only: Option<NotificationId>,
        /// What was wrong with the last attempt, where the log still has it.
        last: Option<AttemptFailure>,
        /// How many deliveries wait.
        waiting: u64,
        /// When the next request may begin, if anything waits.
        next_try: Option<Timestamp>,
    },
    /// Its receiver asked for silence (`Retry-After`), and is not failing beyond that.
    Paused {
        /// Until then.
        until: Timestamp,
        /// What was wrong with the last attempt, if anything was and the log still has it.
        last: Option<AttemptFailure>,
        /// How many deliveries wait.
        waiting: u64,
    },
    /// Its receiver fails, and is only asked now and then whether it is back.
    Failing {
        /// When the first failure since the last success ended.
        since: Timestamp,
        /// What was wrong with the last attempt, where the log still has it.
        fault: Option<AttemptFailure>,
        /// How many deliveries wait.
        waiting: u64,
        /// When it is asked next, if anything waits.
        next_try: Option<Timestamp>,
    },
    /// It is off.
    Disabled {
        /// Since when.
        since: Timestamp,
        /// By whom or what.
        reason: DisableReason,
        /// What was wrong with the last attempt, if anything was and the log still has it.
        last: Option<AttemptFailure>,
        /// How many deliveries are held for it.
        waiting: u64,
    },
}

/// What is known of a webhook.
#[derive(Debug, Clone, Copy)]
pub struct DiagnosisInput<'a> {
    /// Whether it is called.
    pub state: &'a WebhookState,
    /// How its receiver has been answering.
    pub health: &'a LaneHealth,
    /// How many deliveries wait.
    pub waiting: u64,
    /// When the next request may begin, if anything waits.
    pub next_try: Option<Timestamp>,
    /// The newest attempt that was no test.
    pub last_attempt: Option<&'a Attempt>,
}

impl Diagnosis {
    /// Judges what is known `now`.
    pub fn new(input: DiagnosisInput<'_>, now: Timestamp) -> Self {
        let DiagnosisInput {
            state,
            health,
            waiting,
            next_try,
            last_attempt,
        } = input;
        let last = last_attempt.and_then(|attempt| attempt.exchange.outcome.failure());
        if let WebhookState::Disabled(disabled) = state {
            return Self::Disabled {
                since: disabled.since,
                reason: disabled.reason,
                last,
                waiting,
            };
        }
        if let Some(probing) = health.probing {
            return Self::Failing {
                since: health.streak.map_or(probing.since, |streak| streak.since),
                fault: last,
                waiting,
                next_try,
            };
        }
        if let Some(until) = health.paused_until.filter(|until| *until > now) {
            return Self::Paused {
                until,
                last,
                waiting,
            };
        }
        if let Some(streak) = health.streak {
            let FailureStreak {
                failures, since, ..
            } = streak;
            return Self::FailingRecently {
                failures,
                since,
                only: (!streak.several).then_some(streak.first),
                last,
                waiting,
                next_try,
            };
        }
        match last_success(health, last_attempt) {
            Some(last_success) => Self::Healthy { last_success },
            None if last_attempt.is_some() => Self::NotSentSinceChange,
            None => Self::NeverSent,
        }
    }
}

/// The health knows an older one only, as long as all is well.
fn last_success(health: &LaneHealth, last_attempt: Option<&Attempt>) -> Option<Timestamp> {
    let last = last_attempt.filter(|attempt| attempt.exchange.outcome.is_success());
    let ended = last.and_then(|attempt| Timestamp::from_microsecond(attempt.id.0).ok());
    ended.max(health.last_success_at)
}

#[cfg(test)]
#[path = "diagnosis_tests.rs"]
mod tests;
