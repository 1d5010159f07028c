//! Disabling webhooks that keep failing, through the running engine.

use std::time::Duration;

use jiff::SignedDuration;
use sonnette::clock::{Clock, SystemClock};
use sonnette::domain::{
    Alert, AlertKind, AlertResult, AlertRules, DisableReason, Disablement, WebhookId, WebhookState,
};
use sonnette::store::{AlertStore, DeliveryAdmin};
use sonnette::testing::{Gate, Receiver, ScriptedResponse};

use crate::test_engine::TestEngine;

const ORDER_PLACED: &str = "pretix.event.order.placed";

fn alerts(engine: &TestEngine) -> Vec<Alert> {
    let later = SystemClock.now() + Duration::from_hours(1000);
    engine.store.due_alerts(later, 100).unwrap()
}

fn kinds(engine: &TestEngine) -> Vec<AlertKind> {
    alerts(engine).iter().map(|alert| alert.kind).collect()
}

/// Publishes one order and waits until its first attempt has been settled.
async fn order(engine: &TestEngine, webhook: WebhookId, count: usize) {
    engine.order(&format!("A{count}")).await;
    engine.settled(webhook, count).await;
}

#[tokio::test]
async fn failures_in_a_row_disable_once() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start(directory.path());
    engine.disable_after(3, 0).await;
    let receiver = Receiver::start().await;
    let bad = || ScriptedResponse::status(500);
    receiver.script([bad(), bad(), ScriptedResponse::ok(), bad(), bad(), bad()]);
    let webhook = engine.add_webhook(&receiver.url_of("/in?key=hush"), &[ORDER_PLACED]);
    for count in 1..=5 {
        order(&engine, webhook, count).await;
        assert_eq!(engine.disabled(webhook).await, None, "after {count}");
    }
    order(&engine, webhook, 6).await;
    assert_eq!(
        engine.disabled(webhook).await,
        Some(DisableReason::Failures)
    );
    assert_eq!(engine.order("B").await.deliveries, 0);

    // Exactly one alert, with what its reader needs and without the query.
    let alerts = alerts(&engine);
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    let alert = &alerts[0];
    assert_eq!((alert.kind, alert.failures), (AlertKind::Failures, 3));
    assert_eq!((alert.return_code, &alert.reason), (500, &None));
    assert_eq!(alert.target, receiver.url_of("/in"));
    assert_eq!(alert.recipients, ["ops@example.org"]);
    assert_eq!(alert.pending_recipients, alert.recipients);

    // What waits is held, and goes when the webhook is enabled, whatever its schedule said.
    assert_eq!(engine.store.backlog(webhook).unwrap().0, 5);
    assert_eq!(receiver.requests().len(), 6);
    receiver.respond_with(ScriptedResponse::ok());
    engine
        .change_webhook(webhook, |w| w.state = WebhookState::Enabled)
        .await;
    receiver.wait_for(11).await;
    engine.settled(webhook, 11).await;
    assert_eq!(engine.store.backlog(webhook).unwrap().0, 0);
    let lane = engine.sonnette.lane_status(webhook).await.unwrap();
    assert_eq!(lane.health.consecutive_failures(), 0);
    engine.sonnette.stop().await;
}

#[tokio::test]
async fn a_webhook_that_cannot_be_disabled_goes_on_sending() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start(directory.path());
    let receiver = Receiver::start().await;
    let gate = Gate::new();
    receiver.script([
        ScriptedResponse::status(410).held_by(&gate),
        ScriptedResponse::ok(),
    ]);
    let webhook = engine.add_webhook(&receiver.url(), &[ORDER_PLACED]);
    engine.order("A1").await;
    receiver.wait_for(1).await;
    let damage = "UPDATE counters SET value = 'many' WHERE name = 'registry'";
    let database = rusqlite::Connection::open(directory.path().join("sonnette.db")).unwrap();
    assert_eq!(database.execute(damage, []).unwrap(), 1);
    gate.open();
    engine.settled(webhook, 1).await;
    // The next probe comes after five seconds. Meanwhile the store has repaired its counter.
    receiver.wait_for(2).await;
    engine.settled(webhook, 2).await;
    assert_eq!(engine.disabled(webhook).await, None);
    engine.order("A2").await;
    receiver.wait_for(3).await;
    engine.sonnette.stop().await;
}

#[tokio::test]
async fn enabling_sends_waiting_deliveries_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start(directory.path());
    let receiver = Receiver::start().await;
    receiver.script([
        ScriptedResponse::status(500),
        ScriptedResponse::status(500),
        ScriptedResponse::ok(),
    ]);
    let webhook = engine.add_webhook(&receiver.url(), &[ORDER_PLACED]);
    let published = engine.order("A").await;
    engine.settled(webhook, 1).await;
    engine.sonnette.resend(webhook, published.id).await.unwrap();
    engine.settled(webhook, 2).await;
    // The third try is due in half a minute.
    let off = Disablement {
        since: SystemClock.now(),
        reason: DisableReason::User,
    };
    engine
        .change_webhook(webhook, |w| w.state = WebhookState::Disabled(off))
        .await;
    engine
        .change_webhook(webhook, |w| w.state = WebhookState::Enabled)
        .await;
    receiver.wait_for(3).await;
    assert_eq!(kinds(&engine), []);
    engine.sonnette.stop().await;
}

#[tokio::test]
async fn disabling_needs_the_minimum_time() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start(directory.path());
    engine.disable_after(2, 3600).await;
    let receiver = Receiver::start().await;
    receiver.respond_with(ScriptedResponse::status(500));
    let webhook = engine.add_webhook(&receiver.url(), &[ORDER_PLACED]);
    for count in 1..=4 {
        order(&engine, webhook, count).await;
    }
    assert_eq!(engine.disabled(webhook).await, None);
    engine.sonnette.stop().await;
}

#[tokio::test]
async fn failures_survive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    receiver.respond_with(ScriptedResponse::status(500));
    let engine = TestEngine::start(directory.path());
    engine.disable_after(3, 0).await;
    let webhook = engine.add_webhook(&receiver.url(), &[ORDER_PLACED]);
    order(&engine, webhook, 1).await;
    order(&engine, webhook, 2).await;
    engine.sonnette.stop().await;
    drop(engine);

    let engine = TestEngine::start(directory.path());
    order(&engine, webhook, 3).await;
    assert_eq!(
        engine.disabled(webhook).await,
        Some(DisableReason::Failures)
    );
    assert_eq!(alerts(&engine)[0].failures, 3);
    engine.sonnette.stop().await;
}

#[tokio::test]
async fn three_days_without_a_success_disable() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start(directory.path());
    engine.disable_after(1_000, 0).await;
    let receiver = Receiver::start().await;
    receiver.respond_with(ScriptedResponse::status(500));
    let webhook = engine.add_webhook(&receiver.url(), &[ORDER_PLACED]);
    order(&engine, webhook, 1).await;
    let after = SystemClock.now() + SignedDuration::from_hours(73);
    assert!(
        !engine
            .store
            .disable_never_succeeded(webhook, after)
            .unwrap()
    );
    assert_eq!(engine.store.expire_deliveries(webhook, after).unwrap(), 1);
    assert!(
        engine
            .store
            .disable_never_succeeded(webhook, after)
            .unwrap()
    );
    assert!(
        !engine
            .store
            .disable_never_succeeded(webhook, after)
            .unwrap()
    );
    assert_eq!(
        engine.disabled(webhook).await,
        Some(DisableReason::Failures)
    );
    assert_eq!(kinds(&engine), [AlertKind::Failures]);
    engine.sonnette.stop().await;
}

#[tokio::test]
async fn a_warning_is_sent_once_at_half_of_the_policy() {
    let directory = tempfile::tempdir().unwrap();
    let rules = AlertRules {
        warning: true,
        ..AlertRules::default()
    };
    let engine = TestEngine::start_with(directory.path(), rules);
    engine.disable_after(4, 0).await;
    let receiver = Receiver::start().await;
    receiver.respond_with(ScriptedResponse::status(500));
    let webhook = engine.add_webhook(&receiver.url(), &[ORDER_PLACED]);
    let (warning, off) = (AlertKind::Warning, AlertKind::Failures);
    for (count, owed) in [&[][..], &[warning], &[warning], &[warning, off]]
        .iter()
        .enumerate()
    {
        order(&engine, webhook, count + 1).await;
        assert_eq!(kinds(&engine), *owed, "after {}", count + 1);
    }
    engine.sonnette.stop().await;
}

#[tokio::test]
async fn a_410_alerts_the_contacts_unless_that_is_off() {
    for on_gone in [true, false] {
        let directory = tempfile::tempdir().unwrap();
        let rules = AlertRules {
            on_gone,
            ..AlertRules::default()
        };
        let engine = TestEngine::start_with(directory.path(), rules);
        engine.disable_after(20, 3600).await;
        let receiver = Receiver::start().await;
        receiver.respond_with(ScriptedResponse::status(410));
        let webhook = engine.add_webhook(&receiver.url(), &[ORDER_PLACED]);
        let contact = vec!["erp@example.org".to_owned()];
        engine
            .change_webhook(webhook, |w| w.settings.contact_emails.clone_from(&contact))
            .await;
        order(&engine, webhook, 1).await;
        assert_eq!(engine.disabled(webhook).await, Some(DisableReason::Gone));
        let owed: Vec<_> = alerts(&engine)
            .into_iter()
            .map(|a| (a.kind, a.recipients))
            .collect();
        let expected = if on_gone {
            vec![(AlertKind::Gone, contact)]
        } else {
            vec![]
        };
        assert_eq!(owed, expected);
        engine.sonnette.stop().await;
    }
}

#[tokio::test]
async fn an_alert_is_sent_when_due_and_settled_once() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start(directory.path());
    engine.disable_after(1, 0).await;
    let receiver = Receiver::start().await;
    receiver.respond_with(ScriptedResponse::status(500));
    let webhook = engine.add_webhook(&receiver.url(), &[ORDER_PLACED]);
    order(&engine, webhook, 1).await;
    let now = SystemClock.now();
    let alert = engine.store.due_alerts(now, 9).unwrap().remove(0);
    let end = alert.after_failure(
        alert.pending_recipients.clone(),
        "no server".to_owned(),
        now,
    );
    engine
        .store
        .record_alert_result(alert.id, &end, now)
        .unwrap();
    assert_eq!(engine.store.due_alerts(now, 9).unwrap(), []);
    let again = alerts(&engine).remove(0);
    assert_eq!((again.id, again.send_failures), (alert.id, 1));
    engine
        .store
        .record_alert_result(alert.id, &AlertResult::Sent, now)
        .unwrap();
    engine
        .store
        .record_alert_result(alert.id, &end, now)
        .unwrap();
    assert_eq!(alerts(&engine), []);
    engine.sonnette.stop().await;
}

/// Attack H2: a change of the target while the former one is still answering.
#[tokio::test]
async fn a_late_response_of_the_former_target_does_not_count() {
    for status in [410, 500] {
        let directory = tempfile::tempdir().unwrap();
        let engine = TestEngine::start(directory.path());
        engine.disable_after(1, 0).await;
        let (former, present) = (Receiver::start().await, Receiver::start().await);
        let gate = Gate::new();
        former.respond_with(ScriptedResponse::status(status).held_by(&gate));
        let webhook = engine.add_webhook(&former.url(), &[ORDER_PLACED]);
        for number in 0..6 {
            engine.order(&format!("A{number}")).await;
        }
        // One at a time is not enough to begin to fail: all are under way.
        let begun = former.wait_for(2).await.len();
        let target = present.url();
        let moved = target.clone();
        engine
            .change_webhook(webhook, move |w| w.target = moved.parse().unwrap())
            .await;
        gate.open();
        engine.settled(webhook, begun).await;
        engine.order("B").await;
        present.wait_for(1).await;
        assert_eq!(engine.disabled(webhook).await, None, "after a {status}");
        let lane = engine.sonnette.lane_status(webhook).await.unwrap();
        assert_eq!(lane.health.streak, None, "after a {status}");
        engine.sonnette.stop().await;
        drop(engine);

        // Neither does a restart find anything of it.
        let engine = TestEngine::start(directory.path());
        assert_eq!(engine.disabled(webhook).await, None, "after a {status}");
        let lane = engine.sonnette.lane_status(webhook).await.unwrap();
        assert_eq!(lane.health.streak, None, "after a {status}");
        engine.sonnette.stop().await;
    }
}
