//! Refusals: answers of a receiver that is there and does not want a notification.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::domain::{
    AttemptKind, DeliveryProgress, DisableReason, FailurePolicy, FailureStreak, LaneHealth,
    NotificationId, Outcome, ProbeSchedule,
};

const HOUR: i64 = 3_600;

fn after(seconds: i64) -> Timestamp {
    let noon: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    noon + SignedDuration::from_secs(seconds)
}

fn answered(status: u16) -> Outcome {
    Outcome::Answered {
        status,
        retry_after: None,
    }
}

/// A webhook whose receiver is as old as this.
fn policy(receiver_since: Timestamp) -> DecisionPolicy {
    DecisionPolicy {
        failure_policy: FailurePolicy::Never,
        receiver_since,
    }
}

fn attempt(notification: i64, outcome: &Outcome, at: Timestamp) -> FinishedAttempt<'_> {
    FinishedAttempt {
        notification: NotificationId(notification),
        progress: DeliveryProgress::new(at),
        kind: AttemptKind::Due,
        outcome,
        at,
        jitter: 0.5,
    }
}

fn failing(wait: Duration) -> LaneHealth {
    let streak = Some(FailureStreak {
        failures: 7,
        since: after(0),
        first_notification: NotificationId(1),
        has_several_notifications: true,
    });
    LaneHealth {
        streak,
        failing_streak: streak,
        probe_schedule: Some(ProbeSchedule {
            since: after(0),
            next_at: after(5),
            wait,
        }),
        ..LaneHealth::default()
    }
}

fn any_refusal() -> impl Strategy<Value = Outcome> {
    (400_u16..500)
        .prop_filter("a refusal", |s| ![401, 403, 408, 410, 425, 429].contains(s))
        .prop_map(answered)
}

#[test]
fn only_these_answers_are_refusals() {
    for status in 200..600 {
        let expected =
            matches!(status, 400..=499) && ![401, 403, 408, 410, 425, 429].contains(&status);
        assert_eq!(answered(status).is_refusal(), expected, "{status}");
    }
    assert!(!Outcome::Failed(crate::domain::SendFailure::ConnectionClosed).is_refusal());
}

proptest! {
    #[test]
    fn refusals_never_make_a_lane_failing_within_an_hour_of_a_success(
        statuses in proptest::collection::vec(prop_oneof![4 => any_refusal(), 1 => Just(answered(500)), 1 => Just(answered(200))], 1..60),
    ) {
        // One a minute, so that there may be more than an hour without a success.
        let (mut health, mut row, mut last_success) = (LaneHealth::default(), Vec::new(), after(0));
        for (number, outcome) in (1_i64..).zip(&statuses) {
            let now = after(number * 60);
            health = decide(policy(after(0)), health, &attempt(number, outcome, now)).health;
            if outcome.is_success() {
                row.clear();
                last_success = now;
            } else if !outcome.is_refusal() || now.duration_since(last_success).as_secs() >= HOUR {
                row.push(number);
            }
            prop_assert_eq!(health.failing_streak.map_or(0, |s| s.failures) as usize, row.len());
            // Once failing, it stays so until a success.
            prop_assert_eq!(health.is_failing(), row.len() >= 5);
        }
        let failed = statuses.iter().rev().take_while(|outcome| !outcome.is_success()).count();
        prop_assert_eq!(health.consecutive_failures() as usize, failed, "all of them count there");
    }

    #[test]
    fn a_refusal_neither_lengthens_nor_breaks_the_row(outcome in any_refusal(), failures in 1_u32..5, age in 0..HOUR) {
        let streak = FailureStreak { failures, since: after(0), first_notification: NotificationId(1), has_several_notifications: false };
        let health = LaneHealth { streak: Some(streak), failing_streak: Some(streak), ..LaneHealth::default() };
        let decision = decide(policy(after(0)), health, &attempt(2, &outcome, after(age)));
        prop_assert_eq!(decision.health.failing_streak, Some(streak));
        prop_assert_eq!(decision.health.consecutive_failures(), failures + 1);
        prop_assert_eq!(decision.health.probe_schedule, None);
    }

    #[test]
    fn refusals_follow_the_schedule_of_their_delivery(outcome in any_refusal(), tries in 0_u32..12) {
        let now = after(100);
        let progress = DeliveryProgress { scheduled_tries: tries, attempts: tries, ..DeliveryProgress::new(now) };
        let refused = FinishedAttempt { progress, ..attempt(1, &outcome, now) };
        let error = answered(500);
        let failed = FinishedAttempt { outcome: &error, ..refused };
        let health = LaneHealth::default();
        prop_assert_eq!(
            decide(policy(after(0)), health, &refused).delivery,
            decide(policy(after(0)), health, &failed).delivery
        );
    }

    #[test]
    fn a_refused_probe_leaves_the_lane_as_it_was(outcome in any_refusal(), wait in 5_u64..900, age in 0_i64..100_000) {
        let before = failing(Duration::from_secs(wait));
        let now = after(age);
        let probe = FinishedAttempt { kind: AttemptKind::Probe, ..attempt(2, &outcome, now) };
        let decision = decide(policy(after(0)), before, &probe);
        let schedule = decision.health.probe_schedule.unwrap();
        prop_assert_eq!((schedule.since, schedule.wait), (after(0), Duration::from_secs(wait)));
        prop_assert_eq!(schedule.next_at, now + Duration::from_secs(wait));
    }

    #[test]
    fn an_hour_counts_from_the_latest_of_success_and_change(success in 0..10 * HOUR, change in 0..10 * HOUR, age in 0..2 * HOUR) {
        let now = after(success.max(change) + age);
        let health = LaneHealth { last_success_at: Some(after(success)), ..LaneHealth::default() };
        let refusal = answered(404);
        let decision = decide(policy(after(change)), health, &attempt(1, &refusal, now));
        prop_assert_eq!(decision.health.failing_streak.is_some(), age >= HOUR);
    }
}

#[test]
fn refusals_count_for_the_failure_policy() {
    let strict = DecisionPolicy {
        failure_policy: FailurePolicy::After {
            failures: 3,
            lasting: SignedDuration::from_secs(20),
        },
        receiver_since: after(0),
    };
    let refusal = answered(400);
    let mut health = LaneHealth::default();
    let mut disabled = Vec::new();
    for number in 1..=3 {
        let decision = decide(
            strict,
            health,
            &attempt(number, &refusal, after(number * 10)),
        );
        health = decision.health;
        disabled.push(decision.disable);
    }
    assert_eq!(disabled, [None, None, Some(DisableReason::Failures)]);
}

#[test]
fn the_last_delivery_given_up_by_refusals_reaches_the_threshold() {
    let strict = DecisionPolicy {
        failure_policy: FailurePolicy::TWENTY_IN_AN_HOUR,
        receiver_since: after(0),
    };
    let refusal = answered(400);
    let progress = DeliveryProgress {
        scheduled_tries: 11,
        attempts: 11,
        ..DeliveryProgress::new(after(0))
    };
    let last = FinishedAttempt {
        progress,
        ..attempt(1, &refusal, after(200_000))
    };
    let decision = decide(strict, LaneHealth::default(), &last);
    assert_eq!(decision.disable, Some(DisableReason::Failures));
}

#[test]
fn a_success_that_seems_to_be_in_the_future_is_taken_for_one_of_now() {
    // The clock was ahead by a year.
    let health = LaneHealth {
        last_success_at: Some(after(365 * 24 * HOUR)),
        ..LaneHealth::default()
    };
    let refusal = answered(404);
    let at_once = decide(policy(after(0)), health, &attempt(1, &refusal, after(10)));
    assert_eq!(at_once.health.failing_streak, None);
    let later = attempt(1, &refusal, after(10 + HOUR));
    let later = decide(policy(after(0)), at_once.health, &later);
    assert!(later.health.failing_streak.is_some());
}
