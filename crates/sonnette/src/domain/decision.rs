//! The decision after each attempt: deliver, retry, hold, give up, disable.
//!
//! One pure function over values. It does not know the store, the network or the clock; the engine obeys it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{
    DisableReason, FailurePolicy, FailureStreak, LaneHealth, NotificationId, Outcome,
    ProbeSchedule, Progress, saturating_add,
};

/// Waits before the second to twelfth try, counted from the end of the failed one.
pub const RETRY_DELAYS: [Duration; 11] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_mins(1),
    Duration::from_mins(5),
    Duration::from_mins(20),
    Duration::from_hours(1),
    Duration::from_hours(4),
    Duration::from_hours(6),
    Duration::from_hours(12),
    Duration::from_hours(12),
    Duration::from_hours(24),
];

/// After this time a delivery is given up, whatever is left of its schedule.
pub const DELIVERY_LIFETIME: SignedDuration = SignedDuration::from_hours(72);

/// Failed attempts in a row, over at least two notifications, that make a lane failing.
const FAILING_AFTER: u32 = 5;

/// What decides beyond the attempt itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// When a webhook that only fails is switched off.
    pub failures: FailurePolicy,
}

/// Why an attempt was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptKind {
    /// The delivery was due.
    Due,
    /// The lane is failing and looks whether its receiver is back.
    Probe,
}

/// What happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// To the delivery.
    pub delivery: DeliveryDecision,
    /// To its lane.
    pub health: LaneHealth,
    /// To its webhook, if it is switched off.
    pub disable: Option<DisableReason>,
}

/// What happens to a delivery after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryDecision {
    /// Settled: a receiver took it.
    Delivered,
    /// Still waits; `due_at` and `tries` say for what.
    Waits(Progress),
    /// Settled: its twelve tries are used up.
    GivenUp(Progress),
}

/// An attempt that has ended, as [`decide`] looks at it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FinishedAttempt<'a> {
    /// What was sent.
    pub notification: NotificationId,
    /// How far its delivery had come before.
    pub progress: Progress,
    /// Why it was made.
    pub turn: AttemptKind,
    /// What the wire said.
    pub outcome: &'a Outcome,
    /// When it ended.
    pub at: Timestamp,
    /// Drawn evenly from 0 to 1: moves the wait by at most 10 % either way.
    pub jitter: f64,
}

/// Decides what follows an attempt; `health` is that of the lane before it.
pub fn decide(policy: Policy, health: LaneHealth, trial: &FinishedAttempt<'_>) -> Decision {
    let FinishedAttempt {
        notification,
        progress,
        turn,
        outcome,
        at: now,
        ..
    } = *trial;
    if outcome.is_success() {
        let health = LaneHealth {
            last_success_at: Some(now),
            // Whoever asked for silence means it, also where a request that was already under way went well.
            paused_until: health.paused_until.filter(|until| *until > now),
            ..LaneHealth::default()
        };
        return Decision {
            delivery: DeliveryDecision::Delivered,
            health,
            disable: None,
        };
    }
    let streak = extend_streak(health.streak, notification, now);
    let delivery = after_failure(trial);
    let health = LaneHealth {
        streak: Some(streak),
        probing: probing_after(health.probing, streak, turn, now),
        paused_until: pause_after(health.paused_until, outcome, now),
        ..health
    };
    let disable = if is_gone(outcome) {
        Some(DisableReason::Gone)
    } else {
        let never_succeeded = matches!(delivery, DeliveryDecision::GivenUp(_))
            && health
                .last_success_at
                .is_none_or(|at| at < progress.started_at);
        reaches_threshold(policy.failures, streak, never_succeeded, now)
            .then_some(DisableReason::Failures)
    };
    // A held delivery is due the moment its lane opens or its webhook is switched on again.
    let delivery = match delivery {
        DeliveryDecision::Waits(p) if health.is_failing() || disable.is_some() => {
            DeliveryDecision::Waits(Progress {
                due_at: p.started_at,
                ..p
            })
        }
        other => other,
    };
    Decision {
        delivery,
        health,
        disable,
    }
}

/// Decides what follows a failed attempt that began before its webhook got a new address, or was switched off and on:
/// that is no fault of the receiver there is now, and its lane stays as it is.
pub fn decide_stale(health: LaneHealth, trial: &FinishedAttempt<'_>) -> Decision {
    let policy = Policy {
        failures: FailurePolicy::Never,
    };
    let decision = decide(policy, LaneHealth::default(), trial);
    let delivery = match decision.delivery {
        DeliveryDecision::Waits(next) if health.is_failing() => DeliveryDecision::Waits(Progress {
            due_at: next.started_at,
            ..next
        }),
        other => other,
    };
    Decision {
        delivery,
        health,
        disable: None,
    }
}

fn extend_streak(
    streak: Option<FailureStreak>,
    notification: NotificationId,
    now: Timestamp,
) -> FailureStreak {
    match streak {
        None => FailureStreak {
            failures: 1,
            since: now,
            first: notification,
            several: false,
        },
        Some(s) => FailureStreak {
            failures: s.failures.saturating_add(1),
            several: s.several || s.first != notification,
            ..s
        },
    }
}

fn after_failure(trial: &FinishedAttempt<'_>) -> DeliveryDecision {
    let progress = trial.progress;
    let attempts = progress.attempts.saturating_add(1);
    // Neither is a try of the schedule's kind: after a 410 the webhook is off, and what waits is held.
    if trial.turn == AttemptKind::Probe || is_gone(trial.outcome) {
        return DeliveryDecision::Waits(Progress {
            attempts,
            due_at: progress.started_at,
            ..progress
        });
    }
    let tries = progress.tries.saturating_add(1);
    let next = Progress {
        attempts,
        tries,
        ..progress
    };
    match RETRY_DELAYS.get(tries as usize - 1) {
        None => DeliveryDecision::GivenUp(next),
        Some(wait) => {
            let wait = wait
                .mul_f64(0.9 + 0.2 * trial.jitter.clamp(0.0, 1.0))
                .max(retry_after(trial.outcome));
            let due_at = saturating_add(trial.at, wait).min(next.expires_at());
            DeliveryDecision::Waits(Progress { due_at, ..next })
        }
    }
}

fn is_gone(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Answered { status: 410, .. })
}

fn retry_after(outcome: &Outcome) -> Duration {
    match outcome {
        Outcome::Answered {
            retry_after: Some(wait),
            ..
        } => *wait,
        _ => Duration::ZERO,
    }
}

fn pause_after(paused: Option<Timestamp>, outcome: &Outcome, now: Timestamp) -> Option<Timestamp> {
    let asked = retry_after(outcome);
    let until = (!asked.is_zero()).then(|| saturating_add(now, asked));
    paused.filter(|p| *p > now).max(until)
}

fn probing_after(
    probing: Option<ProbeSchedule>,
    streak: FailureStreak,
    turn: AttemptKind,
    now: Timestamp,
) -> Option<ProbeSchedule> {
    match (probing, turn) {
        (Some(p), AttemptKind::Probe) => Some(p.after_failed_probe(now)),
        // A request that was already under way when the lane began to fail tells nothing new.
        (Some(p), AttemptKind::Due) => Some(p),
        (None, _) => {
            (streak.failures >= FAILING_AFTER && streak.several).then(|| ProbeSchedule::start(now))
        }
    }
}

/// `never_succeeded`: a delivery was just given up and nothing has succeeded since it was published. That reaches the threshold
/// too: a quiet webhook must not fail for ever.
fn reaches_threshold(
    policy: FailurePolicy,
    streak: FailureStreak,
    never_succeeded: bool,
    now: Timestamp,
) -> bool {
    match policy {
        FailurePolicy::Never => false,
        FailurePolicy::After { failures, lasting } => {
            never_succeeded
                || (streak.failures >= failures && now.duration_since(streak.since) >= lasting)
        }
    }
}

#[cfg(test)]
#[path = "decision_tests.rs"]
mod tests;
