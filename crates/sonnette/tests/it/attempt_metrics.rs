//! The metric of attempts.

use sonnette::testing::{Receiver, ScriptedResponse};

use crate::test_engine::TestEngine;

#[tokio::test]
async fn attempts_that_are_not_processed_are_counted() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start(directory.path());
    let receiver = Receiver::start().await;
    receiver.script([
        ScriptedResponse::ok(),
        ScriptedResponse::close(),
        ScriptedResponse::ok(),
    ]);
    engine.add_webhook(&receiver.url(), &["pretix.event.order.placed"]);
    let mut news = engine.sonnette.watch();
    for code in ["ABC23", "XYZ99"] {
        engine.order(code).await;
        // Until its last attempt has succeeded.
        loop {
            let activity = news.recv().await.unwrap();
            if let sonnette::engine::Activity::Attempted { attempt, .. } = &*activity
                && attempt.exchange.outcome.is_success()
            {
                break;
            }
        }
    }
    let metrics = engine.sonnette.metrics().await.unwrap();
    for (outcome, count) in [("Delivered", 2), ("NotProcessed", 1)] {
        let line = format!("sonnette_attempts_total{{outcome=\"{outcome}\"}} {count}");
        assert!(metrics.contains(&line), "{line}: {metrics}");
    }
    engine.sonnette.stop().await;
}
