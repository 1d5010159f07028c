//! Switching off what keeps failing, through the running engine.

use std::time::Duration;

use jiff::SignedDuration;
use sonnette::clock::{Clock, SystemClock};
use sonnette::domain::{
    Alert, AlertKind, AlertResult, AlertRules, DisableReason, Disabled, WebhookId, WebhookState,
};
use sonnette::store::{AlertStore, DeliveryAdmin};
use sonnette::testing::{Answer, Receiver};

use crate::world::World;

const PLACED: &str = "pretix.event.order.placed";

fn alerts(world: &World) -> Vec<Alert> {
    let later = SystemClock.now() + Duration::from_hours(1000);
    world.store.due_alerts(later, 100).unwrap()
}

fn kinds(world: &World) -> Vec<AlertKind> {
    alerts(world).iter().map(|alert| alert.kind).collect()
}

/// Publishes one order and waits until its first attempt has been settled.
async fn order(world: &World, webhook: WebhookId, count: usize) {
    world.order(&format!("A{count}")).await;
    world.settled(webhook, count).await;
}

#[tokio::test]
async fn failures_in_a_row_over_all_deliveries_switch_off_once() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path());
    world.disable_after(3, 0);
    let receiver = Receiver::start().await;
    let bad = || Answer::status(500);
    receiver.script([bad(), bad(), Answer::ok(), bad(), bad(), bad()]);
    let webhook = world.add_webhook(&receiver.url_of("/in?key=hush"), &[PLACED]);
    for count in 1..=5 {
        order(&world, webhook, count).await;
        assert_eq!(world.disabled(webhook), None, "after {count}");
    }
    order(&world, webhook, 6).await;
    assert_eq!(world.disabled(webhook), Some(DisableReason::Failures));
    assert_eq!(world.order("B").await.deliveries, 0);

    // Exactly one alert, with what its reader needs and without the query.
    let alerts = alerts(&world);
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    let alert = &alerts[0];
    assert_eq!((alert.kind, alert.failures), (AlertKind::Failures, 3));
    assert_eq!((alert.return_code, &alert.reason), (500, &None));
    assert_eq!(alert.target, receiver.url_of("/in"));
    assert_eq!(alert.recipients, ["ops@example.org"]);
    assert_eq!(alert.pending, alert.recipients);

    // What waits is held, and goes when the webhook is switched on, whatever its schedule said.
    assert_eq!(world.store.backlog(webhook).unwrap().0, 5);
    assert_eq!(receiver.requests().len(), 6);
    receiver.answer(Answer::ok());
    world.change_webhook(webhook, |w| w.state = WebhookState::Enabled);
    receiver.wait_for(11).await;
    world.settled(webhook, 11).await;
    assert_eq!(world.store.backlog(webhook).unwrap().0, 0);
    let lane = world.sonnette.lane(webhook).await.unwrap();
    assert_eq!(lane.health.consecutive_failures(), 0);
    world.sonnette.stop().await;
}

#[tokio::test]
async fn what_waits_for_its_time_goes_when_a_hand_switches_on_again() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path());
    let receiver = Receiver::start().await;
    receiver.script([Answer::status(500), Answer::status(500), Answer::ok()]);
    let webhook = world.add_webhook(&receiver.url(), &[PLACED]);
    let published = world.order("A").await;
    world.settled(webhook, 1).await;
    world.sonnette.resend(webhook, published.id).await.unwrap();
    world.settled(webhook, 2).await;
    // The third try is due in half a minute.
    let off = Disabled {
        since: SystemClock.now(),
        reason: DisableReason::User,
    };
    world.change_webhook(webhook, |w| w.state = WebhookState::Disabled(off));
    world.change_webhook(webhook, |w| w.state = WebhookState::Enabled);
    receiver.wait_for(3).await;
    assert_eq!(kinds(&world), []);
    world.sonnette.stop().await;
}

#[tokio::test]
async fn the_least_time_must_have_passed_too() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path());
    world.disable_after(2, 3600);
    let receiver = Receiver::start().await;
    receiver.answer(Answer::status(500));
    let webhook = world.add_webhook(&receiver.url(), &[PLACED]);
    for count in 1..=4 {
        order(&world, webhook, count).await;
    }
    assert_eq!(world.disabled(webhook), None);
    world.sonnette.stop().await;
}

#[tokio::test]
async fn a_restart_forgets_no_failure() {
    let directory = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    receiver.answer(Answer::status(500));
    let world = World::start(directory.path());
    world.disable_after(3, 0);
    let webhook = world.add_webhook(&receiver.url(), &[PLACED]);
    order(&world, webhook, 1).await;
    order(&world, webhook, 2).await;
    world.sonnette.stop().await;
    drop(world);

    let world = World::start(directory.path());
    order(&world, webhook, 3).await;
    assert_eq!(world.disabled(webhook), Some(DisableReason::Failures));
    assert_eq!(alerts(&world)[0].failures, 3);
    world.sonnette.stop().await;
}

#[tokio::test]
async fn three_days_without_a_success_are_enough_too() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path());
    world.disable_after(1_000, 0);
    let receiver = Receiver::start().await;
    receiver.answer(Answer::status(500));
    let webhook = world.add_webhook(&receiver.url(), &[PLACED]);
    order(&world, webhook, 1).await;
    let after = SystemClock.now() + SignedDuration::from_hours(73);
    assert!(!world.store.disable_never_succeeded(webhook, after).unwrap());
    assert_eq!(world.store.expire_deliveries(webhook, after).unwrap(), 1);
    assert!(world.store.disable_never_succeeded(webhook, after).unwrap());
    assert!(!world.store.disable_never_succeeded(webhook, after).unwrap());
    assert_eq!(world.disabled(webhook), Some(DisableReason::Failures));
    assert_eq!(kinds(&world), [AlertKind::Failures]);
    world.sonnette.stop().await;
}

#[tokio::test]
async fn a_warning_comes_once_half_way() {
    let directory = tempfile::tempdir().unwrap();
    let rules = AlertRules {
        warning: true,
        ..AlertRules::default()
    };
    let world = World::start_with(directory.path(), rules);
    world.disable_after(4, 0);
    let receiver = Receiver::start().await;
    receiver.answer(Answer::status(500));
    let webhook = world.add_webhook(&receiver.url(), &[PLACED]);
    let (warning, off) = (AlertKind::Warning, AlertKind::Failures);
    for (count, owed) in [&[][..], &[warning], &[warning], &[warning, off]]
        .iter()
        .enumerate()
    {
        order(&world, webhook, count + 1).await;
        assert_eq!(kinds(&world), *owed, "after {}", count + 1);
    }
    world.sonnette.stop().await;
}

#[tokio::test]
async fn gone_tells_the_contacts_of_the_webhook_unless_that_is_off() {
    for on_gone in [true, false] {
        let directory = tempfile::tempdir().unwrap();
        let rules = AlertRules {
            on_gone,
            ..AlertRules::default()
        };
        let world = World::start_with(directory.path(), rules);
        world.disable_after(20, 3600);
        let receiver = Receiver::start().await;
        receiver.answer(Answer::status(410));
        let webhook = world.add_webhook(&receiver.url(), &[PLACED]);
        let contact = vec!["erp@example.org".to_owned()];
        world.change_webhook(webhook, |w| w.settings.contact_emails.clone_from(&contact));
        order(&world, webhook, 1).await;
        assert_eq!(world.disabled(webhook), Some(DisableReason::Gone));
        let owed: Vec<_> = alerts(&world)
            .into_iter()
            .map(|a| (a.kind, a.recipients))
            .collect();
        let expected = if on_gone {
            vec![(AlertKind::Gone, contact)]
        } else {
            vec![]
        };
        assert_eq!(owed, expected);
        world.sonnette.stop().await;
    }
}

#[tokio::test]
async fn an_alert_waits_for_its_time_and_ends_once() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path());
    world.disable_after(1, 0);
    let receiver = Receiver::start().await;
    receiver.answer(Answer::status(500));
    let webhook = world.add_webhook(&receiver.url(), &[PLACED]);
    order(&world, webhook, 1).await;
    let now = SystemClock.now();
    let alert = world.store.due_alerts(now, 9).unwrap().remove(0);
    let end = alert.after_failure(alert.pending.clone(), "no server".to_owned(), now);
    world
        .store
        .record_alert_result(alert.id, &end, now)
        .unwrap();
    assert_eq!(world.store.due_alerts(now, 9).unwrap(), []);
    let again = alerts(&world).remove(0);
    assert_eq!((again.id, again.tries), (alert.id, 1));
    world
        .store
        .record_alert_result(alert.id, &AlertResult::Sent, now)
        .unwrap();
    world
        .store
        .record_alert_result(alert.id, &end, now)
        .unwrap();
    assert_eq!(alerts(&world), []);
    world.sonnette.stop().await;
}
