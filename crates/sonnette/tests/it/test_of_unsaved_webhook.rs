//! Tests of a webhook before it is saved.

use std::sync::Arc;

use sonnette::domain::{
    ExtraHeader, OrganizerId, Outcome, Secret, SendFailure, Webhook, WebhookId,
};
use sonnette::engine::ControlError;
use sonnette::store::{AttemptQuery, AuditLog, ChangeResult, History, RegistryStore};
use sonnette::testing::{Receiver, ScriptedResponse};

use crate::test_engine::{TestEngine, note, organizer, webhook};

const ORDER_PLACED: &str = "pretix.event.order.placed";

fn draft(engine: &TestEngine, url: &str) -> Webhook {
    webhook(engine.organizer, url, &[ORDER_PLACED])
}

#[tokio::test]
async fn a_draft_test_is_sent_and_not_stored() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start(directory.path());
    let (saved, meant) = (Receiver::start().await, Receiver::start().await);
    let id = engine.add_webhook(&saved.url(), &[ORDER_PLACED]);
    meant.respond_with(ScriptedResponse::status(410).body("no"));
    let mut draft = draft(&engine, &meant.url());
    draft.id = id;
    let secret = Secret::from_random([9; 32]);
    draft.secrets.current = secret.clone();
    draft.settings.headers = vec![ExtraHeader {
        name: "x-draft".to_owned(),
        value: "yes".to_owned(),
    }];
    let version = engine.store.version().unwrap();
    let audit = || {
        engine
            .store
            .audit_entries(engine.organizer, 0, 99)
            .unwrap()
            .0
    };
    let audited = audit();

    let mut news = engine.sonnette.watch();
    let attempt = engine.sonnette.test_draft(draft, None).await.unwrap();
    assert!(attempt.is_test);
    assert_eq!(attempt.exchange.outcome.return_code(), 410);
    assert_eq!(&attempt.exchange.response_body[..], b"no");
    assert_eq!(attempt.action_type.as_str(), ORDER_PLACED);
    let request = &meant.requests()[0];
    assert_eq!(request.header("webhook-test"), Some("1"));
    assert_eq!(request.header("x-draft"), Some("yes"));
    assert_eq!(Some(&request.body[..]), attempt.sent_body.as_deref());
    let message_id = format!("_{id}_{}_", attempt.notification);
    assert!(request.header("webhook-id").unwrap().contains(&message_id));
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
    engine.sonnette.stop().await;
    // Whatever was to be written has been.
    let query = AttemptQuery {
        limit: 9,
        ..AttemptQuery::default()
    };
    assert_eq!(
        engine.store.attempts(&[id, WebhookId(0)], &query).unwrap(),
        []
    );
    assert_eq!(engine.store.version().unwrap(), version);
    assert_eq!(audit(), audited);
    assert_eq!(engine.disabled(id).await, None);
}

#[tokio::test]
async fn a_draft_with_a_forbidden_target_fails_in_its_attempt() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start(directory.path());
    let attempt = engine
        .sonnette
        .test_draft(draft(&engine, "http://10.0.0.1/"), Some(ORDER_PLACED))
        .await
        .unwrap();
    assert!(
        matches!(
            attempt.exchange.outcome,
            Outcome::Failed(SendFailure::ForbiddenAddress { .. })
        ),
        "{attempt:?}"
    );
    let unknown = engine
        .sonnette
        .test_draft(draft(&engine, "http://127.0.0.1:9/"), Some("no.such"))
        .await;
    assert!(
        matches!(unknown, Err(ControlError::NothingToTest)),
        "{unknown:?}"
    );
    engine.sonnette.stop().await;
}

fn another(engine: &TestEngine, slug: &str) -> OrganizerId {
    match engine
        .store
        .add_organizer(&organizer(slug), note())
        .unwrap()
    {
        ChangeResult::Done(organizer) => organizer.id,
        other => panic!("no organizer: {other:?}"),
    }
}

#[tokio::test]
async fn concurrent_draft_tests_are_limited() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start(directory.path());
    let receiver = Receiver::start().await;
    receiver.respond_with(ScriptedResponse::silent());
    let mut trying = tokio::task::JoinSet::new();
    let of = |organizer| webhook(organizer, &receiver.url(), &[ORDER_PLACED]);
    let one_more = |organizer| engine.sonnette.test_draft(of(organizer), None);
    for number in 0..4 {
        let organizer = another(&engine, &format!("other{number}"));
        for _ in 0..2 {
            let (sonnette, draft) = (engine.sonnette.clone(), of(organizer));
            trying.spawn(async move { sonnette.test_draft(draft, None).await });
        }
        receiver.wait_for(2 * (number + 1)).await;
        // The third of one organizer, while there is room for others.
        assert!(matches!(one_more(organizer).await, Err(ControlError::Busy)));
    }
    assert!(matches!(
        one_more(engine.organizer).await,
        Err(ControlError::Busy)
    ));
    // Their time limit is two seconds.
    for attempt in trying.join_all().await {
        let outcome = &Arc::clone(&attempt.unwrap()).exchange.outcome;
        assert!(
            matches!(outcome, Outcome::Failed(SendFailure::Timeout { .. })),
            "{outcome:?}"
        );
    }
    receiver.respond_with(ScriptedResponse::ok());
    assert!(
        one_more(engine.organizer)
            .await
            .unwrap()
            .exchange
            .outcome
            .is_success()
    );
    engine.sonnette.stop().await;
}
