//! Sending what was missed while a webhook was disabled, and erasing the data of a person.

use sonnette::clock::{Clock, SystemClock};
use sonnette::domain::{
    DialectName, DisableReason, Disablement, NotificationId, Organizer, WebhookId, WebhookState,
};
use sonnette::engine::ControlError;
use sonnette::store::{
    AttemptQuery, ChangeResult, DeliveryAdmin, History, RegistryStore, TimeRange,
};
use sonnette::testing::{Gate, Receiver, ScriptedResponse};

use crate::test_engine::{TestEngine, batch_entry, note, order, request};

const ORDER_PLACED: &str = "pretix.event.order.placed";

fn disabled() -> WebhookState {
    WebhookState::Disabled(Disablement {
        since: SystemClock.now(),
        reason: DisableReason::User,
    })
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn missed_notifications_are_enqueued_once() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start(directory.path());
    let receiver = Receiver::start().await;
    let webhook = engine.add_webhook(&receiver.url(), &[ORDER_PLACED]);
    engine.order("before").await;
    receiver.wait_for(1).await;
    let span = |since| TimeRange {
        since: Some(since),
        until: None,
    };

    engine
        .change_webhook(webhook, |w| w.state = disabled())
        .await;
    let first = engine.order("missed1").await;
    let paid = request(
        "pretix.event.order.paid",
        Some("democon"),
        r#"{"code":"B"}"#,
    );
    engine.publish(vec![paid]).await.unwrap();
    engine
        .change_webhook(webhook, |w| w.state = WebhookState::Enabled)
        .await;
    engine.order("between").await;
    engine
        .change_webhook(webhook, |w| w.state = disabled())
        .await;
    let second = engine.order("missed2").await;
    assert!(matches!(
        engine
            .sonnette
            .resend_missed(webhook, span(first.published_at), None)
            .await,
        Err(ControlError::Disabled)
    ));
    engine
        .change_webhook(webhook, |w| w.state = WebhookState::Enabled)
        .await;
    receiver.wait_for(2).await;

    let missed = |since, dry_run: bool| {
        let (sonnette, range) = (&engine.sonnette, span(since));
        async move {
            let mut entry = (!dry_run).then(batch_entry);
            sonnette.resend_missed(webhook, range, entry.as_mut()).await
        }
    };
    assert_eq!(missed(first.published_at, true).await.unwrap(), 2);
    assert_eq!(missed(second.published_at, true).await.unwrap(), 1);
    let until = TimeRange {
        since: Some(first.published_at),
        until: Some(first.published_at),
    };
    let only_first = engine.sonnette.resend_missed(webhook, until, None).await;
    assert_eq!(only_first.unwrap(), 1);
    assert_eq!(receiver.requests().len(), 2);

    assert_eq!(missed(first.published_at, false).await.unwrap(), 2);
    receiver.wait_for(4).await;
    engine.settled(webhook, 4).await;
    assert_eq!(missed(first.published_at, false).await.unwrap(), 0);
    let bodies: Vec<_> = receiver
        .requests()
        .iter()
        .map(|r| String::from_utf8_lossy(&r.body).into_owned())
        .collect();
    for code in ["before", "between", "missed1", "missed2"] {
        let told = bodies.iter().filter(|b| b.contains(code)).count();
        assert_eq!(told, 1, "{code}: {bodies:?}");
    }
    engine.sonnette.stop().await;
}

/// A publication that concerns the person `hush-42`.
fn personal(code: &str) -> sonnette::engine::PublishRequest {
    let mut request = order(code);
    request.subject = Some("hush-42".to_owned());
    request
}

/// Whether a file of the store holds this text.
fn holds(directory: &std::path::Path, text: &str) -> bool {
    std::fs::read_dir(directory).unwrap().any(|entry| {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        bytes.windows(text.len()).any(|w| w == text.as_bytes())
    })
}

/// The ids, times and outcomes stay; what was said does not, but for this notification's.
fn assert_only_kept_body(engine: &TestEngine, webhook: WebhookId, kept: NotificationId) {
    let query = AttemptQuery {
        limit: 9,
        ..Default::default()
    };
    for attempt in engine.store.attempts(&[webhook], &query).unwrap() {
        let full = engine.store.attempt(webhook, attempt.id).unwrap().unwrap();
        let kept = attempt.notification == kept;
        assert_eq!(full.sent_body.is_some_and(|p| !p.is_empty()), kept);
        assert_eq!(!full.exchange.response_body.is_empty(), kept);
    }
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
#[tokio::test]
async fn erasure_removes_a_person_from_every_table() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start(directory.path());
    let receiver = Receiver::start().await;
    let secret_answer = || ScriptedResponse::ok().body("HUSHANSWER");
    receiver.script([
        secret_answer(),
        ScriptedResponse::status(500).body("HUSHANSWER"),
    ]);
    let webhook = engine.add_webhook(&receiver.url(), &[ORDER_PLACED]);
    let first = engine
        .publish(vec![personal("HUSHCODE1")])
        .await
        .unwrap()
        .remove(0);
    engine.settled(webhook, 1).await;
    let second = engine
        .publish(vec![personal("HUSHCODE2")])
        .await
        .unwrap()
        .remove(0);
    engine.settled(webhook, 2).await;
    let other = engine.order("KEPT").await;
    engine.settled(webhook, 3).await;
    assert!(holds(directory.path(), "HUSHCODE1") && holds(directory.path(), "HUSHANSWER"));

    let organizer_snapshot = engine.organizer_snapshot().await;
    let erased = engine
        .sonnette
        .erase(&organizer_snapshot, "hush-42", note())
        .await
        .unwrap();
    let counts = (erased.notifications, erased.attempts, erased.dropped);
    assert_eq!(counts, (2, 2, 1));
    for text in ["HUSHCODE", "hush-42"] {
        assert!(!holds(directory.path(), text), "{text} is still there");
    }
    let again = engine
        .sonnette
        .erase(&organizer_snapshot, "hush-42", note())
        .await
        .unwrap();
    assert_eq!(
        (again.notifications, again.attempts, again.dropped),
        (0, 0, 0)
    );

    let entry = engine
        .store
        .notification(engine.organizer, first.id)
        .unwrap()
        .unwrap();
    assert!(entry.notification.body.is_empty() && entry.subject.is_none());
    assert_only_kept_body(&engine, webhook, other.id);
    let delivery = engine.store.delivery(webhook, second.id).unwrap().unwrap();
    assert_eq!(delivery.state.as_str(), "dropped");

    // Nothing of it is ever sent again.
    receiver.respond_with(ScriptedResponse::ok());
    assert!(matches!(
        engine.sonnette.resend(webhook, second.id).await,
        Err(ControlError::Erased)
    ));
    assert!(matches!(
        engine.sonnette.replay(&organizer_snapshot, first.id).await,
        Err(ControlError::Erased)
    ));
    let mut entry = batch_entry();
    let all = TimeRange::default();
    let resent = engine
        .sonnette
        .resend_undelivered(webhook, all, None, Some(&mut entry));
    assert_eq!(resent.await.unwrap(), 1);
    receiver.wait_for(4).await;
    assert!(receiver.requests()[3].body.windows(4).any(|w| w == b"KEPT"));
    engine.sonnette.stop().await;
}

#[tokio::test]
async fn a_response_after_the_erasure_is_not_stored() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start(directory.path());
    let receiver = Receiver::start().await;
    let gate = Gate::new();
    receiver.respond_with(ScriptedResponse::ok().body("HUSHANSWER").held_by(&gate));
    let webhook = engine.add_webhook(&receiver.url(), &[ORDER_PLACED]);
    engine.publish(vec![personal("HUSHCODE")]).await.unwrap();
    receiver.wait_for(1).await;
    let erased = engine
        .sonnette
        .erase(&*engine.organizer_snapshot().await, "hush-42", note())
        .await
        .unwrap();
    assert_eq!((erased.notifications, erased.dropped), (1, 1));
    gate.open();
    engine.settled(webhook, 1).await;
    assert!(!holds(directory.path(), "HUSHANSWER"));
    engine.sonnette.stop().await;
}

#[tokio::test]
async fn undelivered_notifications_are_not_missed_and_stored_data_is_erased() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start(directory.path());
    let mut speak = |organizer: &mut Organizer| {
        organizer.dialects = vec![DialectName::Tibillet];
        true
    };
    let changed = engine
        .store
        .change_organizer(engine.organizer, &mut speak, note());
    assert!(matches!(changed, Ok(ChangeResult::Done(_))));
    let receiver = Receiver::start().await;
    let webhook = engine.add_webhook(&receiver.url(), &["tibillet.reservation"]);
    engine
        .change_webhook(webhook, |w| w.state = disabled())
        .await;
    let mut uuids = Vec::new();
    for status in ["R", "P"] {
        let uuid = uuid::Uuid::new_v4().to_string();
        let data =
            format!(r#"{{"uuid":"{uuid}","status":"{status}","datetime":"2026-03-01T12:00:00Z"}}"#);
        let mut saved = request("tibillet.reservation", None, &data);
        saved.subject = Some("hush-42".to_owned());
        engine.publish(vec![saved]).await.unwrap();
        uuids.push(uuid);
    }
    engine
        .change_webhook(webhook, |w| w.state = WebhookState::Enabled)
        .await;
    let mut entry = batch_entry();
    let missed = engine
        .sonnette
        .resend_missed(webhook, TimeRange::default(), Some(&mut entry));
    assert_eq!(missed.await.unwrap(), 1);
    receiver.wait_for(1).await;
    engine.settled(webhook, 1).await;
    let erased = engine
        .sonnette
        .erase(&*engine.organizer_snapshot().await, "hush-42", note())
        .await;
    assert_eq!(erased.unwrap().notifications, 2);
    for uuid in uuids {
        assert!(!holds(directory.path(), &uuid), "{uuid} is still there");
    }
    engine.sonnette.stop().await;
}
