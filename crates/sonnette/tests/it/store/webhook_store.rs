//! Webhooks, and the outcomes of requests that were sent before a change of them.

use std::collections::BTreeSet;
use std::time::Duration;

use sonnette::domain::{
    DeliveryProgress, DeliveryState, DisableReason, Disablement, EventFilter, ExtraHeader,
    FailureStreak, LaneHealth, Secret, SignatureScheme, SigningSeed, SigningSeeds, Webhook,
    WebhookState,
};
use sonnette::store::{ChangeResult, DeliveryUpdate};

use super::fixture::{
    Fixture, at, change, disabling, done, loaded_webhook, of_generation, settlement, with_health,
};
use super::registry_store::event;
use crate::test_engine::{note, webhook};

pub(super) fn a_webhook_is_read_as_it_was_written(fixture: &Fixture<'_>) {
    let slug: sonnette::domain::EventSlug = "democon".parse().unwrap();
    done(
        fixture
            .store
            .add_event(fixture.organizer, &event("democon", "", None), note())
            .unwrap(),
    );
    let mut given = webhook(
        fixture.organizer,
        "https://user:p%40ss@example.com/a?b=c",
        &["a.b", "a.b", "c.*"],
    );
    given.events = EventFilter::Only(BTreeSet::from([slug]));
    given.comment = Some(String::new());
    given.state = WebhookState::Disabled(Disablement {
        since: at(1),
        reason: DisableReason::User,
    });
    given.secrets.previous = Some((Secret::from_random([9; 32]), at(5)));
    given.settings.headers = vec![ExtraHeader {
        name: "X-Till".to_owned(),
        value: "7".to_owned(),
    }];
    given.settings.max_per_second = Some(10_000);
    given.settings.max_concurrency = Some(1);
    given.settings.timeout = Some(Duration::from_secs(30));
    given.settings.extra_signatures =
        BTreeSet::from([SignatureScheme::Creads, SignatureScheme::Ed25519]);
    given.settings.signing_seeds = Some(SigningSeeds {
        current: SigningSeed([1; 32]),
        previous: Some((SigningSeed([2; 32]), at(5))),
    });
    given.settings.contact_emails = vec!["a@example.com".to_owned()];
    let added = fixture.store.add_webhook(&given, note(), None).unwrap();
    given.id = added.id;
    assert_eq!(added, given);
    assert_eq!(loaded_webhook(fixture, added.id), given);

    let plain = webhook(fixture.organizer, "http://localhost/", &[]);
    let changed = change(fixture, added.id, |w| {
        *w = Webhook {
            id: w.id,
            ..plain.clone()
        }
    });
    assert_eq!(loaded_webhook(fixture, added.id), changed);
    assert_eq!((changed.comment, changed.settings), (None, plain.settings));
}

pub(super) fn a_change_may_be_refused(fixture: &Fixture<'_>) {
    let id = fixture.add_webhook();
    let before = (
        fixture.store.version().unwrap(),
        loaded_webhook(fixture, id),
    );
    let mut refuse = |w: &mut Webhook| {
        w.comment = Some("no".to_owned());
        false
    };
    let refused = fixture
        .store
        .change_webhook(fixture.organizer, id, &mut refuse, note(), None)
        .unwrap();
    assert_eq!(refused, ChangeResult::Refused);
    let elsewhere = fixture.add_organizer("other");
    let version = fixture.store.version().unwrap();
    let missing = fixture
        .store
        .change_webhook(elsewhere, id, &mut |_| true, note(), None)
        .unwrap();
    assert_eq!(missing, ChangeResult::Missing);
    assert_eq!(loaded_webhook(fixture, id), before.1);
    // Without a change only the entry is written, and the version stays.
    change(fixture, id, |_| {});
    assert_eq!(fixture.store.version().unwrap(), version);
}

pub(super) fn a_new_target_or_reenabling_resets_the_health(fixture: &Fixture<'_>) {
    let id = fixture.add_webhook();
    let notification = fixture.publish(&[id], &[0])[0];
    let streak = FailureStreak {
        failures: 9,
        since: at(0),
        first_notification: notification,
        has_several_notifications: true,
    };
    let ill = LaneHealth {
        streak: Some(streak),
        ..LaneHealth::default()
    };
    let off = WebhookState::Disabled(Disablement {
        since: at(0),
        reason: DisableReason::User,
    });
    let health_after = |change_it: &dyn Fn(&mut Webhook)| {
        fixture.settle(
            vec![of_generation(
                with_health(settlement(id, notification, 1, None), ill),
                loaded_webhook(fixture, id).generation,
            )],
            at(1),
        );
        change(fixture, id, change_it);
        fixture.store.lane(id).unwrap().health
    };
    assert_eq!(health_after(&|w| w.comment = Some("c".to_owned())), ill);
    assert_eq!(health_after(&|w| w.state = off.clone()), ill);
    assert_eq!(
        health_after(&|w| w.state = WebhookState::Enabled),
        LaneHealth::default()
    );
    assert_eq!(
        health_after(&|w| w.target = "http://localhost/new".parse().unwrap()),
        LaneHealth::default()
    );
}

pub(super) fn an_outcome_of_a_former_generation_changes_no_health_and_disables_nothing(
    fixture: &Fixture<'_>,
) {
    let id = fixture.add_webhook();
    let notification = fixture.publish(&[id], &[0])[0];
    let streak = FailureStreak {
        failures: 9,
        since: at(0),
        first_notification: notification,
        has_several_notifications: true,
    };
    let ill = LaneHealth {
        streak: Some(streak),
        ..LaneHealth::default()
    };
    let retry_at = at(60);
    let waits = DeliveryUpdate::Reschedule(DeliveryProgress {
        attempts: 1,
        scheduled_tries: 1,
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
