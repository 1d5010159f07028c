//! `webhook-id`: one for a webhook and a notification for ever.

use std::collections::BTreeSet;

use sonnette::testing::{Receiver, ScriptedResponse};

use crate::test_engine::TestEngine;

const ORDER_PLACED: &str = "pretix.event.order.placed";

fn ids(receiver: &Receiver) -> Vec<String> {
    let requests = receiver.requests();
    let ids = requests.iter().map(|r| r.header("webhook-id").unwrap());
    ids.map(str::to_owned).collect()
}

#[tokio::test]
async fn every_attempt_of_a_delivery_has_the_same_id() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start(directory.path());
    let receiver = Receiver::start().await;
    receiver.script([ScriptedResponse::status(500), ScriptedResponse::ok()]);
    let webhook = engine.add_webhook(&receiver.url(), &[ORDER_PLACED]);
    let notification = engine.order("ABC23").await.id;
    receiver.wait_for(1).await;
    engine.settled(webhook, 1).await;
    // Now, with other attempts, after a restart, and to all webhooks again.
    engine.sonnette.expedite(webhook, None).await.unwrap();
    engine.settled(webhook, 2).await;
    engine.sonnette.resend(webhook, notification).await.unwrap();
    engine.settled(webhook, 3).await;
    engine.sonnette.stop().await;
    let engine = TestEngine::start(directory.path());
    engine.sonnette.resend(webhook, notification).await.unwrap();
    engine.settled(webhook, 4).await;
    let organizer = engine.organizer_snapshot().await;
    engine
        .sonnette
        .replay(&organizer, notification)
        .await
        .unwrap();
    engine.settled(webhook, 5).await;
    let ids = ids(&receiver);
    assert_eq!(ids.len(), 5);
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let is_plain = |id: &str| id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    assert!(ids[0].len() <= 64 && is_plain(&ids[0]), "{}", ids[0]);
    engine.sonnette.stop().await;
}

#[tokio::test]
async fn webhooks_notifications_tests_and_installations_have_ids_of_their_own() {
    let receiver = Receiver::start().await;
    for _ in 0..2 {
        let directory = tempfile::tempdir().unwrap();
        let engine = TestEngine::start(directory.path());
        let first = engine.add_webhook(&receiver.url(), &[ORDER_PLACED]);
        let second = engine.add_webhook(&receiver.url(), &[ORDER_PLACED]);
        engine.order("ABC23").await;
        engine.order("ABC24").await;
        for webhook in [first, second] {
            engine.sonnette.test(webhook, None).await.unwrap();
            engine.sonnette.test(webhook, None).await.unwrap();
            engine.settled(webhook, 4).await;
        }
        engine.sonnette.stop().await;
    }
    let ids = ids(&receiver);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 16, "{ids:?}");
}

#[tokio::test]
async fn notifications_from_before_the_upgrade_keep_their_id() {
    let directory = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    let engine = TestEngine::start(directory.path());
    let webhook = engine.add_webhook(&receiver.url(), &[ORDER_PLACED]);
    engine.order("ABC23").await;
    let old = engine.order("ABC24").await.id;
    engine.settled(webhook, 2).await;
    engine.sonnette.stop().await;
    drop(engine);
    // As the migration leaves a store of version 0.1 with two notifications.
    let file = rusqlite::Connection::open(directory.path().join("sonnette.db")).unwrap();
    file.execute("UPDATE installations SET first_notification = 3", [])
        .unwrap();
    drop(file);
    let engine = TestEngine::start(directory.path());
    engine.sonnette.resend(webhook, old).await.unwrap();
    engine.settled(webhook, 3).await;
    let new = engine.order("ABC25").await.id;
    engine.settled(webhook, 4).await;
    let ids = ids(&receiver);
    assert_eq!(ids[2], format!("msg_{webhook}_{old}"));
    assert!(ids[3].contains(&format!("_{webhook}_{new}_")), "{ids:?}");
    engine.sonnette.stop().await;
}
