//! Outcomes of requests that were sent to a former target, or before the webhook was disabled or enabled.

use sonnette::domain::{
    DeliveryState, DisableReason, FailureStreak, LaneHealth, Progress, WebhookState,
};
use sonnette::store::DeliveryUpdate;

use super::fixture::{Fixture, at, disabling, of_generation, settlement, with_health};
use super::registry_store::{change, loaded_webhook};

pub(super) fn an_outcome_of_a_former_generation_changes_no_health_and_disables_nothing(
    fixture: &Fixture<'_>,
) {
    let id = fixture.add_webhook();
    let notification = fixture.publish(&[id], &[0])[0];
    let streak = FailureStreak {
        failures: 9,
        since: at(0),
        first: notification,
        several: true,
    };
    let ill = LaneHealth {
        streak: Some(streak),
        ..LaneHealth::default()
    };
    let retry_at = at(60);
    let waits = DeliveryUpdate::Reschedule(Progress {
        attempts: 1,
        tries: 1,
        started_at: at(0),
        due_at: retry_at,
    });
    let gone = disabling(
        with_health(settlement(id, notification, 1, Some(waits)), ill),
        DisableReason::Gone,
    );
    let moved = change(fixture, id, |w| {
        w.target = "http://localhost/new".parse().unwrap();
    });
    assert_eq!(moved.generation, 1);
    fixture.settle(vec![of_generation(gone.clone(), 0)], at(1));
    // The attempt and its delivery are written all the same.
    let delivery = fixture.store.delivery(id, notification).unwrap().unwrap();
    assert_eq!(delivery.attempts, 1);
    assert_eq!(
        delivery.state,
        DeliveryState::Scheduled { due_at: retry_at }
    );
    let lane = fixture.store.lane(id).unwrap();
    assert_eq!((lane.generation, lane.health), (1, LaneHealth::default()));
    assert!(loaded_webhook(fixture, id).is_enabled());

    fixture.settle(vec![of_generation(gone, 1)], at(2));
    let disabled = loaded_webhook(fixture, id);
    assert!(!disabled.is_enabled());
    assert_eq!(disabled.generation, 2);
    assert_eq!(change(fixture, id, |w| w.comment = None).generation, 2);
    let enabled = change(fixture, id, |w| w.state = WebhookState::Enabled);
    assert_eq!(enabled.generation, 3);
}
