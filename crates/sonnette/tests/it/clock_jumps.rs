//! Deliveries while the clock of the machine is wrong.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use sonnette::clock::Clock;
use sonnette::domain::{DeliveryState, NotificationId, WebhookId};
use sonnette::store::DeliveryAdmin;
use sonnette::testing::{MockClock, Receiver, ScriptedResponse};
use tokio::time::timeout;

use crate::test_engine::TestEngine;

const ORDER_PLACED: &str = "pretix.event.order.placed";

struct FailedDelivery {
    engine: TestEngine,
    clock: MockClock,
    receiver: Receiver,
    webhook: WebhookId,
    notification: NotificationId,
    _directory: tempfile::TempDir,
}

/// A notification whose first attempt has failed with `first`.
async fn failed_delivery(first: ScriptedResponse) -> FailedDelivery {
    let directory = tempfile::tempdir().unwrap();
    let clock = MockClock::default();
    let engine = TestEngine::start_at(directory.path(), Arc::new(clock.clone()));
    let receiver = Receiver::start().await;
    receiver.script([first, ScriptedResponse::status(500), ScriptedResponse::ok()]);
    let webhook = engine.add_webhook(&receiver.url(), &[ORDER_PLACED]);
    let notification = engine.order("ABC23").await.id;
    engine.settled(webhook, 1).await;
    FailedDelivery {
        engine,
        clock,
        receiver,
        webhook,
        notification,
        _directory: directory,
    }
}

impl FailedDelivery {
    fn set_clock(&self, hours: i64) {
        let by = SignedDuration::from_hours(hours);
        self.clock.set(self.clock.now().saturating_add(by).unwrap());
    }

    /// Lets seconds pass until so many requests have arrived; how many.
    async fn seconds_until(&self, requests: usize) -> u32 {
        for seconds in 0..120 {
            let arrival = self.receiver.wait_for(requests);
            if timeout(Duration::from_millis(100), arrival).await.is_ok() {
                return seconds;
            }
            self.clock.advance(SignedDuration::from_secs(1));
        }
        panic!("nothing arrived within two minutes");
    }
}

#[tokio::test]
async fn a_retry_does_not_wait_for_a_clock_that_was_set_back() {
    let failed_delivery = failed_delivery(ScriptedResponse::status(500)).await;
    failed_delivery.set_clock(-2);
    // The engine looks at the clock once in a second of the machine, while here ten seconds pass.
    let waited = failed_delivery.seconds_until(2).await;
    assert!((3..=30).contains(&waited), "{waited} s");
    failed_delivery.engine.sonnette.stop().await;
}

#[tokio::test]
async fn a_pause_does_not_get_longer_when_the_clock_is_set_back() {
    let busy = ScriptedResponse::status(429).header("retry-after", "6");
    let failed_delivery = failed_delivery(busy).await;
    failed_delivery.set_clock(-2);
    let waited = failed_delivery.seconds_until(2).await;
    assert!((5..=30).contains(&waited), "{waited} s");
    failed_delivery.engine.sonnette.stop().await;
}

#[tokio::test]
async fn a_clock_that_is_ahead_for_a_moment_expires_nothing_and_delays_nothing() {
    let failed_delivery = failed_delivery(ScriptedResponse::status(500)).await;
    failed_delivery.set_clock(400 * 24);
    // The retry is due, and fails in the year of the wrong clock.
    failed_delivery.receiver.wait_for(2).await;
    failed_delivery
        .engine
        .settled(failed_delivery.webhook, 2)
        .await;
    failed_delivery.set_clock(-400 * 24);
    let waited = failed_delivery.seconds_until(3).await;
    assert!(waited <= 60, "{waited} s");
    failed_delivery
        .engine
        .settled(failed_delivery.webhook, 3)
        .await;
    let delivery = failed_delivery
        .engine
        .store
        .delivery(failed_delivery.webhook, failed_delivery.notification);
    let state = delivery.unwrap().unwrap().state;
    assert!(
        !matches!(state, DeliveryState::Scheduled { .. }),
        "{state:?}"
    );
    failed_delivery.engine.sonnette.stop().await;
}
