//! A lane while the clock is wrong, or the machine lacks something.

use std::time::Duration;

use jiff::SignedDuration;

use super::LaneAction;
use super::tests::{NEVER, at, delivery, failing, id, opened, page, plain, sent};
use crate::domain::{ClockReading, Outcome, ProbeSchedule};

#[test]
fn a_clock_that_was_ahead_delays_no_probe_by_more_than_its_wait() {
    let mut lane = failing(at(86_400_000));
    let LaneAction::SleepUntil(until) = lane.next_action(&plain(), at(0), 0) else {
        panic!("it should sleep")
    };
    assert_eq!(until, at(0) + ProbeSchedule::FIRST_WAIT);
    assert!(matches!(
        lane.next_action(&plain(), until, 0),
        LaneAction::LoadProbeCandidates(..)
    ));
}

#[test]
fn a_clock_that_is_set_back_makes_no_pause_longer() {
    let mut lane = opened();
    lane.push_committed(delivery(1), true);
    let (before, after) = (at(7_200_000), at(0));
    let order = sent(lane.next_action(&plain(), before, 0));
    let busy = Outcome::Answered {
        status: 429,
        retry_after: Some(Duration::from_secs(6)),
    };
    lane.apply_outcome(&order, &busy, Duration::ZERO, NEVER, 64, before, 0.5);
    assert_eq!(
        lane.next_action(&plain(), after, 0),
        LaneAction::SleepUntil(after + Duration::from_secs(6))
    );
}

#[test]
fn while_the_clock_is_ahead_nothing_expires() {
    let mut lane = opened();
    lane.push_committed(delivery(1), true);
    let reading = ClockReading {
        now: at(1) + SignedDuration::from_hours(24 * 400),
        trusted: at(2),
    };
    sent(lane.next_action(&plain(), reading, 0));
}

#[test]
fn a_shortage_postpones_a_delivery_and_counts_no_attempt() {
    let mut lane = opened();
    lane.push_committed(delivery(1), true);
    let order = sent(lane.next_action(&plain(), at(1), 0));
    lane.postpone_order(&order, at(1_001));
    let next = lane.next_action(&plain(), at(2), 0);
    assert_eq!(next, LaneAction::SleepUntil(at(1_001)));
    assert!(matches!(
        lane.next_action(&plain(), at(1_001), 0),
        LaneAction::Load(..)
    ));
    lane.apply_page(page([1]), at(1_001));
    let order = sent(lane.next_action(&plain(), at(1_001), 0));
    assert_eq!((id(&order), order.delivery.progress.attempts), (1, 0));
}
