//! Trying out a webhook that is not saved.

use std::sync::Arc;

use sonnette::domain::{ExtraHeader, Failure, OrganizerId, Outcome, Secret, Webhook, WebhookId};
use sonnette::engine::ControlError;
use sonnette::store::{AttemptQuery, AuditLog, ChangeResult, History, RegistryStore};
use sonnette::testing::{Answer, Receiver};

use crate::world::{World, note, organizer, webhook};

const PLACED: &str = "pretix.event.order.placed";

fn draft(world: &World, url: &str) -> Webhook {
    webhook(world.organizer, url, &[PLACED])
}

#[tokio::test]
async fn a_draft_is_called_as_it_is_and_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path());
    let (saved, meant) = (Receiver::start().await, Receiver::start().await);
    let id = world.add_webhook(&saved.url(), &[PLACED]);
    meant.answer(Answer::status(410).body("no"));
    let mut draft = draft(&world, &meant.url());
    draft.id = id;
    let secret = Secret::from_random([9; 32]);
    draft.secrets.current = secret.clone();
    draft.settings.headers = vec![ExtraHeader {
        name: "x-draft".to_owned(),
        value: "yes".to_owned(),
    }];
    let version = world.store.version().unwrap();
    let audit = || world.store.audit_entries(world.organizer, 0, 99).unwrap().0;
    let audited = audit();

    let mut news = world.sonnette.watch();
    let attempt = world.sonnette.try_out(draft, None).await.unwrap();
    assert!(attempt.test);
    assert_eq!(attempt.exchange.outcome.return_code(), 410);
    assert_eq!(&attempt.exchange.response_body[..], b"no");
    assert_eq!(attempt.action_type.as_str(), PLACED);
    let request = &meant.requests()[0];
    assert_eq!(request.header("webhook-test"), Some("1"));
    assert_eq!(request.header("x-draft"), Some("yes"));
    assert_eq!(Some(&request.body[..]), attempt.payload.as_deref());
    let message_id = format!("msg_{id}_{}", attempt.notification);
    assert_eq!(request.header("webhook-id"), Some(&*message_id));
    let mut headers = http::HeaderMap::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        headers.insert(name, request.header(name).unwrap().parse().unwrap());
    }
    standardwebhooks::Webhook::new(secret.text())
        .unwrap()
        .verify(&request.body, &headers)
        .unwrap();

    assert_eq!(saved.requests().len(), 0);
    assert!(news.try_recv().is_err(), "nobody is told");
    world.sonnette.stop().await;
    // Whatever was to be written has been.
    let query = AttemptQuery {
        limit: 9,
        ..AttemptQuery::default()
    };
    assert_eq!(
        world.store.attempts(&[id, WebhookId(0)], &query).unwrap(),
        []
    );
    assert_eq!(world.store.version().unwrap(), version);
    assert_eq!(audit(), audited);
    assert_eq!(world.disabled(id), None);
}

#[tokio::test]
async fn what_cannot_be_called_is_told_in_the_attempt() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path());
    let attempt = world
        .sonnette
        .try_out(draft(&world, "http://10.0.0.1/"), Some(PLACED))
        .await
        .unwrap();
    assert!(
        matches!(
            attempt.exchange.outcome,
            Outcome::Failed {
                failure: Failure::Address,
                ..
            }
        ),
        "{attempt:?}"
    );
    let unknown = world
        .sonnette
        .try_out(draft(&world, "http://127.0.0.1:9/"), Some("no.such"))
        .await;
    assert!(
        matches!(unknown, Err(ControlError::NothingToTest)),
        "{unknown:?}"
    );
    world.sonnette.stop().await;
}

fn another(world: &World, slug: &str) -> OrganizerId {
    match world.store.add_organizer(&organizer(slug), note()).unwrap() {
        ChangeResult::Done(organizer) => organizer.id,
        other => panic!("no organizer: {other:?}"),
    }
}

#[tokio::test]
async fn only_a_few_are_tried_out_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path());
    let receiver = Receiver::start().await;
    receiver.answer(Answer::never());
    let mut trying = tokio::task::JoinSet::new();
    let of = |organizer| webhook(organizer, &receiver.url(), &[PLACED]);
    let one_more = |organizer| world.sonnette.try_out(of(organizer), None);
    for number in 0..4 {
        let organizer = another(&world, &format!("other{number}"));
        for _ in 0..2 {
            let (sonnette, draft) = (world.sonnette.clone(), of(organizer));
            trying.spawn(async move { sonnette.try_out(draft, None).await });
        }
        receiver.wait_for(2 * (number + 1)).await;
        // The third of one organizer, while there is room for others.
        assert!(matches!(one_more(organizer).await, Err(ControlError::Busy)));
    }
    assert!(matches!(
        one_more(world.organizer).await,
        Err(ControlError::Busy)
    ));
    // Their time limit is two seconds.
    for attempt in trying.join_all().await {
        let outcome = &Arc::clone(&attempt.unwrap()).exchange.outcome;
        assert!(
            matches!(
                outcome,
                Outcome::Failed {
                    failure: Failure::Timeout,
                    ..
                }
            ),
            "{outcome:?}"
        );
    }
    receiver.answer(Answer::ok());
    assert!(
        one_more(world.organizer)
            .await
            .unwrap()
            .exchange
            .outcome
            .is_success()
    );
    world.sonnette.stop().await;
}
