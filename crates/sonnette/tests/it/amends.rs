//! What was missed while a webhook was off, and forgetting a person.

use sonnette::clock::{Clock, SystemClock};
use sonnette::domain::{
    DialectName, DisableReason, Disabled, NotificationId, Organizer, WebhookId, WebhookState,
};
use sonnette::engine::ControlError;
use sonnette::store::{
    AttemptQuery, ChangeResult, DeliveryAdmin, History, RegistryStore, TimeRange,
};
use sonnette::testing::{Answer, Gate, Receiver};

use crate::world::{World, order, request};

const PLACED: &str = "pretix.event.order.placed";

fn off() -> WebhookState {
    WebhookState::Disabled(Disabled {
        since: SystemClock.now(),
        reason: DisableReason::User,
    })
}

#[tokio::test]
async fn what_was_missed_while_off_is_owed_once() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path());
    let receiver = Receiver::start().await;
    let webhook = world.add_webhook(&receiver.url(), &[PLACED]);
    world.order("before").await;
    receiver.wait_for(1).await;
    let span = |since| TimeRange {
        since: Some(since),
        until: None,
    };

    world.change_webhook(webhook, |w| w.state = off()).await;
    let first = world.order("missed1").await;
    let paid = request(
        "pretix.event.order.paid",
        Some("democon"),
        r#"{"code":"B"}"#,
    );
    world.publish(vec![paid]).await.unwrap();
    world
        .change_webhook(webhook, |w| w.state = WebhookState::Enabled)
        .await;
    world.order("between").await;
    world.change_webhook(webhook, |w| w.state = off()).await;
    let second = world.order("missed2").await;
    assert!(matches!(
        world
            .sonnette
            .resend_missed(webhook, span(first.at), true)
            .await,
        Err(ControlError::Disabled)
    ));
    world
        .change_webhook(webhook, |w| w.state = WebhookState::Enabled)
        .await;
    receiver.wait_for(2).await;

    let missed = |since, dry_run| world.sonnette.resend_missed(webhook, span(since), dry_run);
    assert_eq!(missed(first.at, true).await.unwrap(), 2);
    assert_eq!(missed(second.at, true).await.unwrap(), 1);
    let until = TimeRange {
        since: Some(first.at),
        until: Some(first.at),
    };
    let only_first = world.sonnette.resend_missed(webhook, until, true).await;
    assert_eq!(only_first.unwrap(), 1);
    assert_eq!(receiver.requests().len(), 2);

    assert_eq!(missed(first.at, false).await.unwrap(), 2);
    receiver.wait_for(4).await;
    world.settled(webhook, 4).await;
    assert_eq!(missed(first.at, false).await.unwrap(), 0);
    let bodies: Vec<_> = receiver
        .requests()
        .iter()
        .map(|r| String::from_utf8_lossy(&r.body).into_owned())
        .collect();
    for code in ["before", "between", "missed1", "missed2"] {
        let told = bodies.iter().filter(|b| b.contains(code)).count();
        assert_eq!(told, 1, "{code}: {bodies:?}");
    }
    world.sonnette.stop().await;
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
fn blank_but_for(world: &World, webhook: WebhookId, kept: NotificationId) {
    let query = AttemptQuery {
        limit: 9,
        ..Default::default()
    };
    for attempt in world.store.attempts(&[webhook], &query).unwrap() {
        let full = world.store.attempt(webhook, attempt.id).unwrap().unwrap();
        let kept = attempt.notification == kept;
        assert_eq!(full.payload.is_some_and(|p| !p.is_empty()), kept);
        assert_eq!(!full.exchange.response_body.is_empty(), kept);
    }
}

#[tokio::test]
async fn a_person_is_forgotten_everywhere() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path());
    let receiver = Receiver::start().await;
    let secret_answer = || Answer::ok().body("HUSHANSWER");
    receiver.script([secret_answer(), Answer::status(500).body("HUSHANSWER")]);
    let webhook = world.add_webhook(&receiver.url(), &[PLACED]);
    let first = world
        .publish(vec![personal("HUSHCODE1")])
        .await
        .unwrap()
        .remove(0);
    world.settled(webhook, 1).await;
    let second = world
        .publish(vec![personal("HUSHCODE2")])
        .await
        .unwrap()
        .remove(0);
    world.settled(webhook, 2).await;
    let other = world.order("KEPT").await;
    world.settled(webhook, 3).await;
    assert!(holds(directory.path(), "HUSHCODE1") && holds(directory.path(), "HUSHANSWER"));

    let tenant = world.tenant().await;
    let erased = world.sonnette.erase(&tenant, "hush-42").await.unwrap();
    let counts = (erased.notifications, erased.attempts, erased.dropped);
    assert_eq!(counts, (2, 2, 1));
    for text in ["HUSHCODE", "hush-42"] {
        assert!(!holds(directory.path(), text), "{text} is still there");
    }
    let again = world.sonnette.erase(&tenant, "hush-42").await.unwrap();
    assert_eq!(
        (again.notifications, again.attempts, again.dropped),
        (0, 0, 0)
    );

    let entry = world
        .store
        .notification(world.organizer, first.id)
        .unwrap()
        .unwrap();
    assert!(entry.notification.body.is_empty() && entry.subject.is_none());
    blank_but_for(&world, webhook, other.id);
    let delivery = world.store.delivery(webhook, second.id).unwrap().unwrap();
    assert_eq!(delivery.state.as_str(), "dropped");

    // Nothing of it is ever sent again.
    receiver.answer(Answer::ok());
    assert!(matches!(
        world.sonnette.resend(webhook, second.id).await,
        Err(ControlError::Erased)
    ));
    assert!(matches!(
        world.sonnette.replay(&tenant, first.id).await,
        Err(ControlError::Erased)
    ));
    let all = world
        .sonnette
        .resend_undelivered(webhook, TimeRange::default(), None, false);
    assert_eq!(all.await.unwrap(), 1);
    receiver.wait_for(4).await;
    assert!(receiver.requests()[3].body.windows(4).any(|w| w == b"KEPT"));
    world.sonnette.stop().await;
}

#[tokio::test]
async fn an_answer_that_comes_after_the_erasure_is_not_kept() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path());
    let receiver = Receiver::start().await;
    let gate = Gate::new();
    receiver.answer(Answer::ok().body("HUSHANSWER").behind(&gate));
    let webhook = world.add_webhook(&receiver.url(), &[PLACED]);
    world.publish(vec![personal("HUSHCODE")]).await.unwrap();
    receiver.wait_for(1).await;
    let erased = world
        .sonnette
        .erase(&*world.tenant().await, "hush-42")
        .await
        .unwrap();
    assert_eq!((erased.notifications, erased.dropped), (1, 1));
    gate.open();
    world.settled(webhook, 1).await;
    assert!(!holds(directory.path(), "HUSHANSWER"));
    world.sonnette.stop().await;
}

#[tokio::test]
async fn what_rang_nobody_was_not_missed_and_kept_input_is_erased_too() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path());
    let mut speak = |organizer: &mut Organizer| {
        organizer.dialects = vec![DialectName::Tibillet];
        true
    };
    let changed = world
        .store
        .change_organizer(world.organizer, &mut speak, crate::world::note());
    assert!(matches!(changed, Ok(ChangeResult::Done(_))));
    let receiver = Receiver::start().await;
    let webhook = world.add_webhook(&receiver.url(), &["tibillet.reservation"]);
    world.change_webhook(webhook, |w| w.state = off()).await;
    let mut uuids = Vec::new();
    for status in ["R", "P"] {
        let uuid = uuid::Uuid::new_v4().to_string();
        let data =
            format!(r#"{{"uuid":"{uuid}","status":"{status}","datetime":"2026-03-01T12:00:00Z"}}"#);
        let mut saved = request("tibillet.reservation", None, &data);
        saved.subject = Some("hush-42".to_owned());
        world.publish(vec![saved]).await.unwrap();
        uuids.push(uuid);
    }
    world
        .change_webhook(webhook, |w| w.state = WebhookState::Enabled)
        .await;
    let missed = world
        .sonnette
        .resend_missed(webhook, TimeRange::default(), false);
    assert_eq!(missed.await.unwrap(), 1);
    receiver.wait_for(1).await;
    world.settled(webhook, 1).await;
    let erased = world
        .sonnette
        .erase(&*world.tenant().await, "hush-42")
        .await;
    assert_eq!(erased.unwrap().notifications, 2);
    for uuid in uuids {
        assert!(!holds(directory.path(), &uuid), "{uuid} is still there");
    }
    world.sonnette.stop().await;
}
