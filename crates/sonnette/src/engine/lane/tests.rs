//! One lane, step by step; what it reads and sends is played by the test.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::action::OutcomeEffects;
use super::{Lane, LaneAction, ProbeCandidates, SendOrder};
use crate::domain::{
    AttemptKind, DeliveryProgress, EventFilter, FailurePolicy, FailureStreak, LaneHealth,
    Notification, NotificationId, OrganizerId, Outcome, PayloadShape, ProbeSchedule,
    RefusedActionTypes, Secret, Secrets, Webhook, WebhookId, WebhookSettings, WebhookState,
};
use crate::store::{DeliveryPage, DeliveryUpdate, PendingDelivery, StoredLane};

pub(super) const NEVER: FailurePolicy = FailurePolicy::Never;

pub(super) fn at(millis: i64) -> Timestamp {
    let noon: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    noon + SignedDuration::from_millis(millis)
}

fn webhook(settings: WebhookSettings) -> Webhook {
    Webhook {
        id: WebhookId(1),
        organizer: OrganizerId(1),
        state: WebhookState::Enabled,
        target: "http://localhost/".parse().unwrap(),
        generation: 0,
        events: EventFilter::All,
        action_types: Vec::new(),
        comment: None,
        secrets: Secrets {
            current: Secret::from_random([1; 32]),
            previous: None,
        },
        settings,
    }
}

pub(super) fn plain() -> Webhook {
    webhook(WebhookSettings::default())
}

/// A delivery published so many milliseconds after noon as its id says.
pub(super) fn delivery(id: i64) -> PendingDelivery {
    large(id, 2)
}

pub(super) fn large(id: i64, bytes: usize) -> PendingDelivery {
    PendingDelivery {
        notification: Arc::new(Notification {
            id: NotificationId(id),
            organizer: OrganizerId(1),
            action_type: "test.happened".parse().unwrap(),
            event: None,
            published_at: at(id),
            shape: PayloadShape::Custom,
            body: vec![b' '; bytes].into(),
        }),
        progress: DeliveryProgress::new(at(id)),
    }
}

pub(super) fn page(ids: impl IntoIterator<Item = i64>) -> DeliveryPage {
    DeliveryPage {
        deliveries: ids.into_iter().map(delivery).collect(),
        next_due_at: None,
    }
}

fn row(health: LaneHealth) -> StoredLane {
    StoredLane {
        generation: 0,
        webhook: WebhookId(1),
        health,
        last_success_at: health.last_success_at,
        receiver_since: at(0),
        refused_types: RefusedActionTypes::default(),
        next_due_at: None,
        last_attempt: None,
    }
}

/// A healthy lane that has seen that nothing is in the store.
pub(super) fn opened() -> Lane {
    let mut lane = Lane::new(&row(LaneHealth::default()));
    assert!(matches!(
        lane.next_action(&plain(), at(0), 0),
        LaneAction::Load(None, _)
    ));
    lane.apply_page(DeliveryPage::default(), at(0));
    lane
}

pub(super) fn failing(next_at: Timestamp) -> Lane {
    let streak = Some(FailureStreak {
        failures: 5,
        since: at(0),
        first_notification: NotificationId(1),
        has_several_notifications: true,
    });
    Lane::new(&row(LaneHealth {
        streak,
        failing_streak: streak,
        probe_schedule: Some(ProbeSchedule {
            since: at(0),
            next_at,
            wait: ProbeSchedule::FIRST_WAIT,
        }),
        ..LaneHealth::default()
    }))
}

pub(super) fn sent(step: LaneAction) -> SendOrder {
    match step {
        LaneAction::Send(order) => order,
        other => panic!("it should send: {other:?}"),
    }
}

pub(super) fn id(order: &SendOrder) -> i64 {
    order.delivery.notification.id.0
}

pub(super) fn finish(
    lane: &mut Lane,
    order: &SendOrder,
    status: u16,
    now: Timestamp,
) -> OutcomeEffects {
    let outcome = Outcome::Answered {
        status,
        retry_after: None,
    };
    let took = Duration::from_millis(1);
    lane.apply_outcome(order, &outcome, took, NEVER, 64, now, 0.5)
}

/// Sends all that the lane gives without waiting.
fn send_all(lane: &mut Lane, webhook: &Webhook, now: Timestamp) -> Vec<SendOrder> {
    let mut orders = Vec::new();
    while let LaneAction::Send(order) = lane.next_action(webhook, now, 0) {
        orders.push(order);
    }
    orders
}

#[test]
fn one_at_a_time_keeps_the_order_of_publication() {
    let webhook = webhook(WebhookSettings {
        max_concurrency: Some(1),
        ..WebhookSettings::default()
    });
    let mut lane = opened();
    for id in 1..=50 {
        lane.push_committed(delivery(id), true);
    }
    for expected in 1..=50 {
        let order = sent(lane.next_action(&webhook, at(100), 0));
        assert_eq!(id(&order), expected);
        assert_eq!(
            lane.next_action(&webhook, at(100), 0),
            LaneAction::Idle,
            "one at a time"
        );
        finish(&mut lane, &order, 200, at(100));
        lane.add_settlement(expected.cast_unsigned(), NotificationId(expected), 0);
    }
    assert_eq!(lane.next_action(&webhook, at(100), 50), LaneAction::Idle);
}

#[test]
fn deliveries_beyond_the_queue_are_loaded_from_the_store() {
    let mut lane = opened();
    lane.push_committed(delivery(1), true);
    lane.push_committed(delivery(2), false);
    // Room again, but 2 is older: 3 waits for it in the store.
    lane.push_committed(delivery(3), true);
    assert!(lane.queued_bytes() > 0);
    assert!(matches!(
        lane.next_action(&plain(), at(10), 0),
        LaneAction::Load(None, _)
    ));
    lane.apply_page(page([1, 2, 3]), at(10));
    let orders = send_all(&mut lane, &plain(), at(10));
    assert_eq!(orders.iter().map(id).collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn a_full_lane_keeps_a_bounded_part_in_memory() {
    let mut lane = opened();
    for id in 1..=100 {
        lane.push_committed(large(id, 256 << 10), true);
    }
    let held = lane.queued_bytes();
    assert!(held <= 3 << 20, "{held} bytes");
}

#[test]
fn a_page_of_known_deliveries_is_skipped_and_not_loaded_again() {
    let mut lane = opened();
    lane.push_committed(delivery(1), true);
    lane.push_committed(delivery(2), true);
    let under_way = send_all(&mut lane, &plain(), at(10));
    lane.request_reload(None);
    assert!(matches!(
        lane.next_action(&plain(), at(10), 0),
        LaneAction::Load(None, _)
    ));
    let mut full = page([1, 2]);
    full.next_due_at = Some(at(3));
    lane.apply_page(full, at(10));
    let LaneAction::Load(after, _) = lane.next_action(&plain(), at(10), 0) else {
        panic!("there is more")
    };
    assert_eq!(after, Some((at(2), NotificationId(2))));
    lane.apply_page(page([3]), at(10));
    assert_eq!(id(&sent(lane.next_action(&plain(), at(10), 0))), 3);
    // What became due before it meanwhile is looked for from the beginning.
    assert!(matches!(
        lane.next_action(&plain(), at(1_010), 0),
        LaneAction::Load(None, _)
    ));
    drop(under_way);
}

#[test]
fn a_delivery_handed_over_late_is_not_sent_twice() {
    let mut lane = opened();
    lane.request_reload(None);
    assert!(matches!(
        lane.next_action(&plain(), at(10), 0),
        LaneAction::Load(..)
    ));
    lane.apply_page(page([1]), at(10));
    let order = sent(lane.next_action(&plain(), at(10), 0));
    finish(&mut lane, &order, 200, at(20));
    lane.add_settlement(1, NotificationId(1), 1);
    // Committed, read, sent and settled before its offer comes.
    lane.push_committed(delivery(1), true);
    assert_eq!(lane.queued_bytes(), 0);
    assert!(
        matches!(lane.next_action(&plain(), at(20), 1), LaneAction::Load(..)),
        "the store knows better"
    );
}

#[test]
fn known_deliveries_are_not_taken_from_a_page() {
    let mut lane = opened();
    lane.push_committed(delivery(1), true);
    let order = sent(lane.next_action(&plain(), at(10), 0));
    lane.request_reload(None);
    assert!(matches!(
        lane.next_action(&plain(), at(10), 0),
        LaneAction::Load(..)
    ));
    // The page was read while the request was under way, and is looked at after its settlement.
    finish(&mut lane, &order, 200, at(20));
    lane.add_settlement(1, NotificationId(1), 1);
    lane.apply_page(page([1]), at(10));
    assert!(send_all(&mut lane, &plain(), at(20)).is_empty());
}

#[test]
fn a_stale_page_is_read_again() {
    let mut lane = opened();
    lane.request_reload(None);
    assert!(matches!(
        lane.next_action(&plain(), at(10), 0),
        LaneAction::Load(..)
    ));
    lane.pause();
    assert_eq!(lane.next_action(&plain(), at(10), 0), LaneAction::Idle);
    lane.apply_page(page([1, 2]), at(10));
    assert_eq!(
        lane.queued_bytes(),
        0,
        "it has been dropped from the store since"
    );
    lane.resume(NotificationId(2));
    lane.push_committed(delivery(2), true);
    assert_eq!(lane.queued_bytes(), 0, "it came late");
    assert!(matches!(
        lane.next_action(&plain(), at(10), 0),
        LaneAction::Load(..)
    ));
}

#[test]
fn a_lane_paused_twice_must_be_resumed_twice() {
    let mut lane = opened();
    lane.pause();
    lane.pause();
    lane.resume(NotificationId(1));
    assert_eq!(lane.next_action(&plain(), at(10), 0), LaneAction::Idle);
    lane.resume(NotificationId(1));
    assert!(matches!(
        lane.next_action(&plain(), at(10), 0),
        LaneAction::Load(..)
    ));
}

#[test]
fn a_rate_limit_spaces_requests() {
    let webhook = webhook(WebhookSettings {
        max_per_second: Some(10),
        ..WebhookSettings::default()
    });
    let mut lane = opened();
    for id in 1..=30 {
        lane.push_committed(delivery(id), true);
    }
    let (mut now, mut times) = (at(1_000), Vec::new());
    while times.len() < 30 {
        match lane.next_action(&webhook, now, 0) {
            LaneAction::Send(order) => {
                times.push(now);
                finish(&mut lane, &order, 200, now);
            }
            LaneAction::SleepUntil(until) => now = until,
            other => panic!("{other:?}"),
        }
    }
    for (place, time) in times.iter().enumerate() {
        let span = time.duration_since(times[0]).as_millis();
        let least = i128::try_from(place).unwrap() * 100 - 10;
        assert!(span >= least, "{place} requests within {span} ms");
    }
    let whole = times[29].duration_since(times[0]).as_millis();
    assert!(whole <= 2_900, "30 requests took {whole} ms");
    // The clock is set back by an hour: the next slot is not waited for as long.
    lane.push_committed(delivery(31), true);
    let earlier = now - SignedDuration::from_hours(1);
    if let LaneAction::SleepUntil(until) = lane.next_action(&webhook, earlier, 0) {
        assert!(until <= earlier + SignedDuration::from_secs(1));
    }
}

#[test]
fn probes_go_alone_and_in_rotation() {
    let mut lane = failing(at(0));
    let mut now = at(10);
    let mut probed = Vec::new();
    // Three wait in the store.
    let mut attempts = [0_u32; 3];
    while probed.len() < 7 {
        match lane.next_action(&plain(), now, 0) {
            LaneAction::LoadProbeCandidates(after, _) => {
                let candidates = |after: i64| {
                    let mut deliveries = page((1..=3).filter(|id| *id > after)).deliveries;
                    for delivery in &mut deliveries {
                        let place = usize::try_from(delivery.notification.id.0 - 1).unwrap();
                        delivery.progress.attempts = attempts[place];
                    }
                    deliveries
                };
                let next = DeliveryPage {
                    deliveries: candidates(after.map_or(0, |(_, id)| id.0)),
                    next_due_at: None,
                };
                let newest = candidates(0);
                lane.probe_candidates_loaded(ProbeCandidates { next, newest }, now);
            }
            LaneAction::Send(order) => {
                assert_eq!(order.kind, AttemptKind::Probe);
                assert_eq!(
                    lane.next_action(&plain(), now, 0),
                    LaneAction::Idle,
                    "alone"
                );
                probed.push(id(&order));
                attempts[usize::try_from(id(&order) - 1).unwrap()] += 1;
                finish(&mut lane, &order, 500, now);
                let number = probed.len() as u64;
                lane.add_settlement(number, order.delivery.notification.id, number);
            }
            LaneAction::SleepUntil(until) => {
                assert!(until > now && until <= now + ProbeSchedule::MAX_WAIT);
                now = until;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(probed, [1, 2, 3, 1, 2, 3, 1]);
}

#[test]
fn a_success_opens_the_lane() {
    let mut lane = failing(at(0));
    assert!(matches!(
        lane.next_action(&plain(), at(10), 0),
        LaneAction::LoadProbeCandidates(None, _)
    ));
    let next = page([1]);
    lane.probe_candidates_loaded(
        ProbeCandidates {
            next,
            newest: Vec::new(),
        },
        at(10),
    );
    let probe = sent(lane.next_action(&plain(), at(10), 0));
    let effects = finish(&mut lane, &probe, 200, at(20));
    assert!(!lane.health().is_failing());
    assert!(effects.changed_health.is_some(), "it is written down");
    assert!(matches!(
        lane.next_action(&plain(), at(20), 0),
        LaneAction::Load(None, _)
    ));
    lane.apply_page(page([2, 3, 4]), at(20));
    let orders = send_all(&mut lane, &plain(), at(20));
    assert_eq!(orders.len(), 1, "carefully at first");
    assert_eq!(orders[0].kind, AttemptKind::Due);
}

#[test]
fn five_failures_hold_the_queued_deliveries() {
    let mut lane = opened();
    for id in 1..=20 {
        lane.push_committed(delivery(id), true);
    }
    let mut holds = 0;
    for failure in 1..=5 {
        let order = sent(lane.next_action(&plain(), at(100), 0));
        let effects = finish(&mut lane, &order, 500, at(100));
        holds += u32::from(effects.must_hold);
        lane.add_settlement(failure, order.delivery.notification.id, failure);
    }
    assert!(lane.health().is_failing());
    assert_eq!((holds, lane.queued_bytes()), (1, 0));
    assert!(matches!(
        lane.next_action(&plain(), at(100), 5),
        LaneAction::SleepUntil(until) if until == at(5_100)
    ));
}

#[test]
fn a_delivery_sent_by_hand_does_not_wait_for_the_lane() {
    let mut lane = failing(at(900_000));
    lane.send_now(delivery(7), 0);
    let order = sent(lane.next_action(&plain(), at(10), 0));
    assert_eq!((id(&order), order.kind), (7, AttemptKind::Probe));
    lane.request_reload(Some(at(10)));
    finish(&mut lane, &order, 500, at(20));
    // Every delivery of it and a silence asked for before: at once, too.
    lane.request_reload(Some(at(30)));
    assert!(matches!(
        lane.next_action(&plain(), at(30), 0),
        LaneAction::LoadProbeCandidates(..)
    ));
}

#[test]
fn deliveries_older_than_three_days_are_given_up_unsent() {
    let mut lane = opened();
    lane.push_committed(delivery(1), true);
    let too_late = at(1) + SignedDuration::from_hours(72);
    assert_eq!(
        lane.next_action(&plain(), too_late, 0),
        LaneAction::Expire(NotificationId(1))
    );
}

#[test]
fn attempts_are_numbered_upwards_even_if_the_clock_goes_back() {
    let mut lane = opened();
    let first = lane.next_attempt_id(at(1_000));
    let second = lane.next_attempt_id(at(1_000));
    let third = lane.next_attempt_id(at(0));
    assert!(first < second && second < third);
}

#[test]
fn a_failure_of_the_former_target_does_not_count_for_the_new_one() {
    let mut lane = opened();
    lane.push_committed(delivery(1), true);
    let order = sent(lane.next_action(&plain(), at(1), 0));
    let moved = Webhook {
        generation: 1,
        ..plain()
    };
    lane.follow(&moved, at(1));
    let effects = finish(&mut lane, &order, 410, at(2));
    assert_eq!(effects.decision.disable, None);
    assert_eq!(effects.changed_health, None);
    assert_eq!(lane.health().streak, None);
    assert!(matches!(effects.update, DeliveryUpdate::Reschedule(_)));
}
