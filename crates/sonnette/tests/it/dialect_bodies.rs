//! What the dialects ask of the engine: a member worked out at each sending, facts that ring nobody, news of webhooks.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Value, json};
use sonnette::clock::Clock as _;
use sonnette::domain::{
    ActionTypeName, DialectName, DisableReason, PayloadShape, RegisteredActionType, WebhookId,
    WebhookState,
};
use sonnette::store::{
    AttemptQuery, ChangeResult, History as _, NotificationQuery, RegistryStore as _,
    WebhookStore as _,
};
use sonnette::testing::{MockClock, Receiver, ScriptedResponse};

use crate::test_engine::{TestEngine, note, request};

const MEMBERSHIP: &str = "tibillet.membership";

fn membership(members: &Value) -> String {
    let mut data = json!({
        "id": 4127, "uuid": "6c1b9a52-9f0e-4b0e-8f3a-0d6f6e7c2b10", "status": "L", "card_number": "A1B2C3D4",
        "date_added": "2026-03-01T09:15:29Z",
    });
    for (key, value) in members.as_object().unwrap() {
        data[key] = value.clone();
    }
    data.to_string()
}

/// Waits until this many attempts of a webhook are on disk; newest first, each in full.
async fn attempts(
    engine: &TestEngine,
    webhook: WebhookId,
    count: usize,
) -> Vec<sonnette::domain::Attempt> {
    let query = AttemptQuery {
        limit: 100,
        ..AttemptQuery::default()
    };
    for _ in 0..500 {
        let found = engine.store.attempts(&[webhook], &query).unwrap();
        if found.len() >= count {
            let whole = found
                .iter()
                .map(|a| engine.store.attempt(webhook, a.id).unwrap().unwrap());
            return whole.collect();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("fewer than {count} attempts");
}

/// The notifications of these names, oldest first, once there are so many.
async fn published(engine: &TestEngine, count: usize) -> Vec<(String, usize)> {
    let query = NotificationQuery {
        limit: 100,
        ..NotificationQuery::default()
    };
    for _ in 0..500 {
        let found = engine
            .store
            .notifications(engine.organizer, &query)
            .unwrap();
        if found.len() >= count {
            let names = found.iter().rev();
            return names
                .map(|n| (n.notification.action_type.to_string(), n.delivery_count))
                .collect();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("fewer than {count} notifications");
}

#[tokio::test]
async fn is_valid_flips_between_two_attempts_and_the_log_shows_both() {
    let directory = tempfile::tempdir().unwrap();
    let clock = MockClock::default();
    let engine = TestEngine::start_at(directory.path(), Arc::new(clock.clone()));
    engine.set_dialects(&[DialectName::Tibillet]).await;
    let receiver = Receiver::start().await;
    receiver.script([ScriptedResponse::status(500), ScriptedResponse::ok()]);
    let webhook = engine.add_webhook(&receiver.url(), &[MEMBERSHIP]);
    let deadline = clock.now() + SignedDuration::from_secs(3);
    let data = membership(&json!({"deadline": deadline.to_string()}));
    let told = engine
        .publish(vec![request(MEMBERSHIP, None, &data)])
        .await
        .unwrap()
        .remove(0);
    assert_eq!(told.deliveries, 1);
    attempts(&engine, webhook, 1).await;

    clock.advance(SignedDuration::from_secs(8));
    receiver.wait_for(2).await;
    let log = attempts(&engine, webhook, 2).await;
    let requests = receiver.requests();
    let text = |body: &[u8]| String::from_utf8(body.to_vec()).unwrap();
    let (first, second) = (text(&requests[0].body), text(&requests[1].body));
    assert!(first.contains(r#""is_valid":true"#), "{first}");
    assert!(second.contains(r#""is_valid":false"#), "{second}");
    assert_eq!(
        first.replace(r#""is_valid":true"#, r#""is_valid":false"#),
        second
    );
    assert_eq!(
        requests[0].header("webhook-id"),
        requests[1].header("webhook-id")
    );
    let logged: Vec<_> = log
        .iter()
        .rev()
        .map(|a| text(a.sent_body.as_deref().unwrap()))
        .collect();
    assert_eq!(logged, [first, second]);
    let entry = engine
        .store
        .notification(engine.organizer, told.id)
        .unwrap()
        .unwrap();
    assert_eq!(entry.data.as_deref(), Some(data.as_str()));
    engine.sonnette.stop().await;
}

#[tokio::test]
async fn a_notification_for_no_one_is_stored_and_not_replayed() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start(directory.path());
    engine.set_dialects(&[DialectName::Tibillet]).await;
    let receiver = Receiver::start().await;
    engine.add_webhook(&receiver.url(), &["tibillet.*"]);
    let none = engine
        .publish(vec![request(MEMBERSHIP, None, &membership(&json!({})))])
        .await
        .unwrap()
        .remove(0);
    assert_eq!(none.deliveries, 0);
    assert_eq!(
        engine
            .sonnette
            .replay(&engine.organizer_snapshot().await, none.id)
            .await
            .unwrap(),
        0
    );
    let told = membership(&json!({"deadline": "2099-01-01T00:00:00Z"}));
    let told = engine
        .publish(vec![request(MEMBERSHIP, None, &told)])
        .await
        .unwrap()
        .remove(0);
    receiver.wait_for(1).await;
    let message_id = receiver.requests()[0]
        .header("webhook-id")
        .unwrap()
        .to_owned();
    assert!(
        message_id.contains(&format!("_1_{}_", told.id)),
        "{message_id}"
    );
    engine.sonnette.stop().await;
}

#[tokio::test]
async fn a_new_schema_does_not_change_published_notifications() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start(directory.path());
    let receiver = Receiver::start().await;
    receiver.script([ScriptedResponse::status(500), ScriptedResponse::ok()]);
    let mut action = RegisteredActionType {
        id: 0,
        organizer: Some(engine.organizer),
        name: "order.packed".parse::<ActionTypeName>().unwrap(),
        description: String::new(),
        schema: Some(json!({"type": "object", "required": ["old"]})),
        example: None,
        shape: PayloadShape::Custom,
        from_file: false,
    };
    let ChangeResult::Done(id) = engine.store.add_action_type(&action, note()).unwrap() else {
        panic!("not registered")
    };
    let webhook = engine.add_webhook(&receiver.url(), &["order.packed"]);
    let told = engine
        .publish(vec![request("order.packed", None, r#"{"old":1}"#)])
        .await
        .unwrap()
        .remove(0);
    attempts(&engine, webhook, 1).await;

    action.id = id;
    action.schema =
        Some(json!({"type": "object", "required": ["new"], "additionalProperties": false}));
    engine.store.change_action_type(&action, note()).unwrap();
    assert!(
        engine
            .publish(vec![request("order.packed", None, r#"{"old":1}"#)])
            .await
            .is_err()
    );
    engine.sonnette.expedite(webhook, None).await.unwrap();
    receiver.wait_for(2).await;
    attempts(&engine, webhook, 2).await;
    engine.store.remove_action_type(&action, note()).unwrap();
    engine.sonnette.refresh().await.unwrap();
    engine.sonnette.resend(webhook, told.id).await.unwrap();
    receiver.wait_for(3).await;
    let requests = receiver.requests();
    assert_eq!(requests[0].body, requests[1].body);
    assert_eq!(requests[0].body, requests[2].body);
    engine.sonnette.stop().await;
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn changes_of_a_webhook_are_published_to_the_others() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start(directory.path());
    engine.set_dialects(&[DialectName::Creads]).await;
    let receiver = Receiver::start().await;
    let listener = engine.add_webhook(&receiver.url(), &["creads.webhook.*"]);
    published(&engine, 1).await;
    let other = engine.add_webhook(
        "http://user:secret@127.0.0.1:9/x",
        &["creads.webhook.*", "creads.work.created"],
    );
    receiver.wait_for(1).await;
    // Nothing but settings and secrets: no news.
    engine
        .change_webhook(other, |w| w.settings.max_per_second = Some(3))
        .await;
    engine
        .change_webhook(other, |w| {
            w.secrets.current = sonnette::domain::Secret::from_random([9; 32]);
        })
        .await;
    engine.change_webhook(other, |_| ()).await;
    engine
        .change_webhook(other, |w| w.comment = Some("new".to_owned()))
        .await;
    receiver.wait_for(2).await;
    for _ in 0..2 {
        engine
            .store
            .mark_webhook_deleted(engine.organizer, other, note())
            .unwrap();
    }
    engine.sonnette.refresh().await.unwrap();
    receiver.wait_for(3).await;
    // The webhook is disabled, so that it does not get this change either.
    engine
        .change_webhook(listener, |w| w.comment = Some("mine".to_owned()))
        .await;
    let names = published(&engine, 5).await;
    let expected = [
        ("creads.webhook.created", 0),
        ("creads.webhook.created", 1),
        ("creads.webhook.updated", 1),
        ("creads.webhook.deleted", 1),
        ("creads.webhook.updated", 0),
    ];
    assert_eq!(names, expected.map(|(name, told)| (name.to_owned(), told)));
    let bodies: Vec<Value> = receiver
        .requests()
        .iter()
        .map(|r| serde_json::from_slice(&r.body).unwrap())
        .collect();
    assert_eq!(bodies[0]["resource"]["url"], "http://127.0.0.1:9/x");
    assert_eq!(bodies[0]["resource_gid"], bodies[1]["resource_gid"]);
    assert_eq!(bodies[1]["resource"]["enabled"], true);
    assert_eq!(
        bodies[0]["resource"]["created_at"],
        bodies[1]["resource"]["created_at"]
    );
    assert_eq!(
        bodies[2].as_object().unwrap().keys().collect::<Vec<_>>(),
        ["event", "resource_type", "resource_gid"]
    );
    let sent: String = receiver
        .requests()
        .iter()
        .map(|r| String::from_utf8_lossy(&r.body).into_owned())
        .collect();
    assert!(!sent.contains("secret") && !sent.contains("user"), "{sent}");
    engine.sonnette.stop().await;
}

#[tokio::test]
async fn undeliverable_webhook_changes_do_not_cause_more_changes() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start(directory.path());
    engine.set_dialects(&[DialectName::Creads]).await;
    let (gone, good) = (Receiver::start().await, Receiver::start().await);
    gone.respond_with(ScriptedResponse::status(410));
    let first = engine.add_webhook(&gone.url(), &["creads.webhook.*"]);
    let second = engine.add_webhook(&gone.url(), &["creads.webhook.*"]);
    engine.add_webhook(&good.url(), &["creads.webhook.*"]);
    // Both of them answer 410 to the first news that they hear: one `updated` each, and then there is silence.
    for webhook in [first, second] {
        attempts(&engine, webhook, 1).await;
    }
    let names = published(&engine, 5).await;
    let count = |what: &str| {
        names
            .iter()
            .filter(|(name, _)| name.ends_with(what))
            .count()
    };
    assert_eq!((count("created"), count("updated")), (3, 2));
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(published(&engine, 5).await.len(), 5);
    let registry = engine.sonnette.refresh().await.unwrap();
    for webhook in [first, second] {
        let state = &registry.webhook(webhook).unwrap().state;
        assert!(
            matches!(state, WebhookState::Disabled(d) if d.reason == DisableReason::Gone),
            "{state:?}"
        );
    }
    let last: Value = serde_json::from_slice(&good.requests().last().unwrap().body).unwrap();
    assert_eq!(last["resource"]["enabled"], false);
    engine.sonnette.stop().await;
}

#[tokio::test]
async fn pending_webhook_changes_survive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start(directory.path());
    engine.set_dialects(&[DialectName::Creads]).await;
    engine.sonnette.stop().await;
    // The command line, while nobody serves.
    engine.add_webhook("http://127.0.0.1:9/x", &["creads.webhook.*"]);
    drop(engine);
    let engine = TestEngine::start(directory.path());
    let names = published(&engine, 1).await;
    assert_eq!(names, [("creads.webhook.created".to_owned(), 0)]);
    engine.sonnette.stop().await;
}
