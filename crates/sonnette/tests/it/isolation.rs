//! Receivers that never answer leave room for others.

use std::time::Duration;

use sonnette::domain::{OrganizerId, WebhookId};
use sonnette::store::{ChangeResult, RegistryStore, WebhookStore};
use sonnette::testing::{Receiver, ScriptedResponse};
use tokio::time::timeout;

use crate::test_engine::{TestEngine, note, organizer, request, webhook};

const ORDER_PLACED: &str = "pretix.event.order.placed";
/// The requests that the engine has in flight at most.
const MAX_IN_FLIGHT: usize = 32;

fn add_organizer(engine: &TestEngine, slug: &str) -> OrganizerId {
    match engine
        .store
        .add_organizer(&organizer(slug), note())
        .unwrap()
    {
        ChangeResult::Done(organizer) => organizer.id,
        other => panic!("no organizer: {other:?}"),
    }
}

fn add_webhook(engine: &TestEngine, organizer: OrganizerId, url: &str) -> WebhookId {
    let webhook = webhook(organizer, url, &[ORDER_PLACED]);
    engine.store.add_webhook(&webhook, note(), None).unwrap().id
}

async fn publish(engine: &TestEngine, organizer: OrganizerId, code: &str) {
    let registry = engine.sonnette.refresh().await.unwrap();
    let organizer = registry.organizer_by_id(organizer).unwrap();
    let data = format!(r#"{{"code":"{code}"}}"#);
    let requests = vec![request(ORDER_PLACED, Some("democon"), &data)];
    engine
        .sonnette
        .publish(&organizer, None, requests)
        .await
        .unwrap();
}

/// A receiver that never answers, once it has as many requests as it can get.
async fn silent_receiver() -> Receiver {
    let receiver = Receiver::start().await;
    receiver.answer(ScriptedResponse::silent());
    receiver
}

#[tokio::test]
async fn an_organizer_whose_receiver_never_answers_delays_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start_with_capacity(directory.path(), MAX_IN_FLIGHT);
    let (silent, healthy) = (silent_receiver().await, Receiver::start().await);
    let (slow, other) = (add_organizer(&engine, "slow"), engine.organizer);
    for _ in 0..MAX_IN_FLIGHT {
        add_webhook(&engine, slow, &silent.url());
    }
    add_webhook(&engine, other, &healthy.url());
    publish(&engine, slow, "ABC23").await;
    silent.wait_for(MAX_IN_FLIGHT / 4).await;
    publish(&engine, other, "DEF45").await;
    timeout(Duration::from_secs(1), healthy.wait_for(1))
        .await
        .expect("there is room for another organizer");
    assert_eq!(silent.requests().len(), MAX_IN_FLIGHT / 4);
    engine.sonnette.stop().await;
}

#[tokio::test]
async fn a_host_that_never_answers_many_organizers_delays_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start_with_capacity(directory.path(), MAX_IN_FLIGHT);
    let (silent, healthy) = (silent_receiver().await, Receiver::start().await);
    for number in 0..MAX_IN_FLIGHT {
        let slow = add_organizer(&engine, &format!("slow{number}"));
        add_webhook(&engine, slow, &silent.url());
        publish(&engine, slow, "ABC23").await;
    }
    silent.wait_for(MAX_IN_FLIGHT / 4).await;
    add_webhook(&engine, engine.organizer, &healthy.url());
    publish(&engine, engine.organizer, "DEF45").await;
    timeout(Duration::from_secs(1), healthy.wait_for(1))
        .await
        .expect("there is room for another host");
    assert_eq!(silent.requests().len(), MAX_IN_FLIGHT / 4);
    engine.sonnette.stop().await;
}

#[tokio::test]
async fn a_webhook_that_responds_well_has_room_beside_any_number_that_do_not() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start_with_capacity(directory.path(), MAX_IN_FLIGHT);
    let healthy = Receiver::start().await;
    add_webhook(&engine, engine.organizer, &healthy.url());
    publish(&engine, engine.organizer, "ABC23").await;
    healthy.wait_for(1).await;
    let mut silent = Vec::new();
    for number in 0..4 {
        let (receiver, slow) = (
            silent_receiver().await,
            add_organizer(&engine, &format!("slow{number}")),
        );
        for _ in 0..MAX_IN_FLIGHT / 2 {
            add_webhook(&engine, slow, &receiver.url());
        }
        publish(&engine, slow, "ABC23").await;
        silent.push(receiver);
    }
    for receiver in &silent[..3] {
        receiver.wait_for(MAX_IN_FLIGHT / 4).await;
    }
    publish(&engine, engine.organizer, "DEF45").await;
    timeout(Duration::from_secs(1), healthy.wait_for(2))
        .await
        .expect("its room is kept");
    let in_flight: usize = silent.iter().map(|r| r.requests().len()).sum();
    assert_eq!(in_flight, MAX_IN_FLIGHT * 3 / 4);
    engine.sonnette.stop().await;
}
