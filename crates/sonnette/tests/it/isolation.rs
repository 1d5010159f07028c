//! Receivers that never answer leave room for others.

use std::net::Ipv4Addr;
use std::time::Duration;

use sonnette::domain::{OrganizerId, WebhookId};
use sonnette::engine::sender::Resolver;
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
    receiver.respond_with(ScriptedResponse::silent());
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

/// Names that begin with "hangs" are never found, and their lookups do not end before the test. All others are this machine.
fn resolver_with_hanging_names() -> Resolver {
    Resolver::new(|host| {
        if host.starts_with("hangs") {
            let (_sender, never) = std::sync::mpsc::channel::<()>();
            let _ = never.recv_timeout(Duration::from_mins(1));
        }
        Ok(vec![Ipv4Addr::LOCALHOST.into()])
    })
}

fn lookup_threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let names = tasks.map(|task| std::fs::read_to_string(task.path().join("comm")));
    // A thread may end meanwhile.
    let is_lookup = |name: &String| name.trim() == "sonnette-lookup";
    names.flatten().filter(is_lookup).count()
}

#[tokio::test]
async fn names_whose_lookup_hangs_delay_no_other_webhook() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start_with_resolver(directory.path(), resolver_with_hanging_names());
    let healthy = Receiver::start().await;
    let port = healthy.address().port();
    let known = add_webhook(
        &engine,
        engine.organizer,
        &format!("http://known.test:{port}/"),
    );
    publish(&engine, engine.organizer, "ABC23").await;
    engine.settled(known, 1).await;
    for number in 0..10 {
        let hanging = add_organizer(&engine, &format!("hanging{number}"));
        for name in 0..60 {
            let url = format!("http://hangs{name}.organizer{number}.test:{port}/");
            add_webhook(&engine, hanging, &url);
        }
        publish(&engine, hanging, "ABC23").await;
    }
    // So many lookups begin that further ones wait.
    let wait = async {
        while lookup_threads() < 190 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(15), wait)
        .await
        .expect("lookups hang");
    for number in 0..10 {
        // New names are looked up, too.
        let name = format!("http://new{number}.test:{port}/");
        add_webhook(&engine, engine.organizer, &name);
        let before = healthy.requests().len();
        publish(&engine, engine.organizer, "DEF45").await;
        timeout(Duration::from_secs(4), healthy.wait_for(before + 1))
            .await
            .expect("a known name is not delayed");
    }
    let all = 1 + (2..=11).sum::<usize>();
    timeout(Duration::from_secs(8), healthy.wait_for(all))
        .await
        .expect("new names are found");
    assert!(lookup_threads() <= 256, "{}", lookup_threads());
    engine.sonnette.stop().await;
}
