//! Deliveries while the clock of the machine is wrong.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use sonnette::clock::Clock;
use sonnette::domain::{AlertResult, DeliveryState, NotificationId, TrustedTime, WebhookId};
use sonnette::engine::PublishRequest;
use sonnette::store::{
    AlertStore, DeliveryAdmin, IdempotencyStore, RetentionStore, StoredResponse,
};
use sonnette::testing::{MockClock, Receiver, ScriptedResponse};
use tokio::time::timeout;

use crate::test_engine::{TestEngine, order};

const ORDER_PLACED: &str = "pretix.event.order.placed";

struct FailedDelivery {
    engine: TestEngine,
    clock: MockClock,
    receiver: Receiver,
    webhook: WebhookId,
    notification: NotificationId,
    directory: tempfile::TempDir,
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
        directory,
    }
}

impl FailedDelivery {
    fn set_clock(&self, hours: i64) {
        let by = SignedDuration::from_hours(hours);
        self.clock.set(self.clock.now().saturating_add(by).unwrap());
    }

    /// Stops the engine and starts another on the same store, with the clock set by so many hours meanwhile.
    async fn restart(self, hours: i64) -> Self {
        self.engine.sonnette.stop().await;
        self.set_clock(hours);
        let clock = Arc::new(self.clock.clone());
        let engine = TestEngine::start_at(self.directory.path(), clock);
        Self { engine, ..self }
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
async fn a_pause_does_not_get_longer_when_the_clock_is_set_back_before_a_restart() {
    let busy = ScriptedResponse::status(503).header("retry-after", "6");
    let failed_delivery = failed_delivery(busy).await.restart(-2).await;
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

impl FailedDelivery {
    fn state(&self) -> DeliveryState {
        let delivery = self.engine.store.delivery(self.webhook, self.notification);
        delivery.unwrap().unwrap().state
    }
}

#[tokio::test]
async fn a_start_while_the_clock_is_ahead_expires_nothing_for_ten_minutes() {
    let failed_delivery = failed_delivery(ScriptedResponse::status(500)).await;
    failed_delivery
        .receiver
        .respond_with(ScriptedResponse::status(500));
    failed_delivery
        .engine
        .settled(failed_delivery.webhook, 1)
        .await;
    let failed_delivery = failed_delivery.restart(7 * 24).await;
    // Each start gives up what has expired at once, and looks again every minute.
    let waited = failed_delivery.seconds_until(2).await;
    failed_delivery
        .engine
        .settled(failed_delivery.webhook, 2)
        .await;
    assert!(matches!(
        failed_delivery.state(),
        DeliveryState::Scheduled { .. }
    ));
    let rest = TrustedTime::CONFIRMATION_TIME.as_secs() - u64::from(waited);
    failed_delivery
        .clock
        .advance(SignedDuration::from_secs(rest.try_into().unwrap()));
    // A server that was off for a week gives up what is older than three days.
    let wait = async {
        while !matches!(failed_delivery.state(), DeliveryState::Settled { .. }) {
            failed_delivery.clock.advance(SignedDuration::from_secs(1));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(10), wait).await.unwrap();
    failed_delivery.engine.sonnette.stop().await;
}

#[tokio::test]
async fn a_key_is_kept_however_the_clock_jumps() {
    let directory = tempfile::tempdir().unwrap();
    let clock = MockClock::default();
    let hours = |hours| {
        let by = SignedDuration::from_hours(hours);
        clock.set(clock.now().saturating_add(by).unwrap());
    };
    let keyed = |key: &str| PublishRequest {
        idempotency_key: Some(key.to_owned()),
        ..order("ABC23")
    };
    // Set forward or back by 400 days, with a publication before and in the jump.
    for jump in [400 * 24, -400 * 24] {
        let engine = TestEngine::start_at(directory.path(), Arc::new(clock.clone()));
        let before = engine
            .publish(vec![keyed(&format!("{jump} before"))])
            .await
            .unwrap();
        hours(jump);
        let between = engine
            .publish(vec![keyed(&format!("{jump} in"))])
            .await
            .unwrap();
        engine.sonnette.stop().await;
        hours(-jump);
        // Right again, and for so long that the clock is trusted.
        let engine = TestEngine::start_at(directory.path(), Arc::new(clock.clone()));
        clock.advance(SignedDuration::from_mins(11));
        let now = engine.sonnette.clock_reading().trusted;
        assert_eq!(now, clock.now());
        let log_kept = SignedDuration::from_hours(720);
        while engine.store.prune(now - log_kept, now).unwrap() {}
        for (key, first) in [("before", before), ("in", between)] {
            let again = engine
                .publish(vec![keyed(&format!("{jump} {key}"))])
                .await
                .unwrap();
            assert_eq!(again[0].id, first[0].id, "{jump} {key}");
        }
        engine.sonnette.stop().await;
    }
}

#[tokio::test]
async fn a_stored_response_is_kept_however_the_clock_jumps() {
    let directory = tempfile::tempdir().unwrap();
    let clock = MockClock::default();
    let hours = |hours| {
        let by = SignedDuration::from_hours(hours);
        clock.set(clock.now().saturating_add(by).unwrap());
    };
    let response = StoredResponse {
        status: 201,
        headers: Vec::new(),
        body: b"{}".to_vec(),
    };
    let store_response = |engine: &TestEngine, key: u8| {
        let now = engine.sonnette.clock_reading().trusted;
        engine.store.store_response(&[key; 32], &response, now)
    };
    // Set forward or back by 400 days, with a response before and in the jump.
    for (round, jump) in [(0, 400 * 24), (2, -400 * 24)] {
        let (before, between) = (round, round + 1);
        let engine = TestEngine::start_at(directory.path(), Arc::new(clock.clone()));
        store_response(&engine, before).unwrap();
        hours(jump);
        store_response(&engine, between).unwrap();
        engine.sonnette.stop().await;
        hours(-jump);
        // Right again, and for so long that the clock is trusted.
        let engine = TestEngine::start_at(directory.path(), Arc::new(clock.clone()));
        clock.advance(SignedDuration::from_hours(23));
        let now = engine.sonnette.clock_reading().trusted;
        assert_eq!(now, clock.now());
        let log_kept = SignedDuration::from_hours(720);
        while engine.store.prune(now - log_kept, now).unwrap() {}
        for key in [before, between] {
            let stored = engine.store.stored_response(&[key; 32], now).unwrap();
            assert_eq!(stored.as_ref(), Some(&response), "{jump} {key}");
        }
        engine.sonnette.stop().await;
    }
}

#[tokio::test]
async fn mail_that_was_queued_while_the_clock_was_ahead_is_due_when_it_is_right() {
    let directory = tempfile::tempdir().unwrap();
    let clock = MockClock::default();
    let engine = TestEngine::start_at(directory.path(), Arc::new(clock.clone()));
    engine.disable_after(20, 0).await;
    let receiver = Receiver::start().await;
    receiver.respond_with(ScriptedResponse::status(410));
    let webhook = engine.add_webhook(&receiver.url(), &[ORDER_PLACED]);
    let right = clock.now();
    clock.set(right + SignedDuration::from_hours(400 * 24));
    engine.order("ABC23").await;
    engine.settled(webhook, 1).await;
    engine.sonnette.stop().await;
    clock.set(right);
    let due = engine.store.due_alerts(right, 9).unwrap();
    assert_eq!(due.len(), 1);
    assert!(!due[0].is_expired(right));
    let AlertResult::Waits { due_at, .. } = due[0].after_failure(vec![], String::new(), right)
    else {
        panic!("it waits")
    };
    assert!(due_at > right && due_at < right + Duration::from_secs(10));
}
