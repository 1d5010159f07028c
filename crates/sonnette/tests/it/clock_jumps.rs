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

const PLACED: &str = "pretix.event.order.placed";

struct Scene {
    engine: TestEngine,
    clock: MockClock,
    receiver: Receiver,
    webhook: WebhookId,
    notification: NotificationId,
    _directory: tempfile::TempDir,
}

/// A notification whose first attempt has failed with `first`.
async fn scene(first: ScriptedResponse) -> Scene {
    let directory = tempfile::tempdir().unwrap();
    let clock = MockClock::default();
    let engine = TestEngine::start_at(directory.path(), Arc::new(clock.clone()));
    let receiver = Receiver::start().await;
    receiver.script([first, ScriptedResponse::status(500), ScriptedResponse::ok()]);
    let webhook = engine.add_webhook(&receiver.url(), &[PLACED]);
    let notification = engine.order("ABC23").await.id;
    engine.settled(webhook, 1).await;
    Scene {
        engine,
        clock,
        receiver,
        webhook,
        notification,
        _directory: directory,
    }
}

impl Scene {
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
    let scene = scene(ScriptedResponse::status(500)).await;
    scene.set_clock(-2);
    // The engine looks at the clock once in a second of the machine, while here ten seconds pass.
    let waited = scene.seconds_until(2).await;
    assert!((3..=30).contains(&waited), "{waited} s");
    scene.engine.sonnette.stop().await;
}

#[tokio::test]
async fn a_pause_does_not_get_longer_when_the_clock_is_set_back() {
    let busy = ScriptedResponse::status(429).header("retry-after", "6");
    let scene = scene(busy).await;
    scene.set_clock(-2);
    let waited = scene.seconds_until(2).await;
    assert!((5..=30).contains(&waited), "{waited} s");
    scene.engine.sonnette.stop().await;
}

#[tokio::test]
async fn a_clock_that_is_ahead_for_a_moment_expires_nothing_and_delays_nothing() {
    let scene = scene(ScriptedResponse::status(500)).await;
    scene.set_clock(400 * 24);
    // The retry is due, and fails in the year of the wrong clock.
    scene.receiver.wait_for(2).await;
    scene.engine.settled(scene.webhook, 2).await;
    scene.set_clock(-400 * 24);
    let waited = scene.seconds_until(3).await;
    assert!(waited <= 60, "{waited} s");
    scene.engine.settled(scene.webhook, 3).await;
    let delivery = scene
        .engine
        .store
        .delivery(scene.webhook, scene.notification);
    let state = delivery.unwrap().unwrap().state;
    assert!(
        !matches!(state, DeliveryState::Scheduled { .. }),
        "{state:?}"
    );
    scene.engine.sonnette.stop().await;
}
