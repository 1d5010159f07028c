//! The engine through its public face: published in, received at a real receiver.

use std::time::Duration;

use sonnette::domain::{
    DeliveryState, DisableReason, Disablement, NotificationId, Permissions, Scope, SettlementKind,
    Token, WebhookId, WebhookState,
};
use sonnette::engine::{Activity, ControlError, PublishError};
use sonnette::store::{
    DeliveryAdmin, DeliveryQuery, DeliveryStore, History, NewToken, TimeRange, TokenStore,
};
use sonnette::testing::{Receiver, ScriptedResponse};

use crate::test_engine::{TestEngine, batch_entry, note, order, request};

const ORDER_PLACED: &str = "pretix.event.order.placed";

/// Waits until `count` attempts have been settled; the store is up to date for all but the last few milliseconds.
async fn settled(engine: &TestEngine, webhook: sonnette::domain::WebhookId, count: usize) {
    let mut news = engine.sonnette.watch();
    let wait = async {
        loop {
            let query = sonnette::store::AttemptQuery {
                limit: 1000,
                ..Default::default()
            };
            if engine.store.attempts(&[webhook], &query).unwrap().len() >= count {
                return;
            }
            // Either news of an attempt, or the commit that follows it.
            let _ = tokio::time::timeout(Duration::from_millis(20), news.recv()).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait)
        .await
        .expect("attempts are settled");
}

#[tokio::test]
async fn a_published_order_is_delivered_and_logged() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start(directory.path());
    let receiver = Receiver::start().await;
    let webhook = engine.add_webhook(&receiver.url(), &[ORDER_PLACED]);

    let published = engine.order("ABC23").await;
    assert_eq!(published.deliveries, 1);
    receiver.wait_for(1).await;
    let request = &receiver.requests()[0];
    let body = format!(
        r#"{{"notification_id":{},"organizer":"bigevents","event":"democon","code":"ABC23","action":"pretix.event.order.placed"}}"#,
        published.id
    );
    assert_eq!(request.body, body.as_bytes());

    settled(&engine, webhook, 1).await;
    let delivery = engine
        .store
        .delivery(webhook, published.id)
        .unwrap()
        .unwrap();
    assert_eq!(delivery.attempts, 1);
    assert!(matches!(
        delivery.state,
        DeliveryState::Settled {
            kind: SettlementKind::Delivered,
            ..
        }
    ));
    engine.sonnette.stop().await;
}

#[tokio::test]
async fn a_kept_connection_that_closes_costs_no_try() {
    for closed in [ScriptedResponse::close(), ScriptedResponse::reset()] {
        let directory = tempfile::tempdir().unwrap();
        let engine = TestEngine::start(directory.path());
        let receiver = Receiver::start().await;
        receiver.script([
            ScriptedResponse::ok(),
            closed,
            ScriptedResponse::status(500),
            ScriptedResponse::ok(),
        ]);
        let webhook = engine.add_webhook(&receiver.url(), &[ORDER_PLACED]);
        engine.order("ABC23").await;
        settled(&engine, webhook, 1).await;
        let published = engine.order("XYZ99").await;
        settled(&engine, webhook, 3).await;

        let requests = receiver.requests();
        let connections: Vec<_> = requests.iter().map(|r| r.connection).collect();
        assert_eq!(connections, [1, 1, 2], "sent again at once");
        assert_eq!(
            requests[1].header("webhook-id"),
            requests[2].header("webhook-id")
        );
        let delivery = engine
            .store
            .delivery(webhook, published.id)
            .unwrap()
            .unwrap();
        assert_eq!(delivery.attempts, 2);
        let query = sonnette::store::AttemptQuery {
            limit: 10,
            ..Default::default()
        };
        let attempts = engine.store.attempts(&[webhook], &query).unwrap();
        let numbers: Vec<_> = attempts.iter().map(|a| a.number).collect();
        assert_eq!(numbers, [2, 1, 1]);
        assert!(attempts[1].exchange.outcome.is_not_processed());
        let row = engine.store.lane(webhook).unwrap();
        assert_eq!(row.health.streak.map(|s| s.failures), Some(1));
        engine.sonnette.stop().await;
    }
}

#[tokio::test]
async fn a_failed_delivery_is_retried_with_the_same_id() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start(directory.path());
    let receiver = Receiver::start().await;
    receiver.script([ScriptedResponse::status(500), ScriptedResponse::ok()]);
    let webhook = engine.add_webhook(&receiver.url(), &[ORDER_PLACED]);

    let published = engine.order("ABC23").await;
    receiver.wait_for(1).await;
    settled(&engine, webhook, 1).await;
    let waiting = engine
        .store
        .delivery(webhook, published.id)
        .unwrap()
        .unwrap();
    let DeliveryState::Scheduled { due_at } = waiting.state else {
        panic!("{waiting:?}")
    };
    let wait = due_at.duration_since(published.published_at);
    assert!(
        wait.as_millis() >= 4_500 && wait.as_millis() < 6_500,
        "{wait:?}"
    );

    // Not waiting for it: now, by hand.
    assert_eq!(engine.sonnette.expedite(webhook, None).await.unwrap(), 1);
    receiver.wait_for(2).await;
    let requests = receiver.requests();
    assert_eq!(
        requests[0].header("webhook-id"),
        requests[1].header("webhook-id")
    );
    engine.sonnette.stop().await;
}

#[tokio::test]
async fn a_410_disables_and_holds_deliveries_until_enabled() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start(directory.path());
    let receiver = Receiver::start().await;
    receiver.respond_with(ScriptedResponse::status(410));
    let webhook = engine.add_webhook(&receiver.url(), &[ORDER_PLACED]);
    let mut news = engine.sonnette.watch();
    let published = engine.order("ABC23").await;
    receiver.wait_for(1).await;
    settled(&engine, webhook, 1).await;

    let state = engine
        .sonnette
        .refresh()
        .await
        .unwrap()
        .webhook(webhook)
        .unwrap()
        .state
        .clone();
    assert!(
        matches!(
            state,
            WebhookState::Disabled(Disablement {
                reason: DisableReason::Gone,
                ..
            })
        ),
        "{state:?}"
    );
    assert_eq!(engine.order("ABC24").await.deliveries, 0);
    assert!(matches!(
        engine.sonnette.expedite(webhook, None).await,
        Err(ControlError::Disabled)
    ));
    let told = loop {
        if let Activity::Lane { state, .. } = &*news.recv().await.unwrap() {
            break state.as_str();
        }
    };
    assert_eq!(told, "disabled");

    receiver.respond_with(ScriptedResponse::ok());
    engine
        .change_webhook(webhook, |w| w.state = WebhookState::Enabled)
        .await;
    receiver.wait_for(2).await;
    settled(&engine, webhook, 2).await;
    let delivery = engine
        .store
        .delivery(webhook, published.id)
        .unwrap()
        .unwrap();
    assert_eq!(delivery.state.as_str(), "delivered");
    engine.sonnette.stop().await;
}

#[tokio::test]
async fn a_failing_lane_probes_and_drains_when_its_receiver_recovers() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start(directory.path());
    let receiver = Receiver::start().await;
    receiver.respond_with(ScriptedResponse::status(503));
    let webhook = engine.add_webhook(&receiver.url(), &[ORDER_PLACED]);
    let batch: Vec<_> = (0..500).map(|n| order(&format!("A{n}"))).collect();
    engine.publish(batch).await.unwrap();
    receiver.wait_for(5).await;
    settled(&engine, webhook, 5).await;
    let lane = engine.sonnette.lane_status(webhook).await.unwrap();
    assert!(lane.health.is_failing(), "{lane:?}");
    assert_eq!(lane.pending_count, 500);
    let before = receiver.requests().len();
    assert!(before < 10, "{before} requests before the lane was failing");

    receiver.respond_with(ScriptedResponse::ok());
    assert_eq!(engine.sonnette.expedite(webhook, None).await.unwrap(), 500);
    receiver.wait_for(before + 500).await;
    settled(&engine, webhook, before + 500).await;
    assert_eq!(engine.store.backlog(webhook).unwrap().0, 0);
    assert!(
        !engine
            .sonnette
            .lane_status(webhook)
            .await
            .unwrap()
            .health
            .is_failing()
    );
    engine.sonnette.stop().await;
}

#[tokio::test]
async fn waiting_deliveries_continue_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    receiver.respond_with(ScriptedResponse::silent());
    let engine = TestEngine::start(directory.path());
    let webhook = engine.add_webhook(&receiver.url(), &[ORDER_PLACED]);
    let batch: Vec<_> = (0..20).map(|n| order(&format!("A{n}"))).collect();
    engine.publish(batch).await.unwrap();
    receiver.wait_for(1).await;
    engine.sonnette.stop().await;
    drop(engine);

    receiver.respond_with(ScriptedResponse::ok());
    let engine = TestEngine::start(directory.path());
    let before = receiver.requests().len();
    receiver.wait_for(before + 1).await;
    // Those that timed out while stopping wait for their time; the others come now.
    engine.sonnette.expedite(webhook, None).await.unwrap();
    let all = async {
        let mut seen = std::collections::HashSet::new();
        while seen.len() < 20 {
            seen = receiver.requests()[before..]
                .iter()
                .map(|r| r.header("webhook-id").unwrap().to_owned())
                .collect();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), all)
        .await
        .unwrap();
    engine.sonnette.stop().await;
}

fn state(engine: &TestEngine, webhook: WebhookId, notification: NotificationId) -> &'static str {
    let delivery = engine.store.delivery(webhook, notification).unwrap();
    delivery.unwrap().state.as_str()
}

#[tokio::test]
async fn a_dropped_delivery_is_not_sent_and_can_be_resent() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start(directory.path());
    let receiver = Receiver::start().await;
    receiver.respond_with(ScriptedResponse::status(500));
    let webhook = engine.add_webhook(&receiver.url(), &[ORDER_PLACED]);
    let first = engine.order("ABC23").await;
    settled(&engine, webhook, 1).await;
    assert_eq!(
        engine.sonnette.drop_pending(webhook, None).await.unwrap(),
        1
    );
    assert_eq!(state(&engine, webhook, first.id), "dropped");

    receiver.respond_with(ScriptedResponse::ok());
    let span = TimeRange {
        since: Some(first.published_at),
        until: None,
    };
    assert_eq!(
        engine
            .sonnette
            .resend_undelivered(webhook, span, None, None)
            .await
            .unwrap(),
        1
    );
    assert_eq!(receiver.requests().len(), 1);
    assert_eq!(
        engine
            .sonnette
            .resend_undelivered(webhook, span, None, Some(&mut batch_entry()))
            .await
            .unwrap(),
        1
    );
    receiver.wait_for(2).await;
    settled(&engine, webhook, 2).await;
    assert_eq!(state(&engine, webhook, first.id), "delivered");

    engine.sonnette.resend(webhook, first.id).await.unwrap();
    receiver.wait_for(3).await;
    let ids: Vec<_> = receiver
        .requests()
        .iter()
        .map(|r| r.header("webhook-id").unwrap().to_owned())
        .collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    engine.sonnette.stop().await;
}

#[tokio::test]
async fn a_test_is_sent_to_a_disabled_webhook_and_does_not_count() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start(directory.path());
    let receiver = Receiver::start().await;
    receiver.respond_with(ScriptedResponse::status(410).body("no"));
    let webhook = engine.add_webhook(&receiver.url(), &["pretix.event.order.changed.*"]);
    engine
        .change_webhook(webhook, |w| {
            w.state = WebhookState::Disabled(Disablement {
                since: jiff::Timestamp::UNIX_EPOCH,
                reason: DisableReason::User,
            });
        })
        .await;
    let attempt = engine.sonnette.test(webhook, None).await.unwrap();
    assert!(attempt.is_test);
    assert_eq!(attempt.exchange.outcome.return_code(), 410);
    assert_eq!(&attempt.exchange.response_body[..], b"no");
    let request = &receiver.requests()[0];
    assert_eq!(request.header("webhook-test"), Some("1"));
    assert_eq!(Some(&request.body[..]), attempt.sent_body.as_deref());
    settled(&engine, webhook, 1).await;
    let logged = engine.store.attempt(webhook, attempt.id).unwrap().unwrap();
    assert_eq!(logged.sent_body, attempt.sent_body);
    assert_eq!(
        engine
            .store
            .deliveries(
                webhook,
                DeliveryQuery {
                    limit: 9,
                    ..Default::default()
                }
            )
            .unwrap(),
        []
    );
    assert!(matches!(
        engine.sonnette.test(webhook, Some("no.such")).await,
        Err(ControlError::NothingToTest)
    ));
    engine.sonnette.stop().await;
}

#[tokio::test]
async fn a_repeated_idempotency_key_publishes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start(directory.path());
    let receiver = Receiver::start().await;
    engine.add_webhook(&receiver.url(), &[ORDER_PLACED]);
    let keyed = |data: &str| {
        let mut r = request(ORDER_PLACED, Some("democon"), data);
        r.idempotency_key = Some("k".to_owned());
        r
    };
    let first = engine
        .publish(vec![keyed(r#"{"code":"A"}"#)])
        .await
        .unwrap()
        .remove(0);
    let again = engine
        .publish(vec![keyed(r#"{ "code": "A" }"#)])
        .await
        .unwrap()
        .remove(0);
    assert!(first.is_new && !again.is_new);
    assert_eq!((first.id, first.deliveries), (again.id, again.deliveries));
    assert_eq!(first.published_at, again.published_at);
    let other = engine
        .publish(vec![order("Z"), keyed(r#"{"code":"B"}"#)])
        .await;
    assert!(matches!(other, Err(PublishError::Conflict(1))), "{other:?}");
    // Concurrently: one is new.
    let organizer_snapshot = engine.organizer_snapshot().await;
    let many = (0..20).map(|_| {
        let (sonnette, organizer_snapshot) = (engine.sonnette.clone(), organizer_snapshot.clone());
        let mut r = order("C");
        r.idempotency_key = Some("c".to_owned());
        async move {
            sonnette
                .publish(&organizer_snapshot, None, vec![r])
                .await
                .unwrap()
        }
    });
    let answers = many.collect::<tokio::task::JoinSet<_>>().join_all().await;
    assert_eq!(answers.iter().filter(|a| a[0].is_new).count(), 1);
    assert!(answers.iter().all(|a| a[0].id == answers[0][0].id));
    engine.sonnette.stop().await;
}

#[tokio::test]
async fn publishing_after_a_stop_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start(directory.path());
    let webhook = engine.add_webhook("http://127.0.0.1:9/", &[ORDER_PLACED]);
    engine.sonnette.stop().await;
    let test = engine.sonnette.test(webhook, None).await;
    assert!(matches!(test, Err(ControlError::Stopping)), "{test:?}");
    let dropped = engine.sonnette.drop_pending(webhook, None).await;
    assert!(
        matches!(dropped, Err(ControlError::Stopping)),
        "{dropped:?}"
    );
}

#[tokio::test]
async fn a_token_that_is_no_longer_active_publishes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start(directory.path());
    let hash = [5; 32];
    let token = NewToken {
        hash,
        name: "till".to_owned(),
        scope: Scope::Organizer(engine.organizer, Permissions::DEFAULT),
        created: jiff::Timestamp::UNIX_EPOCH,
    };
    let token = engine.store.add_token(&token, note()).unwrap();
    let organizer_snapshot = engine.organizer_snapshot().await;
    let publish = || {
        engine
            .sonnette
            .publish(&organizer_snapshot, Some(hash), vec![order("A")])
    };
    publish().await.unwrap();
    let mut switch_off = |t: &mut Token| {
        t.active = false;
        true
    };
    engine
        .store
        .change_token(token.id, &mut switch_off, note())
        .unwrap();
    // Not known in memory yet: found at the commit. Then known: found before.
    for _ in 0..2 {
        let refused = publish().await;
        assert!(
            matches!(refused, Err(PublishError::TokenInactive)),
            "{refused:?}"
        );
        engine.sonnette.refresh().await.unwrap();
    }
    engine.sonnette.stop().await;
}

#[tokio::test]
async fn a_delivery_sent_again_by_hand_does_not_wait_for_the_silence_the_receiver_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start(directory.path());
    let receiver = Receiver::start().await;
    receiver.script([
        ScriptedResponse::status(503).header("retry-after", "3600"),
        ScriptedResponse::ok(),
    ]);
    let webhook = engine.add_webhook(&receiver.url(), &[ORDER_PLACED]);
    let published = engine.order("ABC23").await;
    settled(&engine, webhook, 1).await;
    engine.sonnette.resend(webhook, published.id).await.unwrap();
    receiver.wait_for(2).await;
    engine.sonnette.stop().await;
}
