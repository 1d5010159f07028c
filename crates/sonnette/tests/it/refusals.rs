//! A receiver that refuses some notifications and accepts others, through the running engine.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use sonnette::clock::{Clock as _, SystemClock};
use sonnette::domain::{DisableReason, Disablement, WebhookState};
use sonnette::engine::PublishRequest;
use sonnette::store::{AttemptQuery, DeliveryAdmin, DeliveryStore, History};
use sonnette::testing::{MockClock, ReceivedRequest, Receiver, ScriptedResponse};

use crate::test_engine::{TestEngine, order, request};

const ORDER_PLACED: &str = "pretix.event.order.placed";
const CHECKIN: &str = "pretix.event.checkin";

fn checkin(code: &str) -> PublishRequest {
    let data = format!(
        r#"{{"code":"{code}","orderposition_id":1,"orderposition_positionid":1,"checkin_list":1}}"#
    );
    request(CHECKIN, Some("democon"), &data)
}

fn is_checkin(request: &ReceivedRequest) -> bool {
    let body = std::str::from_utf8(&request.body).unwrap();
    body.contains(CHECKIN)
}

/// Answers this to `checkin` and 200 to all else.
fn refusing(status: u16) -> impl Fn(&ReceivedRequest) -> ScriptedResponse {
    move |request| ScriptedResponse::status(if is_checkin(request) { status } else { 200 })
}

#[tokio::test]
async fn the_wanted_ones_arrive_at_once_from_a_receiver_that_refuses_most() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start(directory.path());
    let receiver = Receiver::start().await;
    receiver.respond_using(refusing(400));
    let webhook = engine.add_webhook(&receiver.url(), &[ORDER_PLACED, CHECKIN]);
    for round in 0..10 {
        for number in 0..6 {
            let code = format!("C{round}{number}");
            engine.publish(vec![checkin(&code)]).await.unwrap();
        }
        engine.order(&format!("A{round}")).await;
    }
    // Each of the 70 once; the retries of those that were refused come five seconds later.
    receiver.wait_for(70).await;
    engine.settled(webhook, 70).await;
    let log = engine.store.attempts(
        &[webhook],
        &AttemptQuery {
            limit: 1_000,
            ..AttemptQuery::default()
        },
    );
    let log = log.unwrap();
    let placed: Vec<_> = log
        .iter()
        .filter(|a| a.action_type.as_str() == ORDER_PLACED)
        .collect();
    assert_eq!(placed.len(), 10);
    assert!(
        placed
            .iter()
            .all(|attempt| attempt.exchange.outcome.is_success())
    );
    let status = engine.sonnette.lane_status(webhook).await.unwrap();
    assert!(!status.health.is_failing(), "{status:?}");
    assert_eq!(status.health.failing_streak, None);
    assert_eq!(status.refused_action_types, [CHECKIN.parse().unwrap()]);
    assert_eq!(status.pending_count, 60, "they follow their schedule");

    // Accepted again, and no longer named.
    receiver.respond_using(|_| ScriptedResponse::ok());
    engine.sonnette.expedite(webhook, None).await.unwrap();
    engine.settled(webhook, 130).await;
    let status = engine.sonnette.lane_status(webhook).await.unwrap();
    assert_eq!(
        (status.refused_action_types, status.pending_count),
        (vec![], 0)
    );
    engine.sonnette.stop().await;
}

#[tokio::test]
async fn a_receiver_that_crashes_on_other_types_is_failing_as_before() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start(directory.path());
    let receiver = Receiver::start().await;
    receiver.respond_using(refusing(500));
    let webhook = engine.add_webhook(&receiver.url(), &[CHECKIN]);
    for number in 0..5 {
        engine
            .publish(vec![checkin(&format!("C{number}"))])
            .await
            .unwrap();
        engine.settled(webhook, number + 1).await;
    }
    let status = engine.sonnette.lane_status(webhook).await.unwrap();
    assert!(status.health.is_failing());
    // What is published now is never tried: the next probe takes it, and its success opens the lane.
    engine
        .change_webhook(webhook, |w| {
            w.action_types = vec![CHECKIN.parse().unwrap(), ORDER_PLACED.parse().unwrap()];
        })
        .await;
    let wanted = engine.order("A1").await.id;
    receiver.wait_for(6).await;
    let last = receiver.requests().pop().unwrap();
    let id = format!("_{wanted}");
    assert!(last.header("webhook-id").unwrap().contains(&id), "{last:?}");
    // It opens the lane, and the others crash the receiver again.
    receiver.wait_for(11).await;
    engine.settled(webhook, 11).await;
    let delivery = engine.store.delivery(webhook, wanted).unwrap().unwrap();
    assert_eq!(
        (delivery.state.as_str(), delivery.attempts),
        ("delivered", 1)
    );
    engine.sonnette.stop().await;
}

#[tokio::test]
async fn refusals_count_an_hour_after_the_last_success_also_over_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let clock = MockClock::default();
    let receiver = Receiver::start().await;
    receiver.respond_using(refusing(404));
    let engine = TestEngine::start_at(directory.path(), Arc::new(clock.clone()));
    let webhook = engine.add_webhook(&receiver.url(), &[ORDER_PLACED, CHECKIN]);
    clock.advance(SignedDuration::from_hours(5));
    engine.order("A1").await;
    engine.settled(webhook, 1).await;
    engine.sonnette.stop().await;
    drop(engine);

    // The row of the lane does not have the success, which only the log has.
    let engine = TestEngine::start_at(directory.path(), Arc::new(clock.clone()));
    clock.advance(SignedDuration::from_mins(59));
    let mut count = 1;
    for number in 0..8 {
        count += 1;
        engine
            .publish(vec![checkin(&format!("C{number}"))])
            .await
            .unwrap();
        engine.settled(webhook, count).await;
    }
    let health = engine.store.lane(webhook).unwrap().health;
    assert_eq!(
        (health.consecutive_failures(), health.failing_streak),
        (8, None)
    );
    engine.sonnette.stop().await;
    drop(engine);

    // Now the row has it.
    let engine = TestEngine::start_at(directory.path(), Arc::new(clock.clone()));
    clock.advance(SignedDuration::from_mins(2));
    engine.sonnette.drop_pending(webhook, None).await.unwrap();
    let before = engine.store.attempts(
        &[webhook],
        &AttemptQuery {
            limit: 1_000,
            ..AttemptQuery::default()
        },
    );
    let mut count = before.unwrap().len();
    let mut failing_after = Vec::new();
    for number in 0..5 {
        count += 1;
        engine
            .publish(vec![checkin(&format!("D{number}"))])
            .await
            .unwrap();
        engine.settled(webhook, count).await;
        let health = engine.store.lane(webhook).unwrap().health;
        failing_after.push(health.is_failing());
    }
    assert_eq!(failing_after.pop(), Some(true), "after five of them");
    engine.sonnette.stop().await;
}

#[tokio::test]
async fn a_change_of_the_webhook_begins_the_hour_anew() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start(directory.path());
    let receiver = Receiver::start().await;
    receiver.respond_using(refusing(400));
    let before = SystemClock.now();
    let webhook = engine.add_webhook(&receiver.url(), &[ORDER_PLACED, CHECKIN]);
    let created = engine.store.lane(webhook).unwrap().receiver_since;
    assert!(created >= before, "{created}");
    engine
        .publish(vec![checkin("A"), order("B")])
        .await
        .unwrap();
    engine.settled(webhook, 2).await;
    engine
        .change_webhook(webhook, |w| w.comment = Some("x".to_owned()))
        .await;
    assert_eq!(engine.store.lane(webhook).unwrap().receiver_since, created);

    let url = receiver.url_of("/new");
    engine
        .change_webhook(webhook, |w| w.target = url.parse().unwrap())
        .await;
    let moved = engine.store.lane(webhook).unwrap();
    assert!(moved.receiver_since >= created);
    assert_eq!(
        moved.refused_types,
        sonnette::domain::RefusedActionTypes::default()
    );
    let off = Disablement {
        since: SystemClock.now(),
        reason: DisableReason::User,
    };
    engine
        .change_webhook(webhook, |w| w.state = WebhookState::Disabled(off))
        .await;
    tokio::time::sleep(Duration::from_millis(2)).await;
    engine
        .change_webhook(webhook, |w| w.state = WebhookState::Enabled)
        .await;
    assert!(engine.store.lane(webhook).unwrap().receiver_since > moved.receiver_since);
    engine.sonnette.stop().await;
}

#[tokio::test]
async fn refusals_disable_by_the_failure_policy() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start(directory.path());
    engine.disable_after(6, 0).await;
    let receiver = Receiver::start().await;
    receiver.respond_with(ScriptedResponse::status(404));
    let webhook = engine.add_webhook(&receiver.url(), &[ORDER_PLACED]);
    for count in 1..=6 {
        assert_eq!(engine.disabled(webhook).await, None);
        engine.order(&format!("A{count}")).await;
        engine.settled(webhook, count).await;
    }
    assert_eq!(
        engine.disabled(webhook).await,
        Some(DisableReason::Failures)
    );
    assert_eq!(engine.store.backlog(webhook).unwrap().0, 6, "held");
    engine.sonnette.stop().await;
}
