//! Which deliveries probes take, and what refusals do to a lane.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::tests::{at, delivery, failing, finish, id, opened, plain, sent};
use super::{Lane, LaneAction, ProbeCandidates};
use crate::domain::{Notification, ProbeSchedule};
use crate::store::{ActionTypeResponse, DeliveryPage, PendingDelivery};

fn typed(id: i64, action_type: &str, attempts: u32) -> PendingDelivery {
    let mut delivery = delivery(id);
    delivery.notification = Arc::new(Notification {
        action_type: action_type.parse().unwrap(),
        ..(*delivery.notification).clone()
    });
    delivery.progress.attempts = attempts;
    delivery
}

/// A store of deliveries, each with its action type, that counts attempts.
struct Waiting(Vec<PendingDelivery>);

impl Waiting {
    /// Runs the lane until its next probe, and returns the delivery of it and when it was sent. The receiver answers with
    /// the status.
    fn probe(&mut self, lane: &mut Lane, now: &mut Timestamp, status: u16) -> i64 {
        loop {
            match lane.next_action(&plain(), *now, u64::MAX) {
                LaneAction::LoadProbeCandidates(after, _) => {
                    let is_after = |d: &&PendingDelivery| {
                        after.is_none_or(|cursor| (d.progress.due_at, d.notification.id) > cursor)
                    };
                    let next = DeliveryPage {
                        deliveries: self.0.iter().filter(is_after).take(2).cloned().collect(),
                        next_due_at: None,
                    };
                    let newest = self.0.iter().rev().take(2).cloned().collect();
                    lane.probe_candidates_loaded(ProbeCandidates { next, newest }, *now);
                }
                LaneAction::SleepUntil(until) => *now = until,
                LaneAction::Send(order) => {
                    finish(lane, &order, status, *now);
                    lane.add_settlement(1, order.delivery.notification.id, 1);
                    let sent = self.0.iter_mut();
                    let mut sent =
                        sent.filter(|d| d.notification.id == order.delivery.notification.id);
                    sent.next().unwrap().progress.attempts += 1;
                    return id(&order);
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn probes_take_what_was_never_tried_first_and_the_rest_in_rotation() {
    let mut waiting = Waiting(vec![
        typed(1, "a.a", 3),
        typed(2, "a.a", 1),
        typed(3, "a.a", 1),
        typed(4, "a.a", 0),
    ]);
    let (mut lane, mut now) = (failing(at(0)), at(10));
    let mut probed = Vec::new();
    for _ in 0..6 {
        probed.push(waiting.probe(&mut lane, &mut now, 500));
    }
    assert_eq!(probed, [4, 1, 2, 3, 4, 1]);
    // Published while the lane is failing: it goes before the others.
    waiting.0.push(typed(5, "a.a", 0));
    assert_eq!(waiting.probe(&mut lane, &mut now, 500), 5);
    assert_eq!(waiting.probe(&mut lane, &mut now, 500), 2);
}

#[test]
fn a_refused_probe_leaves_the_wait_and_has_other_types_go_first() {
    let mut waiting = Waiting(vec![
        typed(1, "a.refused", 0),
        typed(2, "a.refused", 0),
        typed(3, "a.refused", 0),
        typed(4, "a.failing", 1),
    ]);
    let (mut lane, mut now) = (failing(at(0)), at(10));
    let first = waiting.probe(&mut lane, &mut now, 400);
    assert_eq!(first, 1, "nothing was refused yet");
    let sent_at = now;
    let mut probed = Vec::new();
    for _ in 0..6 {
        let status = if probed.len() % 2 == 0 { 500 } else { 400 };
        probed.push(waiting.probe(&mut lane, &mut now, status));
        if probed.len() == 1 {
            assert_eq!(now, sent_at + ProbeSchedule::FIRST_WAIT, "as before");
        }
    }
    assert!(lane.health().is_failing());
    // The one of another type every second time, so that it holds nobody; the others in rotation.
    assert_eq!(probed, [4, 2, 4, 3, 4, 1]);
    // The first success opens the lane, of whatever type.
    waiting.0.push(typed(5, "a.failing", 0));
    assert_eq!(waiting.probe(&mut lane, &mut now, 200), 5);
    assert!(!lane.health().is_failing());
}

#[test]
fn an_hour_after_its_refusal_a_type_has_its_turn() {
    let mut waiting = Waiting(vec![typed(1, "a.refused", 0), typed(2, "a.b", 1)]);
    let (mut lane, mut now) = (failing(at(0)), at(10));
    assert_eq!(waiting.probe(&mut lane, &mut now, 404), 1);
    waiting.0.push(typed(3, "a.refused", 0));
    assert_eq!(
        waiting.probe(&mut lane, &mut now, 500),
        2,
        "not the refused"
    );
    now += SignedDuration::from_hours(1);
    assert_eq!(waiting.probe(&mut lane, &mut now, 500), 3, "never tried");
}

#[test]
fn refusals_hold_nothing_and_slow_nothing_down() {
    let mut lane = opened();
    let mut sent_at_once = 0;
    for number in 1..=70 {
        let (action_type, status) = if number % 7 == 0 {
            ("a.wanted", 200)
        } else {
            ("a.refused", 400)
        };
        lane.push_committed(typed(number, action_type, 0), true);
        let order = sent(lane.next_action(&plain(), at(number), 0));
        assert_eq!(id(&order), number);
        let effects = finish(&mut lane, &order, status, at(number));
        assert!(!effects.must_hold);
        let expected = (status == 400).then_some(ActionTypeResponse::Refused);
        assert_eq!(effects.action_type, expected, "of {number}");
        sent_at_once += 1;
    }
    assert_eq!(sent_at_once, 70);
    assert!(!lane.health().is_failing());
    // As many at a time as at the start.
    for number in 101..=110 {
        lane.push_committed(typed(number, "a.wanted", 0), true);
    }
    let mut in_flight = Vec::new();
    while let LaneAction::Send(order) = lane.next_action(&plain(), at(200), 0) {
        in_flight.push(order);
    }
    assert!(in_flight.len() >= 4, "{} at a time", in_flight.len());
}

#[test]
fn a_type_that_is_accepted_again_is_no_longer_refused() {
    let mut lane = opened();
    let mut responses = Vec::new();
    for (number, status) in [(1, 422), (2, 500), (3, 200), (4, 200)] {
        lane.push_committed(typed(number, "a.b", 0), true);
        let order = sent(lane.next_action(&plain(), at(number), 0));
        responses.push(finish(&mut lane, &order, status, at(number)).action_type);
    }
    let (refused, accepted) = (ActionTypeResponse::Refused, ActionTypeResponse::Accepted);
    assert_eq!(responses, [Some(refused), None, Some(accepted), None]);
}
