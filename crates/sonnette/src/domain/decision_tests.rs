use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::domain::{
    AlertRules, DELIVERY_LIFETIME, DeliveryProgress, DisableReason, FailurePolicy, FailureStreak,
    LaneHealth, NotificationId, Outcome, ProbeSchedule, SendFailure,
};

/// Of a webhook that is older than all of these tests, so that refusals count.
const NEVER: DecisionPolicy = DecisionPolicy {
    failure_policy: FailurePolicy::Never,
    receiver_since: Timestamp::MIN,
};

fn noon() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn after(seconds: i64) -> Timestamp {
    noon() + SignedDuration::from_secs(seconds)
}

fn answered(status: u16) -> Outcome {
    Outcome::Answered {
        status,
        retry_after: None,
    }
}

fn asks_to_wait(wait: Duration) -> Outcome {
    Outcome::Answered {
        status: 503,
        retry_after: Some(wait),
    }
}

fn refused() -> Outcome {
    Outcome::Failed(SendFailure::ConnectionClosed)
}

fn trial(outcome: &Outcome, at: Timestamp) -> FinishedAttempt<'_> {
    FinishedAttempt {
        notification: NotificationId(1),
        progress: DeliveryProgress::new(noon()),
        kind: AttemptKind::Due,
        outcome,
        at,
        jitter: 0.5,
    }
}

fn waits(decision: &Decision) -> DeliveryProgress {
    match decision.delivery {
        DeliveryDecision::Waits(progress) => progress,
        other => panic!("it should wait: {other:?}"),
    }
}

fn failing() -> LaneHealth {
    let streak = Some(FailureStreak {
        failures: 5,
        since: noon(),
        first_notification: NotificationId(1),
        has_several_notifications: true,
    });
    LaneHealth {
        streak,
        failing_streak: streak,
        probe_schedule: Some(ProbeSchedule::start(noon())),
        ..LaneHealth::default()
    }
}

fn any_outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        (200_u16..600).prop_map(answered),
        (1_u64..=86_400).prop_map(|s| asks_to_wait(Duration::from_secs(s))),
        Just(refused()),
    ]
}

fn any_failure() -> impl Strategy<Value = Outcome> {
    any_outcome().prop_filter("a failure", |o| !o.is_success() && o.return_code() != 410)
}

/// A lane as it comes to be: by attempts that ended one after another.
fn any_health() -> impl Strategy<Value = LaneHealth> {
    proptest::collection::vec((any_outcome(), 1_i64..4, any::<bool>()), 0..12).prop_map(|past| {
        let mut health = LaneHealth::default();
        for (place, (outcome, notification, probe)) in past.iter().enumerate() {
            let kind = if *probe && health.is_failing() {
                AttemptKind::Probe
            } else {
                AttemptKind::Due
            };
            let ended = after(i64::try_from(place).unwrap() * 7);
            let trial = FinishedAttempt {
                notification: NotificationId(*notification),
                kind,
                ..trial(outcome, ended)
            };
            health = decide(NEVER, health, &trial).health;
        }
        health
    })
}

#[test]
fn retry_delays_are_those_of_pretix_within_three_days() {
    let seconds: Vec<_> = RETRY_DELAYS.iter().map(Duration::as_secs).collect();
    let expected = [
        5, 30, 60, 300, 1_200, 3_600, 14_400, 21_600, 43_200, 43_200, 86_400,
    ];
    assert_eq!(seconds, expected);
    let longest = RETRY_DELAYS.iter().sum::<Duration>().mul_f64(1.1);
    assert!(SignedDuration::try_from(longest).unwrap() < DELIVERY_LIFETIME);
}

proptest! {
    #[test]
    fn twelve_tries_each_within_a_tenth_of_its_wait(jitters in proptest::collection::vec(-0.5_f64..1.5, 12)) {
        let refused = refused();
        let (mut progress, mut now) = (DeliveryProgress::new(noon()), noon());
        for (place, jitter) in jitters.iter().enumerate() {
            let trial = FinishedAttempt { progress, jitter: *jitter, ..trial(&refused, now) };
            // One poisonous notification alone: the lane goes on.
            let decision = decide(NEVER, LaneHealth::default(), &trial);
            let Some(wait) = RETRY_DELAYS.get(place) else {
                prop_assert_eq!(place, 11);
                let given_up = matches!(decision.delivery, DeliveryDecision::GivenUp(p) if p.scheduled_tries == 12 && p.attempts == 12);
                prop_assert!(given_up, "{:?}", decision);
                break;
            };
            let next = waits(&decision);
            let waited = next.due_at.duration_since(now).as_secs_f64();
            prop_assert!(waited >= wait.as_secs_f64() * 0.9 - 1e-3, "{waited} of {wait:?}");
            prop_assert!(waited <= wait.as_secs_f64() * 1.1 + 1e-3, "{waited} of {wait:?}");
            prop_assert!(waited >= 4.5 - 1e-3);
            prop_assert_eq!((next.scheduled_tries, next.attempts), (progress.scheduled_tries + 1, progress.attempts + 1));
            (progress, now) = (next, next.due_at);
        }
    }

    #[test]
    fn no_wait_goes_past_the_three_days(outcome in any_failure(), tries in 0_u32..11, age in 0_i64..=259_200, jitter in 0.0_f64..1.0) {
        let progress = DeliveryProgress { scheduled_tries: tries, attempts: tries, ..DeliveryProgress::new(noon()) };
        let trial = FinishedAttempt { progress, jitter, ..trial(&outcome, after(age)) };
        let next = waits(&decide(NEVER, LaneHealth::default(), &trial));
        prop_assert!(next.due_at <= progress.expires_at());
        prop_assert_eq!(next.started_at, progress.started_at);
    }

    #[test]
    fn the_same_is_decided_each_time(health in any_health(), outcome in any_outcome(), jitter in 0.0_f64..1.0) {
        let trial = FinishedAttempt { jitter, ..trial(&outcome, after(100)) };
        prop_assert_eq!(decide(NEVER, health, &trial), decide(NEVER, health, &trial));
    }

    #[test]
    fn a_success_resets_the_health_of_the_lane(health in any_health(), status in 200_u16..300) {
        let outcome = answered(status);
        let now = after(100);
        let decision = decide(NEVER, health, &trial(&outcome, now));
        prop_assert_eq!(decision.delivery, DeliveryDecision::Delivered);
        prop_assert_eq!(decision.disable, None);
        prop_assert_eq!(decision.health.streak, None);
        prop_assert_eq!(decision.health.probe_schedule, None);
        prop_assert_eq!(decision.health.last_success_at, Some(now));
        // But for a silence that was asked for and is not over.
        prop_assert_eq!(decision.health.paused_until, health.paused_until.filter(|until| *until > now));
    }

    #[test]
    fn a_probe_uses_up_no_try(health in any_health(), outcome in any_failure(), tries in 0_u32..12, more in 0_u32..100) {
        let progress = DeliveryProgress { scheduled_tries: tries, attempts: tries + more, ..DeliveryProgress::new(noon()) };
        let trial = FinishedAttempt { kind: AttemptKind::Probe, progress, ..trial(&outcome, after(100)) };
        let next = waits(&decide(NEVER, health, &trial));
        prop_assert_eq!((next.scheduled_tries, next.attempts), (tries, tries + more + 1));
        prop_assert_eq!(next.due_at, progress.started_at);
    }

    #[test]
    fn retry_after_only_lengthens(seconds in 1_u64..=86_400, tries in 0_u32..11, earlier in 0_i64..200_000) {
        let (plain, asked) = (refused(), asks_to_wait(Duration::from_secs(seconds)));
        let health = LaneHealth { paused_until: Some(after(earlier)), ..LaneHealth::default() };
        let progress = DeliveryProgress { scheduled_tries: tries, attempts: tries, ..DeliveryProgress::new(noon()) };
        let now = after(100);
        let without = decide(NEVER, health, &FinishedAttempt { progress, ..trial(&plain, now) });
        let with = decide(NEVER, health, &FinishedAttempt { progress, ..trial(&asked, now) });
        let until = now + Duration::from_secs(seconds);
        prop_assert_eq!(waits(&with).due_at, waits(&without).due_at.max(until.min(progress.expires_at())));
        prop_assert!(with.health.paused_until >= health.paused_until.filter(|p| *p > now));
        prop_assert!(with.health.paused_until >= Some(until));
    }

    #[test]
    fn a_lane_fails_after_five_failures_in_a_row_over_two_notifications(notifications in proptest::collection::vec(1_i64..4, 1..12)) {
        let refused = refused();
        let mut health = LaneHealth::default();
        for (place, notification) in notifications.iter().enumerate() {
            let trial = FinishedAttempt { notification: NotificationId(*notification), ..trial(&refused, noon()) };
            health = decide(NEVER, health, &trial).health;
            let several = notifications[..=place].iter().any(|n| *n != notifications[0]);
            prop_assert_eq!(health.is_failing(), place + 1 >= 5 && several);
            prop_assert_eq!(health.consecutive_failures() as usize, place + 1);
        }
    }

    #[test]
    fn both_thresholds_of_the_policy_must_be_reached(limit in 1_u32..40, lasting in 0_i64..8_000, failures in 0_u32..40, age in 0_i64..8_000) {
        let failures_before = failures;
        let streak = (failures > 0).then_some(FailureStreak { failures, since: noon(), first_notification: NotificationId(1), has_several_notifications: false });
        let health = LaneHealth { streak, ..LaneHealth::default() };
        let policy = DecisionPolicy {
            receiver_since: noon(),
            failure_policy: FailurePolicy::After { failures: limit, lasting: SignedDuration::from_secs(lasting) },
        };
        let refused = refused();
        let decision = decide(policy, health, &trial(&refused, after(age)));
        let lasted = if failures_before == 0 { 0 } else { age };
        let reached = failures_before + 1 >= limit && lasted >= lasting;
        prop_assert_eq!(decision.disable, reached.then_some(DisableReason::Failures));
    }

    #[test]
    fn a_410_disables_at_once_with_any_policy(health in any_health(), tries in 0_u32..12) {
        let gone = answered(410);
        let progress = DeliveryProgress { scheduled_tries: tries, attempts: tries, ..DeliveryProgress::new(noon()) };
        let decision = decide(NEVER, health, &FinishedAttempt { progress, ..trial(&gone, after(100)) });
        prop_assert_eq!(decision.disable, Some(DisableReason::Gone));
        // Held, and with as many tries left as before.
        let next = waits(&decision);
        prop_assert_eq!((next.scheduled_tries, next.attempts, next.due_at), (tries, tries + 1, noon()));
    }
}

#[test]
fn probes_wait_twice_as_long_each_time_from_five_seconds_to_a_quarter_of_an_hour() {
    let refused = refused();
    let mut health = failing();
    let mut waited = vec![health.probe_schedule.unwrap().wait.as_secs()];
    for _ in 0..10 {
        let now = health.probe_schedule.unwrap().next_at;
        let probe = FinishedAttempt {
            kind: AttemptKind::Probe,
            ..trial(&refused, now)
        };
        health = decide(NEVER, health, &probe).health;
        let schedule = health.probe_schedule.unwrap();
        assert_eq!(schedule.next_at, now + schedule.wait);
        assert_eq!(schedule.since, noon());
        waited.push(schedule.wait.as_secs());
    }
    let expected = [5, 10, 20, 40, 80, 160, 320, 640, 900, 900, 900];
    assert_eq!(waited, expected);
}

#[test]
fn a_failure_of_an_earlier_request_does_not_delay_the_next_probe() {
    let refused = refused();
    let decision = decide(NEVER, failing(), &trial(&refused, after(1)));
    assert_eq!(decision.health.probe_schedule, failing().probe_schedule);
    assert_eq!(
        waits(&decision).due_at,
        noon(),
        "held: due when the lane opens"
    );
}

#[test]
fn given_up_while_nothing_succeeded_reaches_the_threshold() {
    let strict = DecisionPolicy {
        failure_policy: FailurePolicy::TWENTY_IN_AN_HOUR,
        receiver_since: noon(),
    };
    let progress = DeliveryProgress {
        scheduled_tries: 11,
        attempts: 11,
        ..DeliveryProgress::new(noon())
    };
    let refused = refused();
    let trial = FinishedAttempt {
        progress,
        ..trial(&refused, after(200_000))
    };
    let with = |last_success_at| LaneHealth {
        last_success_at,
        ..LaneHealth::default()
    };
    for (last_success_at, disable) in [
        (None, Some(DisableReason::Failures)),
        (Some(after(-1)), Some(DisableReason::Failures)),
        (Some(after(1)), None),
    ] {
        let decision = decide(strict, with(last_success_at), &trial);
        assert!(matches!(decision.delivery, DeliveryDecision::GivenUp(_)));
        assert_eq!(decision.disable, disable, "{last_success_at:?}");
        assert_eq!(decide(NEVER, with(last_success_at), &trial).disable, None);
    }
}

/// Instants up to both ends of what can be represented.
fn any_instant() -> impl Strategy<Value = Timestamp> {
    let seconds = Timestamp::MIN.as_second()..=Timestamp::MAX.as_second();
    prop_oneof![
        Just(Timestamp::MIN),
        Just(Timestamp::MAX),
        (0_i64..200_000).prop_map(|before| Timestamp::MAX - SignedDuration::from_secs(before)),
        seconds.prop_map(|second| Timestamp::from_second(second).unwrap()),
    ]
}

proptest! {
    #[test]
    fn no_instant_makes_a_decision_panic(
        outcome in any_outcome(),
        wait in prop_oneof![Just(Duration::MAX), (0_u64..100_000).prop_map(Duration::from_secs)],
        (started_at, since, next_at, at) in (any_instant(), any_instant(), any_instant(), any_instant()),
        tries in 0_u32..14,
        kind in prop_oneof![Just(AttemptKind::Due), Just(AttemptKind::Probe)],
    ) {
        let mut health = failing();
        health.streak = health.streak.map(|streak| FailureStreak { since, ..streak });
        health.failing_streak = health.streak;
        health.last_success_at = Some(next_at);
        health.probe_schedule = Some(ProbeSchedule { since, next_at, wait });
        let progress = DeliveryProgress { scheduled_tries: tries, started_at, ..DeliveryProgress::new(started_at) };
        let policy = DecisionPolicy { failure_policy: FailurePolicy::TWENTY_IN_AN_HOUR, receiver_since: since };
        for outcome in [outcome, asks_to_wait(wait)] {
            for health in [health, LaneHealth::default()] {
                let finished = FinishedAttempt { progress, kind, ..trial(&outcome, at) };
                let decision = decide(policy, health, &finished);
                let stale = decide_stale(health, &finished);
                for decision in [decision, stale] {
                    if let DeliveryDecision::Waits(next) = decision.delivery {
                        prop_assert!(next.due_at <= next.expires_at() || next.expires_at() <= at);
                    }
                }
                AlertRules { on_gone: true, warning: true }.alert_after(&decision, policy.failure_policy, at);
            }
        }
    }

    #[test]
    fn no_instant_makes_a_mail_or_a_link_panic(at in any_instant(), now in any_instant(), tries: u32) {
        let email = crate::domain::AccountEmail {
            id: crate::domain::AccountEmailId(1),
            user: crate::domain::UserId(1),
            email: "a@b.example".parse().unwrap(),
            kind: crate::domain::AccountEmailKind::Reset,
            language: crate::domain::Language::English,
            organizer: None,
            at,
            send_failures: tries,
        };
        email.after_failure(String::new(), now);
        let purpose = crate::domain::AccessLinkPurpose::Reset(email.user);
        let link = crate::domain::AccessLink::new(purpose, now);
        prop_assert!(link.expires >= now);
    }
}
