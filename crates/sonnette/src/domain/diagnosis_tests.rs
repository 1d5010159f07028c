//! Each state of a webhook and its reason.

use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::domain::{AttemptId, Disablement, HttpExchange, Outcome, ProbeSchedule, WebhookId};

const FIRST: NotificationId = NotificationId(7);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// An attempt that ended at a second with this status.
fn answered(second: i64, status: u16) -> Attempt {
    Attempt {
        id: AttemptId(at(second).as_microsecond()),
        webhook: WebhookId(1),
        notification: FIRST,
        action_type: "test.happened".parse().unwrap(),
        event: None,
        target_url: "https://a.test/".to_owned(),
        number: 1,
        is_test: false,
        sent_body: None,
        exchange: HttpExchange {
            started_at: at(second),
            duration: Duration::ZERO,
            outcome: Outcome::Answered {
                status,
                retry_after: None,
            },
            request_headers: String::new(),
            response_headers: String::new(),
            response_body: Bytes::new(),
        },
    }
}

fn failed(failures: u32, has_several_notifications: bool) -> LaneHealth {
    LaneHealth {
        streak: Some(FailureStreak {
            failures,
            since: at(10),
            first_notification: FIRST,
            has_several_notifications,
        }),
        last_success_at: Some(at(5)),
        ..LaneHealth::default()
    }
}

fn probing() -> LaneHealth {
    LaneHealth {
        probe_schedule: Some(ProbeSchedule {
            since: at(15),
            next_at: at(140),
            wait: ProbeSchedule::FIRST_WAIT,
        }),
        ..failed(6, true)
    }
}

/// At second 100, with three deliveries waiting until 140.
fn of(state: &WebhookState, health: &LaneHealth, last: Option<&Attempt>) -> Diagnosis {
    let input = DiagnosisInput {
        state,
        health,
        refused_action_types: &[],
        pending_count: 3,
        next_attempt: Some(at(140)),
        last_attempt: last,
    };
    Diagnosis::new(input, at(100))
}

fn enabled(health: &LaneHealth, last: Option<&Attempt>) -> Diagnosis {
    of(&WebhookState::Enabled, health, last)
}

#[test]
fn a_webhook_without_attempts_is_unused() {
    assert_eq!(enabled(&LaneHealth::default(), None), Diagnosis::NeverSent);
}

#[test]
fn failures_before_a_new_target_or_enabling_do_not_count() {
    let before = answered(50, 500);
    let diagnosis = enabled(&LaneHealth::default(), Some(&before));
    assert_eq!(diagnosis, Diagnosis::NotSentSinceChange);
}

#[test]
fn the_newest_success_counts() {
    let healthy = |second| Diagnosis::Healthy {
        last_success: at(second),
    };
    let health = LaneHealth {
        last_success_at: Some(at(5)),
        ..LaneHealth::default()
    };
    assert_eq!(enabled(&health, None), healthy(5));
    let last = answered(50, 200);
    assert_eq!(enabled(&health, Some(&last)), healthy(50));
    assert_eq!(enabled(&LaneHealth::default(), Some(&last)), healthy(50));
}

#[test]
fn a_few_failures_are_recent_ones_and_one_notification_may_be_their_cause() {
    let last = answered(50, 500);
    let wobbling = |failures, only| Diagnosis::FailingRecently {
        failures,
        since: at(10),
        only,
        last: Some(AttemptFailure::Status(500)),
        pending_count: 3,
        next_attempt: Some(at(140)),
    };
    let found = enabled(&failed(2, true), Some(&last));
    assert_eq!(found, wobbling(2, None));
    let found = enabled(&failed(9, false), Some(&last));
    assert_eq!(found, wobbling(9, Some(FIRST)));
}

#[test]
fn a_failing_lane_fails_since_its_first_failure() {
    let last = answered(50, 503);
    let failing = |fault| Diagnosis::Failing {
        since: at(10),
        fault,
        pending_count: 3,
        next_attempt: Some(at(140)),
    };
    let found = enabled(&probing(), Some(&last));
    assert_eq!(found, failing(Some(AttemptFailure::Status(503))));
    assert_eq!(enabled(&probing(), None), failing(None));
}

#[test]
fn a_pause_is_shown_until_it_ends_unless_the_lane_is_failing() {
    let last = answered(50, 429);
    let until = |second, health| LaneHealth {
        paused_until: Some(at(second)),
        ..health
    };
    let paused = Diagnosis::Paused {
        until: at(200),
        last: Some(AttemptFailure::Status(429)),
        pending_count: 3,
    };
    assert_eq!(enabled(&until(200, failed(1, false)), Some(&last)), paused);
    let over = enabled(&until(100, failed(1, false)), Some(&last));
    assert!(
        matches!(over, Diagnosis::FailingRecently { .. }),
        "{over:?}"
    );
    let failing = enabled(&until(200, probing()), Some(&last));
    assert!(matches!(failing, Diagnosis::Failing { .. }), "{failing:?}");
}

#[test]
fn a_disabled_webhook_is_disabled_whatever_its_health() {
    let state = WebhookState::Disabled(Disablement {
        since: at(60),
        reason: DisableReason::Gone,
    });
    let last = answered(60, 410);
    let disabled = Diagnosis::Disabled {
        since: at(60),
        reason: DisableReason::Gone,
        last: Some(AttemptFailure::Status(410)),
        pending_count: 3,
    };
    assert_eq!(of(&state, &probing(), Some(&last)), disabled);
}

#[test]
fn a_receiver_that_refuses_some_types_is_refusing_until_it_fails_otherwise() {
    let action_types = vec!["test.refused".parse().unwrap()];
    let diagnose = |health: &LaneHealth| {
        let input = DiagnosisInput {
            state: &WebhookState::Enabled,
            health,
            refused_action_types: &action_types,
            pending_count: 1,
            next_attempt: Some(at(140)),
            last_attempt: None,
        };
        Diagnosis::new(input, at(100))
    };
    let refusing = Diagnosis::Refusing {
        action_types: action_types.clone(),
        pending_count: 1,
        next_attempt: Some(at(140)),
    };
    // Whether or not the last answer was a refusal.
    assert_eq!(diagnose(&LaneHealth::default()), refusing);
    assert_eq!(diagnose(&failed(6, true)), refusing);
    let failing = LaneHealth {
        failing_streak: failed(1, false).streak,
        ..failed(6, true)
    };
    assert!(matches!(
        diagnose(&failing),
        Diagnosis::FailingRecently { failures: 6, .. }
    ));
}
