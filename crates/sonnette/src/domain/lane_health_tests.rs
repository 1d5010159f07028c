use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second)
}

proptest! {
    #[test]
    fn a_lane_is_silent_until_both_the_pause_and_the_probe_allow(pause in proptest::option::of(0_i64..1_000), probe in proptest::option::of(0_i64..1_000)) {
        let probe_schedule = probe.map(|second| ProbeSchedule { since: at(0), next_at: at(second), wait: ProbeSchedule::FIRST_WAIT });
        let health = LaneHealth { paused_until: pause.map(at), probe_schedule, ..LaneHealth::default() };
        prop_assert_eq!(health.silent_until(), pause.max(probe).map(at));
        prop_assert_eq!(health.is_failing(), probe.is_some());
    }

    #[test]
    fn waits_between_probes_rise_and_stay_within_their_bounds(ends in proptest::collection::vec(0_i64..100_000, 1..20)) {
        let mut schedule = ProbeSchedule::start(at(0));
        for end in ends {
            let next = schedule.after_failed_probe(at(end));
            prop_assert!(next.wait >= schedule.wait && next.wait <= ProbeSchedule::MAX_WAIT);
            prop_assert_eq!(next.next_at, at(end) + next.wait);
            prop_assert_eq!(next.since, at(0));
            schedule = next;
        }
    }
}

#[test]
fn a_lane_without_attempts_is_healthy() {
    let health = LaneHealth::default();
    assert!(!health.is_failing());
    assert_eq!(health.consecutive_failures(), 0);
    assert_eq!(health.silent_until(), None);
}
