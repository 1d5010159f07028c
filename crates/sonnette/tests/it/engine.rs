//! The engine through its public face: published in, received at a real receiver.

use std::time::Duration;

use sonnette::domain::{
    DeliveryState, DisableReason, Disabled, NotificationId, Permissions, Scope, Settled, Token,
    WebhookId, WebhookState,
};
use sonnette::engine::{Activity, ControlError, PublishError};
use sonnette::store::{DeliveryAdmin, DeliveryQuery, History, NewToken, TimeRange, TokenStore};
use sonnette::testing::{Answer, Receiver};

use crate::world::{World, note, order, request};

const PLACED: &str = "pretix.event.order.placed";

/// Waits until `count` attempts have been settled; the store is up to date for all but the last few milliseconds.
async fn settled(world: &World, webhook: sonnette::domain::WebhookId, count: usize) {
    let mut news = world.sonnette.watch();
    let wait = async {
        loop {
            let query = sonnette::store::AttemptQuery {
                limit: 1000,
                ..Default::default()
            };
            if world.store.attempts(&[webhook], &query).unwrap().len() >= count {
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
async fn a_published_order_rings_its_webhook_and_is_logged() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path());
    let receiver = Receiver::start().await;
    let webhook = world.add_webhook(&receiver.url(), &[PLACED]);

    let published = world.order("ABC23").await;
    assert_eq!(published.deliveries, 1);
    receiver.wait_for(1).await;
    let request = &receiver.requests()[0];
    let body = format!(
        r#"{{"notification_id":{},"organizer":"bigevents","event":"democon","code":"ABC23","action":"pretix.event.order.placed"}}"#,
        published.id
    );
    assert_eq!(request.body, body.as_bytes());

    settled(&world, webhook, 1).await;
    let delivery = world
        .store
        .delivery(webhook, published.id)
        .unwrap()
        .unwrap();
    assert_eq!(delivery.attempts, 1);
    assert!(matches!(
        delivery.state,
        DeliveryState::Settled {
            how: Settled::Delivered,
            ..
        }
    ));
    world.sonnette.stop().await;
}

#[tokio::test]
async fn a_failed_delivery_comes_again_with_the_same_id() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path());
    let receiver = Receiver::start().await;
    receiver.script([Answer::status(500), Answer::ok()]);
    let webhook = world.add_webhook(&receiver.url(), &[PLACED]);

    let published = world.order("ABC23").await;
    receiver.wait_for(1).await;
    settled(&world, webhook, 1).await;
    let waiting = world
        .store
        .delivery(webhook, published.id)
        .unwrap()
        .unwrap();
    let DeliveryState::Scheduled { due_at } = waiting.state else {
        panic!("{waiting:?}")
    };
    let wait = due_at.duration_since(published.at);
    assert!(
        wait.as_millis() >= 4_500 && wait.as_millis() < 6_500,
        "{wait:?}"
    );

    // Not waiting for it: now, by hand.
    assert_eq!(world.sonnette.expedite(webhook).await.unwrap(), 1);
    receiver.wait_for(2).await;
    let requests = receiver.requests();
    assert_eq!(
        requests[0].header("webhook-id"),
        requests[1].header("webhook-id")
    );
    world.sonnette.stop().await;
}

#[tokio::test]
async fn gone_switches_off_at_once_and_what_waits_is_held_until_switched_on() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path());
    let receiver = Receiver::start().await;
    receiver.answer(Answer::status(410));
    let webhook = world.add_webhook(&receiver.url(), &[PLACED]);
    let mut news = world.sonnette.watch();
    let published = world.order("ABC23").await;
    receiver.wait_for(1).await;
    settled(&world, webhook, 1).await;

    let state = world
        .sonnette
        .refresh()
        .unwrap()
        .webhook(webhook)
        .unwrap()
        .state
        .clone();
    assert!(
        matches!(
            state,
            WebhookState::Disabled(Disabled {
                reason: DisableReason::Gone,
                ..
            })
        ),
        "{state:?}"
    );
    assert_eq!(world.order("ABC24").await.deliveries, 0);
    assert!(matches!(
        world.sonnette.expedite(webhook).await,
        Err(ControlError::Disabled)
    ));
    let told = loop {
        if let Activity::Lane { state, .. } = &*news.recv().await.unwrap() {
            break state.as_str();
        }
    };
    assert_eq!(told, "disabled");

    receiver.answer(Answer::ok());
    world.change_webhook(webhook, |w| w.state = WebhookState::Enabled);
    receiver.wait_for(2).await;
    settled(&world, webhook, 2).await;
    let delivery = world
        .store
        .delivery(webhook, published.id)
        .unwrap()
        .unwrap();
    assert_eq!(delivery.state.as_str(), "delivered");
    world.sonnette.stop().await;
}

#[tokio::test]
async fn a_failing_lane_probes_and_drains_at_once_when_its_receiver_is_back() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path());
    let receiver = Receiver::start().await;
    receiver.answer(Answer::status(503));
    let webhook = world.add_webhook(&receiver.url(), &[PLACED]);
    let batch: Vec<_> = (0..500).map(|n| order(&format!("A{n}"))).collect();
    world.publish(batch).await.unwrap();
    receiver.wait_for(5).await;
    settled(&world, webhook, 5).await;
    let lane = world.sonnette.lane(webhook).await.unwrap();
    assert!(lane.health.is_failing(), "{lane:?}");
    assert_eq!(lane.backlog, 500);
    let before = receiver.requests().len();
    assert!(before < 10, "{before} requests before the lane was failing");

    receiver.answer(Answer::ok());
    assert_eq!(world.sonnette.expedite(webhook).await.unwrap(), 500);
    receiver.wait_for(before + 500).await;
    settled(&world, webhook, before + 500).await;
    assert_eq!(world.store.backlog(webhook).unwrap().0, 0);
    assert!(
        !world
            .sonnette
            .lane(webhook)
            .await
            .unwrap()
            .health
            .is_failing()
    );
    world.sonnette.stop().await;
}

#[tokio::test]
async fn what_waited_at_a_stop_goes_on_at_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    receiver.answer(Answer::never());
    let world = World::start(directory.path());
    let webhook = world.add_webhook(&receiver.url(), &[PLACED]);
    let batch: Vec<_> = (0..20).map(|n| order(&format!("A{n}"))).collect();
    world.publish(batch).await.unwrap();
    receiver.wait_for(1).await;
    world.sonnette.stop().await;
    drop(world);

    receiver.answer(Answer::ok());
    let world = World::start(directory.path());
    let before = receiver.requests().len();
    receiver.wait_for(before + 1).await;
    // Those that timed out while stopping wait for their time; the others come now.
    world.sonnette.expedite(webhook).await.unwrap();
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
    world.sonnette.stop().await;
}

fn state(world: &World, webhook: WebhookId, notification: NotificationId) -> &'static str {
    let delivery = world.store.delivery(webhook, notification).unwrap();
    delivery.unwrap().state.as_str()
}

#[tokio::test]
async fn dropped_is_silent_and_can_be_sent_again() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path());
    let receiver = Receiver::start().await;
    receiver.answer(Answer::status(500));
    let webhook = world.add_webhook(&receiver.url(), &[PLACED]);
    let first = world.order("ABC23").await;
    settled(&world, webhook, 1).await;
    assert_eq!(world.sonnette.drop_waiting(webhook).await.unwrap(), 1);
    assert_eq!(state(&world, webhook, first.id), "dropped");

    receiver.answer(Answer::ok());
    let span = TimeRange {
        since: Some(first.at),
        until: None,
    };
    assert_eq!(
        world
            .sonnette
            .resend_undelivered(webhook, span, None, true)
            .await
            .unwrap(),
        1
    );
    assert_eq!(receiver.requests().len(), 1);
    assert_eq!(
        world
            .sonnette
            .resend_undelivered(webhook, span, None, false)
            .await
            .unwrap(),
        1
    );
    receiver.wait_for(2).await;
    settled(&world, webhook, 2).await;
    assert_eq!(state(&world, webhook, first.id), "delivered");

    world.sonnette.resend(webhook, first.id).await.unwrap();
    receiver.wait_for(3).await;
    let ids: Vec<_> = receiver
        .requests()
        .iter()
        .map(|r| r.header("webhook-id").unwrap().to_owned())
        .collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    world.sonnette.stop().await;
}

#[tokio::test]
async fn a_test_goes_to_a_disabled_webhook_too_and_counts_for_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path());
    let receiver = Receiver::start().await;
    receiver.answer(Answer::status(410).body("no"));
    let webhook = world.add_webhook(&receiver.url(), &["pretix.event.order.changed.*"]);
    world.change_webhook(webhook, |w| {
        w.state = WebhookState::Disabled(Disabled {
            since: jiff::Timestamp::UNIX_EPOCH,
            reason: DisableReason::User,
        });
    });
    let attempt = world.sonnette.test(webhook, None).await.unwrap();
    assert!(attempt.test);
    assert_eq!(attempt.exchange.outcome.return_code(), 410);
    assert_eq!(&attempt.exchange.response_body[..], b"no");
    let request = &receiver.requests()[0];
    assert_eq!(request.header("webhook-test"), Some("1"));
    assert_eq!(Some(&request.body[..]), attempt.payload.as_deref());
    settled(&world, webhook, 1).await;
    let logged = world.store.attempt(webhook, attempt.id).unwrap().unwrap();
    assert_eq!(logged.payload, attempt.payload);
    assert_eq!(
        world
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
        world.sonnette.test(webhook, Some("no.such")).await,
        Err(ControlError::NothingToTest)
    ));
    world.sonnette.stop().await;
}

#[tokio::test]
async fn a_repeated_key_answers_the_same_and_publishes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path());
    let receiver = Receiver::start().await;
    world.add_webhook(&receiver.url(), &[PLACED]);
    let keyed = |data: &str| {
        let mut r = request(PLACED, Some("democon"), data);
        r.idempotency_key = Some("k".to_owned());
        r
    };
    let first = world
        .publish(vec![keyed(r#"{"code":"A"}"#)])
        .await
        .unwrap()
        .remove(0);
    let again = world
        .publish(vec![keyed(r#"{ "code": "A" }"#)])
        .await
        .unwrap()
        .remove(0);
    assert!(first.new && !again.new);
    assert_eq!(first.id, again.id);
    assert_eq!((first.at, first.deliveries), (again.at, again.deliveries));
    let other = world
        .publish(vec![order("Z"), keyed(r#"{"code":"B"}"#)])
        .await;
    assert!(matches!(other, Err(PublishError::Conflict(1))), "{other:?}");
    // Concurrently: one is new.
    let tenant = world.tenant();
    let many = (0..20).map(|_| {
        let (sonnette, tenant) = (world.sonnette.clone(), tenant.clone());
        let mut r = order("C");
        r.idempotency_key = Some("c".to_owned());
        async move { sonnette.publish(&tenant, None, vec![r]).await.unwrap() }
    });
    let answers = many.collect::<tokio::task::JoinSet<_>>().join_all().await;
    assert_eq!(answers.iter().filter(|a| a[0].new).count(), 1);
    assert!(answers.iter().all(|a| a[0].id == answers[0][0].id));
    world.sonnette.stop().await;
}

#[tokio::test]
async fn whoever_asks_after_the_stop_is_told_so() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path());
    let webhook = world.add_webhook("http://127.0.0.1:9/", &[PLACED]);
    world.sonnette.stop().await;
    let test = world.sonnette.test(webhook, None).await;
    assert!(matches!(test, Err(ControlError::Stopping)), "{test:?}");
    let dropped = world.sonnette.drop_waiting(webhook).await;
    assert!(
        matches!(dropped, Err(ControlError::Stopping)),
        "{dropped:?}"
    );
}

#[tokio::test]
async fn a_token_that_is_no_longer_active_publishes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path());
    let hash = [5; 32];
    let token = NewToken {
        hash,
        name: "till".to_owned(),
        scope: Scope::Organizer(world.organizer, Permissions::DEFAULT),
        created: jiff::Timestamp::UNIX_EPOCH,
    };
    let token = world.store.add_token(&token, note()).unwrap();
    let tenant = world.tenant();
    let publish = || {
        world
            .sonnette
            .publish(&tenant, Some(hash), vec![order("A")])
    };
    publish().await.unwrap();
    let mut switch_off = |t: &mut Token| {
        t.active = false;
        true
    };
    world
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
        world.sonnette.refresh().unwrap();
    }
    world.sonnette.stop().await;
}

#[tokio::test]
async fn a_delivery_sent_again_by_hand_does_not_wait_for_the_silence_the_receiver_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path());
    let receiver = Receiver::start().await;
    receiver.script([
        Answer::status(503).header("retry-after", "3600"),
        Answer::ok(),
    ]);
    let webhook = world.add_webhook(&receiver.url(), &[PLACED]);
    let published = world.order("ABC23").await;
    settled(&world, webhook, 1).await;
    world.sonnette.resend(webhook, published.id).await.unwrap();
    receiver.wait_for(2).await;
    world.sonnette.stop().await;
}
