//! Deliveries that are held after a restore.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use sonnette::clock::Clock;
use sonnette::domain::DeliveryState;
use sonnette::store::{DeliveryAdmin, HoldStore, NewAuditEntry};
use sonnette::testing::{MockClock, Receiver, ScriptedResponse};

use crate::test_engine::{TestEngine, note};

const ORDER_PLACED: &str = "pretix.event.order.placed";

fn entry(clock: &MockClock) -> NewAuditEntry {
    NewAuditEntry {
        at: clock.now(),
        ..note()
    }
}

#[tokio::test]
async fn lifetimes_do_not_end_during_a_hold() {
    let directory = tempfile::tempdir().unwrap();
    let clock = MockClock::default();
    let receiver = Receiver::start().await;
    let start = || TestEngine::start_at(directory.path(), Arc::new(clock.clone()));
    let engine = start();
    let webhook = engine.add_webhook(&receiver.url(), &[ORDER_PLACED]);
    engine.sonnette.stop().await;
    engine.store.hold_deliveries(&entry(&clock)).unwrap();
    let engine = start();
    let notification = engine.order("ABC23").await.id;
    engine.sonnette.stop().await;
    clock.advance(SignedDuration::from_hours(24 * 9));
    // The janitor gives up what has expired as soon as it starts.
    let engine = start();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let delivery = engine
        .store
        .delivery(webhook, notification)
        .unwrap()
        .unwrap();
    assert!(matches!(delivery.state, DeliveryState::Scheduled { .. }));
    assert_eq!(receiver.requests().len(), 0);
    assert!(engine.sonnette.registry().is_held(engine.organizer));

    let resumed = engine
        .store
        .resume_deliveries(None, &entry(&clock))
        .unwrap();
    assert_eq!(resumed, [engine.organizer]);
    engine.sonnette.refresh().await.unwrap();
    receiver.wait_for(1).await;
    assert_eq!(engine.sonnette.registry().hold(), None);
    engine.settled(webhook, 1).await;
    engine.sonnette.stop().await;
}

#[tokio::test]
async fn a_hold_lengthens_a_lifetime_by_the_time_of_the_hold() {
    let directory = tempfile::tempdir().unwrap();
    let clock = MockClock::default();
    let receiver = Receiver::start().await;
    receiver.script([ScriptedResponse::status(500)]);
    let engine = TestEngine::start_at(directory.path(), Arc::new(clock.clone()));
    let webhook = engine.add_webhook(&receiver.url(), &[ORDER_PLACED]);
    engine.order("ABC23").await;
    engine.settled(webhook, 1).await;
    engine.sonnette.stop().await;
    let store = &engine.store;
    // One day of its three days is over.
    clock.advance(SignedDuration::from_hours(24));
    store.hold_deliveries(&entry(&clock)).unwrap();
    clock.advance(SignedDuration::from_hours(24 * 30));
    store
        .resume_deliveries(Some(engine.organizer), &entry(&clock))
        .unwrap();
    clock.advance(SignedDuration::from_hours(47));
    assert_eq!(store.expire_deliveries(webhook, clock.now()).unwrap(), 0);
    clock.advance(SignedDuration::from_hours(2));
    assert_eq!(store.expire_deliveries(webhook, clock.now()).unwrap(), 1);
}
