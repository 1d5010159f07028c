//! Resending beside other attempts, and what becomes of a request that is in flight while its delivery is changed.

use std::sync::Arc;

use sonnette::clock::{Clock as _, SystemClock};
use sonnette::domain::{
    Delivery, DeliveryState, DisableReason, Disablement, NotificationId, WebhookId, WebhookState,
};
use sonnette::engine::PublishRequest;
use sonnette::store::{AttemptQuery, DeliveryAdmin, History, WebhookStore};
use sonnette::testing::{Gate, Receiver, ScriptedResponse};

use crate::test_engine::{TestEngine, note, order};

const ORDER_PLACED: &str = "pretix.event.order.placed";

/// The numbers of the attempts, the first one first.
fn numbers(engine: &TestEngine, webhook: WebhookId) -> Vec<u32> {
    let query = AttemptQuery {
        limit: 1_000,
        ..AttemptQuery::default()
    };
    let attempts = engine.store.attempts(&[webhook], &query).unwrap();
    attempts
        .iter()
        .rev()
        .map(|attempt| attempt.number)
        .collect()
}

fn delivery(engine: &TestEngine, webhook: WebhookId, id: NotificationId) -> Delivery {
    engine.store.delivery(webhook, id).unwrap().unwrap()
}

/// Waits until the delivery is settled.
async fn settled(engine: &TestEngine, webhook: WebhookId, id: NotificationId) -> Delivery {
    for _ in 0..500 {
        let found = delivery(engine, webhook, id);
        if matches!(found.state, DeliveryState::Settled { .. }) {
            return found;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("{:?}", delivery(engine, webhook, id));
}

/// Waits until no attempt has been added for a while.
async fn quiet(engine: &TestEngine, webhook: WebhookId) -> Vec<u32> {
    let mut before = numbers(engine, webhook);
    loop {
        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
        let after = numbers(engine, webhook);
        if after == before {
            return after;
        }
        before = after;
    }
}

#[tokio::test]
async fn parallel_resends_are_joined_or_numbered() {
    for status in [200, 500] {
        let directory = tempfile::tempdir().unwrap();
        let engine = TestEngine::start(directory.path());
        let receiver = Receiver::start().await;
        receiver.respond_with(ScriptedResponse::status(status));
        let webhook = engine.add_webhook(&receiver.url(), &[ORDER_PLACED]);
        let id = engine.order("A1").await.id;
        engine.settled(webhook, 1).await;
        for _ in 0..10 {
            let mut resends = tokio::task::JoinSet::new();
            for _ in 0..5 {
                let sonnette = Arc::clone(&engine.sonnette);
                resends.spawn(async move { sonnette.resend(webhook, id).await });
            }
            resends.spawn({
                let sonnette = Arc::clone(&engine.sonnette);
                async move {
                    sonnette.expedite(webhook, None).await?;
                    sonnette.resend(webhook, id).await
                }
            });
            for resend in resends.join_all().await {
                resend.unwrap();
            }
        }
        let numbers = quiet(&engine, webhook).await;
        assert!(numbers.len() > 1, "{numbers:?}");
        let expected: Vec<_> = (1..).take(numbers.len()).collect();
        assert_eq!(numbers, expected, "after {status}");
        let delivery = delivery(&engine, webhook, id);
        assert_eq!(delivery.attempts as usize, numbers.len());
        engine.sonnette.stop().await;
    }
}

#[tokio::test]
async fn a_replay_beside_an_attempt_in_flight_gets_the_next_number() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start(directory.path());
    let receiver = Receiver::start().await;
    let gate = Gate::new();
    receiver.script([
        ScriptedResponse::ok().held_by(&gate),
        ScriptedResponse::ok(),
    ]);
    let webhook = engine.add_webhook(&receiver.url(), &[ORDER_PLACED]);
    let id = engine.order("A1").await.id;
    receiver.wait_for(1).await;
    let organizer = engine.organizer_snapshot().await;
    assert_eq!(engine.sonnette.replay(&organizer, id).await.unwrap(), 1);
    gate.open();
    receiver.wait_for(2).await;
    engine.settled(webhook, 2).await;
    assert_eq!(numbers(&engine, webhook), [1, 2]);
    let delivery = settled(&engine, webhook, id).await;
    assert_eq!(
        (delivery.state.as_str(), delivery.attempts),
        ("delivered", 2)
    );
    engine.sonnette.stop().await;
}

#[tokio::test]
async fn a_delivery_resent_after_it_was_dropped_in_flight_gets_the_next_number() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start(directory.path());
    let receiver = Receiver::start().await;
    let gate = Gate::new();
    receiver.script([
        ScriptedResponse::status(500).held_by(&gate),
        ScriptedResponse::ok(),
    ]);
    let webhook = engine.add_webhook(&receiver.url(), &[ORDER_PLACED]);
    let id = engine.order("A1").await.id;
    receiver.wait_for(1).await;
    engine.sonnette.drop_pending(webhook, None).await.unwrap();
    engine.sonnette.resend(webhook, id).await.unwrap();
    gate.open();
    receiver.wait_for(2).await;
    engine.settled(webhook, 2).await;
    assert_eq!(numbers(&engine, webhook), [1, 2]);
    assert_eq!(settled(&engine, webhook, id).await.attempts, 2);
    engine.sonnette.stop().await;
}

/// A delivery whose request is in flight, with a receiver that answers once the gate is open.
struct InFlight {
    engine: TestEngine,
    receiver: Receiver,
    gate: Gate,
    webhook: WebhookId,
    notification: NotificationId,
    _directory: tempfile::TempDir,
}

impl InFlight {
    async fn with_answer(status: u16) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let engine = TestEngine::start(directory.path());
        let receiver = Receiver::start().await;
        let gate = Gate::new();
        receiver.respond_with(ScriptedResponse::status(status).held_by(&gate));
        let webhook = engine.add_webhook(&receiver.url(), &[ORDER_PLACED]);
        let about_anna = PublishRequest {
            subject: Some("anna".to_owned()),
            ..order("A1")
        };
        let published = engine.publish(vec![about_anna]).await.unwrap();
        receiver.wait_for(1).await;
        Self {
            engine,
            receiver,
            gate,
            webhook,
            notification: published[0].id,
            _directory: directory,
        }
    }

    fn disable(&self) -> impl Future<Output = ()> {
        let off = Disablement {
            since: SystemClock.now(),
            reason: DisableReason::User,
        };
        self.engine
            .change_webhook(self.webhook, move |w| w.state = WebhookState::Disabled(off))
    }

    /// Lets the receiver answer, and returns the delivery after that.
    async fn ends(&self) -> Delivery {
        self.gate.open();
        self.engine.settled(self.webhook, 1).await;
        let delivery = delivery(&self.engine, self.webhook, self.notification);
        assert_eq!(self.receiver.requests().len(), 1);
        self.engine.sonnette.stop().await;
        delivery
    }
}

#[tokio::test]
async fn a_success_of_a_webhook_deleted_meanwhile_is_a_delivery() {
    let scene = InFlight::with_answer(200).await;
    let (engine, webhook) = (&scene.engine, scene.webhook);
    // As DELETE does it.
    engine
        .store
        .mark_webhook_deleted(engine.organizer, webhook, note())
        .unwrap();
    engine.sonnette.drop_pending(webhook, None).await.unwrap();
    let dropped = delivery(engine, webhook, scene.notification);
    assert_eq!(dropped.state.as_str(), "dropped");
    let delivery = scene.ends().await;
    assert_eq!(
        (delivery.state.as_str(), delivery.attempts),
        ("delivered", 1)
    );
}

#[tokio::test]
async fn a_success_of_a_delivery_dropped_meanwhile_is_a_delivery() {
    let scene = InFlight::with_answer(200).await;
    scene
        .engine
        .sonnette
        .drop_pending(scene.webhook, None)
        .await
        .unwrap();
    assert_eq!(scene.ends().await.state.as_str(), "delivered");
}

#[tokio::test]
async fn a_success_of_a_notification_erased_meanwhile_is_a_delivery() {
    let scene = InFlight::with_answer(200).await;
    let organizer = scene.engine.organizer_snapshot().await;
    let erased = scene
        .engine
        .sonnette
        .erase(&organizer, "anna", note())
        .await
        .unwrap();
    assert_eq!(erased.dropped, 1);
    assert_eq!(scene.ends().await.state.as_str(), "delivered");
}

#[tokio::test]
async fn a_success_of_a_webhook_disabled_meanwhile_is_a_delivery() {
    let scene = InFlight::with_answer(200).await;
    scene.disable().await;
    assert_eq!(scene.ends().await.state.as_str(), "delivered");
}

#[tokio::test]
async fn a_success_after_the_delivery_was_given_up_is_a_delivery() {
    let scene = InFlight::with_answer(200).await;
    let later = SystemClock.now() + jiff::SignedDuration::from_hours(73);
    let expired = scene.engine.store.expire_deliveries(scene.webhook, later);
    assert_eq!(expired.unwrap(), 1);
    assert_eq!(scene.ends().await.state.as_str(), "delivered");
}

#[tokio::test]
async fn a_failure_of_a_delivery_dropped_meanwhile_leaves_it_dropped() {
    let scene = InFlight::with_answer(500).await;
    scene
        .engine
        .sonnette
        .drop_pending(scene.webhook, None)
        .await
        .unwrap();
    let delivery = scene.ends().await;
    assert_eq!((delivery.state.as_str(), delivery.attempts), ("dropped", 1));
}
