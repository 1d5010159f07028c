//! The decision after each attempt: settle, retry, hold, give up, disable.
//!
//! A pure function over values, without store, network or clock. The engine carries the decision out.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{
    DeliveryProgress, DisableReason, FailurePolicy, FailureStreak, LaneHealth, NotificationId,
    Outcome, ProbeSchedule, saturating_add,
};

/// The delays before the second to twelfth try, from the end of the failed one.
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

/// The number of failures in a row, over at least two notifications, after which a lane is failing.
const FAILING_STREAK_LENGTH: u32 = 5;

/// Refusals count towards failing once nothing has succeeded for this long.
const REFUSALS_COUNT_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// The settings that a decision depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecisionPolicy {
    /// When a failing webhook is disabled.
    pub failure_policy: FailurePolicy,
    /// The latest of: the webhook was created, it was enabled, its target changed.
    pub receiver_since: Timestamp,
}

/// Why an attempt was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptKind {
    /// The delivery was due.
    Due,
    /// The lane is failing, and the attempt checks whether its receiver has recovered.
    Probe,
}

/// What follows an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// The change of the delivery.
    pub delivery: DeliveryDecision,
    /// The new health of the lane.
    pub health: LaneHealth,
    /// Why the webhook is to be disabled, if it is.
    pub disable: Option<DisableReason>,
}

/// The change of a delivery after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryDecision {
    /// It is settled: the receiver accepted it.
    Delivered,
    /// It waits for its next attempt.
    Waits(DeliveryProgress),
    /// It is settled: its twelve tries are used up.
    GivenUp(DeliveryProgress),
}

/// The input of [`decide`]: an attempt that has ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FinishedAttempt<'a> {
    /// The notification that was sent.
    pub notification: NotificationId,
    /// The progress of the delivery before the attempt.
    pub progress: DeliveryProgress,
    /// Why it was made.
    pub kind: AttemptKind,
    /// The outcome of the request.
    pub outcome: &'a Outcome,
    /// When it ended.
    pub at: Timestamp,
    /// A random number, uniform in 0 to 1. It changes the delay by at most 10 %.
    pub jitter: f64,
}

/// Decides what follows an attempt. `health` is the lane's health before the attempt.
pub fn decide(
    policy: DecisionPolicy,
    health: LaneHealth,
    attempt: &FinishedAttempt<'_>,
) -> Decision {
    let FinishedAttempt {
        progress,
        outcome,
        at: now,
        ..
    } = *attempt;
    if outcome.is_success() {
        // A pause that the receiver asked for holds even if a request that was in flight succeeds.
        let paused_until = health.paused_until.filter(|until| *until > now);
        let health = LaneHealth {
            last_success_at: Some(now),
            paused_until,
            pause_length: paused_until.and(health.pause_length),
            ..LaneHealth::default()
        };
        return Decision {
            delivery: DeliveryDecision::Delivered,
            health,
            disable: None,
        };
    }
    let delivery = after_failure(attempt);
    let (health, streak) = health_after_failure(policy, health, attempt);
    let disable = if is_gone(outcome) {
        Some(DisableReason::Gone)
    } else {
        let never_succeeded = matches!(delivery, DeliveryDecision::GivenUp(_))
            && health
                .last_success_at
                .is_none_or(|at| at < progress.started_at);
        reaches_threshold(policy.failure_policy, streak, never_succeeded, now)
            .then_some(DisableReason::Failures)
    };
    // A held delivery is due as soon as its lane recovers or its webhook is enabled again.
    let delivery = match delivery {
        DeliveryDecision::Waits(p) if health.is_failing() || disable.is_some() => {
            DeliveryDecision::Waits(DeliveryProgress {
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

/// The health of the lane after a failed attempt, and the streak of all failures that is part of it.
fn health_after_failure(
    policy: DecisionPolicy,
    health: LaneHealth,
    attempt: &FinishedAttempt<'_>,
) -> (LaneHealth, FailureStreak) {
    let FinishedAttempt {
        notification,
        kind,
        outcome,
        at: now,
        ..
    } = *attempt;
    let streak = extend_streak(health.streak, notification, now);
    let failing_streak = if counts_towards_failing(policy, health, outcome, now) {
        Some(extend_streak(health.failing_streak, notification, now))
    } else {
        health.failing_streak
    };
    let health = LaneHealth {
        streak: Some(streak),
        failing_streak,
        probe_schedule: match health.probe_schedule {
            None => starts_probing(failing_streak).then(|| ProbeSchedule::start(now)),
            // A request that was in flight when the lane began to fail does not move the next probe.
            Some(schedule) if kind == AttemptKind::Due => Some(schedule),
            Some(schedule) if outcome.is_refusal() => Some(schedule.after_refused_probe(now)),
            Some(schedule) => Some(schedule.after_failed_probe(now)),
        },
        // It is later than now if the clock was wrong. The hour without a success is measured from it.
        last_success_at: health.last_success_at.map(|at| at.min(now)),
        ..pause_after(health, outcome, now)
    };
    (health, streak)
}

/// Decides what follows a failed attempt that began before its webhook got a new target, or was disabled and enabled.
///
/// The failure says nothing about the current receiver, so the health of the lane does not change.
pub fn decide_stale(health: LaneHealth, attempt: &FinishedAttempt<'_>) -> Decision {
    let policy = DecisionPolicy {
        failure_policy: FailurePolicy::Never,
        receiver_since: attempt.at,
    };
    let decision = decide(policy, LaneHealth::default(), attempt);
    let delivery = match decision.delivery {
        DeliveryDecision::Waits(next) if health.is_failing() => {
            DeliveryDecision::Waits(DeliveryProgress {
                due_at: next.started_at,
                ..next
            })
        }
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
            first_notification: notification,
            has_several_notifications: false,
        },
        Some(s) => FailureStreak {
            failures: s.failures.saturating_add(1),
            // It is later than now if the clock was wrong.
            since: s.since.min(now),
            has_several_notifications: s.has_several_notifications
                || s.first_notification != notification,
            ..s
        },
    }
}

fn after_failure(attempt: &FinishedAttempt<'_>) -> DeliveryDecision {
    let progress = attempt.progress;
    let attempts = progress.attempts.saturating_add(1);
    // A probe uses no try of the schedule. Nor does a 410: it disables the webhook, which holds the delivery.
    if attempt.kind == AttemptKind::Probe || is_gone(attempt.outcome) {
        return DeliveryDecision::Waits(DeliveryProgress {
            attempts,
            due_at: progress.started_at,
            ..progress
        });
    }
    let tries = progress.scheduled_tries.saturating_add(1);
    let next = DeliveryProgress {
        attempts,
        scheduled_tries: tries,
        ..progress
    };
    match RETRY_DELAYS.get(tries as usize - 1) {
        None => DeliveryDecision::GivenUp(next),
        Some(wait) => {
            let wait = wait
                .mul_f64(0.9 + 0.2 * attempt.jitter.clamp(0.0, 1.0))
                .max(retry_after(attempt.outcome));
            let due_at = saturating_add(attempt.at, wait);
            // While the clock is ahead, the end of its lifetime seems to be past: the wait is kept all the same.
            let expires_at = Some(next.expires_at()).filter(|end| *end > attempt.at);
            let due_at = expires_at.map_or(due_at, |end| due_at.min(end));
            DeliveryDecision::Waits(DeliveryProgress { due_at, ..next })
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

/// `health` with the pause that holds after `outcome`: the later of the two ends.
fn pause_after(health: LaneHealth, outcome: &Outcome, now: Timestamp) -> LaneHealth {
    let asked = retry_after(outcome);
    let until = (!asked.is_zero()).then(|| saturating_add(now, asked));
    let before = health.paused_until.filter(|p| *p > now);
    let (paused_until, pause_length) = if until > before {
        (until, Some(asked))
    } else {
        (before, before.and(health.pause_length))
    };
    LaneHealth {
        paused_until,
        pause_length,
        ..health
    }
}

/// Whether a failure lengthens the streak that makes the lane failing. A refusal does so only if the receiver has accepted
/// nothing for [`REFUSALS_COUNT_AFTER`]: before, it says that the receiver is there and does not want this notification.
fn counts_towards_failing(
    policy: DecisionPolicy,
    health: LaneHealth,
    outcome: &Outcome,
    now: Timestamp,
) -> bool {
    // The clock may have been ahead when the webhook was changed.
    let receiver_since = Some(policy.receiver_since).filter(|at| *at <= now);
    let last_success_at = health.last_success_at.map(|at| at.min(now));
    let latest = receiver_since.max(last_success_at);
    !outcome.is_refusal()
        || latest.is_none_or(|latest| now.duration_since(latest) >= REFUSALS_COUNT_AFTER)
}

fn starts_probing(failing_streak: Option<FailureStreak>) -> bool {
    failing_streak.is_some_and(|streak| {
        streak.failures >= FAILING_STREAK_LENGTH && streak.has_several_notifications
    })
}

/// Whether the webhook is to be disabled. `never_succeeded`: a delivery was just given up, and no attempt has succeeded
/// since it was published. This also reaches the threshold, so that a webhook with few notifications cannot fail forever.
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

#[cfg(test)]
#[path = "refusal_tests.rs"]
mod refusal_tests;
