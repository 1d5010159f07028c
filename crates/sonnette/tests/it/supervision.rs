//! A thread that panics is reported, and leaves nobody waiting; a panic while one request is sent fails that attempt alone.

use std::backtrace::Backtrace;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use sonnette::clock::{Clock, SystemClock};
use sonnette::domain::{Attempt, Outcome, SendFailure, WebhookId};
use sonnette::engine::{ControlError, PublishError, ThreadFailure};
use sonnette::store::{AttemptQuery, DeliveryAdmin, History};
use sonnette::testing::{Receiver, ScriptedResponse};
use tokio::time::timeout;

use crate::test_engine::{TestEngine, order};

const ORDER_PLACED: &str = "pretix.event.order.placed";
/// Longer than anything here takes: who waits as long waits for ever.
const LIMIT: Duration = Duration::from_secs(10);
const PANIC: &str = "the clock is broken";

/// The clock of the system, which panics where a test wants it to.
#[derive(Default)]
struct PanickingClock(Mutex<Option<PlannedPanic>>);

#[derive(Clone, Copy)]
struct PlannedPanic {
    thread: &'static str,
    /// Panics only below code whose file has this in its path.
    within: &'static str,
    /// How often.
    times: u32,
}

impl PanickingClock {
    fn panic_on(&self, thread: &'static str) {
        self.panic_within(thread, "", u32::MAX);
    }

    fn panic_within(&self, thread: &'static str, within: &'static str, times: u32) {
        *self.0.lock() = Some(PlannedPanic {
            thread,
            within,
            times,
        });
    }

    fn must_panic_now(&self) -> bool {
        let mut planned = self.0.lock();
        let Some(PlannedPanic {
            thread,
            within,
            times,
        }) = planned.as_mut()
        else {
            return false;
        };
        let is_here = *times > 0
            && thread::current().name() == Some(thread)
            && (within.is_empty() || Backtrace::force_capture().to_string().contains(*within));
        *times -= u32::from(is_here);
        is_here
    }
}

impl Clock for PanickingClock {
    fn now(&self) -> Timestamp {
        assert!(!self.must_panic_now(), "{PANIC}");
        SystemClock.now()
    }
}

async fn failure(engine: &TestEngine) -> ThreadFailure {
    let failure = timeout(LIMIT, engine.sonnette.wait_for_failure())
        .await
        .expect("the failure is reported");
    assert_eq!(engine.sonnette.failure(), Some(failure.clone()));
    failure
}

fn of_thread(thread: &str) -> ThreadFailure {
    ThreadFailure {
        thread: thread.to_owned(),
        message: PANIC.to_owned(),
    }
}

/// The attempts of a webhook, the oldest first.
fn attempts(engine: &TestEngine, webhook: WebhookId) -> Vec<Arc<Attempt>> {
    let query = AttemptQuery {
        limit: 100,
        ..Default::default()
    };
    let mut attempts = engine.store.attempts(&[webhook], &query).unwrap();
    attempts.sort_by_key(|attempt| attempt.id);
    attempts.into_iter().map(Arc::new).collect()
}

fn is_internal_error(attempt: &Attempt) -> bool {
    attempt.exchange.outcome == Outcome::Failed(SendFailure::InternalError)
}

#[tokio::test]
async fn publications_are_refused_after_the_commit_thread_has_panicked() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(PanickingClock::default());
    let engine = TestEngine::start_at(directory.path(), clock.clone());
    engine.publish(vec![order("A")]).await.unwrap();
    assert_eq!(engine.sonnette.failure(), None);
    clock.panic_on("sonnette-commit");
    // The first is in the batch that fails, or queued behind it; the second finds the queue closed.
    for code in ["B", "C"] {
        let refused = timeout(LIMIT, engine.publish(vec![order(code)])).await;
        assert!(
            matches!(refused, Ok(Err(PublishError::Unavailable))),
            "{refused:?}"
        );
    }
    assert_eq!(failure(&engine).await, of_thread("sonnette-commit"));
    timeout(LIMIT, engine.sonnette.stop()).await.unwrap();
}

#[tokio::test]
async fn commands_to_a_panicked_sending_thread_return_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(PanickingClock::default());
    let engine = TestEngine::start_at(directory.path(), clock.clone());
    let receiver = Receiver::start().await;
    let webhook = engine.add_webhook(&receiver.url(), &[ORDER_PLACED]);
    engine.order("A").await;
    engine.settled(webhook, 1).await;
    clock.panic_on("sonnette-send-0");
    engine.order("B").await;
    assert_eq!(failure(&engine).await, of_thread("sonnette-send-0"));
    let test = timeout(LIMIT, engine.sonnette.test(webhook, None)).await;
    assert!(matches!(test, Ok(Err(ControlError::Stopping))), "{test:?}");
    let dropped = timeout(LIMIT, engine.sonnette.drop_pending(webhook, None)).await;
    assert!(
        matches!(dropped, Ok(Err(ControlError::Stopping))),
        "{dropped:?}"
    );
    timeout(LIMIT, engine.sonnette.stop()).await.unwrap();
}

#[tokio::test]
async fn a_panic_in_the_janitor_is_reported() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(PanickingClock::default());
    clock.panic_on("sonnette-janitor");
    let engine = TestEngine::start_at(directory.path(), clock);
    assert_eq!(failure(&engine).await, of_thread("sonnette-janitor"));
    timeout(LIMIT, engine.sonnette.stop()).await.unwrap();
}

#[tokio::test]
async fn a_panic_while_sending_fails_that_attempt_and_leaks_no_slot() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(PanickingClock::default());
    let engine = TestEngine::start_at(directory.path(), clock.clone());
    let receiver = Receiver::start().await;
    receiver.respond_with(ScriptedResponse::ok());
    let webhook = engine.add_webhook(&receiver.url(), &[ORDER_PLACED]);
    engine
        .change_webhook(webhook, |w| w.settings.max_concurrency = Some(1))
        .await;
    clock.panic_within("sonnette-send-0", "engine/sender/mod.rs", 2);
    engine
        .publish(vec![order("A"), order("B"), order("C")])
        .await
        .unwrap();
    // One at a time: the third can be sent only if the two that failed have given their place back.
    engine.settled(webhook, 3).await;
    let sent = attempts(&engine, webhook);
    let failed: Vec<_> = sent
        .iter()
        .map(|attempt| is_internal_error(attempt))
        .collect();
    assert_eq!(failed, [true, true, false], "{sent:?}");
    assert_eq!(sent[0].exchange.outcome.return_code(), 0);
    assert_eq!(sent[2].exchange.outcome.return_code(), 200);
    engine.sonnette.expedite(webhook, None).await.unwrap();
    receiver.wait_for(3).await;
    engine.settled(webhook, 5).await;
    assert_eq!(engine.store.backlog(webhook).unwrap().0, 0);
    let metrics = engine.sonnette.metrics().await.unwrap();
    assert!(
        metrics.contains("\nsonnette_requests_in_flight 0\n"),
        "{metrics}"
    );

    // Tests are answered as well.
    clock.panic_within("sonnette-send-0", "engine/sender/mod.rs", 1);
    let test = timeout(LIMIT, engine.sonnette.test(webhook, None)).await;
    assert!(is_internal_error(&test.unwrap().unwrap()));
    assert_eq!(engine.sonnette.failure(), None);
    engine.sonnette.stop().await;
}
