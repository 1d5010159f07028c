//! Connections are kept, reused and replaced.

use std::time::Duration;

use bytes::Bytes;
use sonnette::domain::FailureKind;
use sonnette::engine::sender::Request;
use sonnette::testing::{Gate, Receiver, ScriptedResponse};
use tokio::join;

use super::{TestSender, answered, failed, webhook};

fn numbers(receiver: &Receiver) -> Vec<usize> {
    receiver.requests().iter().map(|r| r.connection).collect()
}

#[tokio::test]
async fn a_connection_serves_request_after_request() {
    let receiver = Receiver::start().await;
    receiver.script([
        ScriptedResponse::ok(),
        ScriptedResponse::status(500).body("no"),
        ScriptedResponse::status(204),
        ScriptedResponse::ok().body("yes"),
    ]);
    let sender = TestSender::new();
    for _ in 0..4 {
        sender.send(&webhook(receiver.url())).await;
    }
    assert_eq!(numbers(&receiver), [1, 1, 1, 1]);
    assert_eq!(sender.connections.count(), 1);
}

#[tokio::test]
async fn concurrent_requests_use_separate_connections() {
    let receiver = Receiver::start().await;
    let gate = Gate::new();
    receiver.respond_with(ScriptedResponse::ok().held_by(&gate));
    let (sender, webhook) = (TestSender::new(), webhook(receiver.url()));
    let release = async {
        receiver.wait_for(3).await;
        gate.open();
    };
    join!(
        sender.send(&webhook),
        sender.send(&webhook),
        sender.send(&webhook),
        release
    );
    assert_eq!(receiver.connections(), 3);
    join!(
        sender.send(&webhook),
        sender.send(&webhook),
        sender.send(&webhook)
    );
    assert_eq!(receiver.connections(), 3);
    sender.connections.close_idle(Duration::from_mins(1));
    assert_eq!(sender.connections.count(), 3);
    sender.connections.close_idle(Duration::ZERO);
    assert_eq!(sender.connections.count(), 0);
}

#[tokio::test]
async fn a_closed_idle_connection_is_replaced_by_the_next_attempt() {
    for found in [ScriptedResponse::close(), ScriptedResponse::reset()] {
        let receiver = Receiver::start().await;
        // The second request goes over the kept connection and finds it closed.
        receiver.script([ScriptedResponse::ok(), found, ScriptedResponse::status(201)]);
        let sender = TestSender::new();
        assert_eq!(answered(&sender.send(&webhook(receiver.url())).await), 200);
        let exchange = sender.send(&webhook(receiver.url())).await;
        assert!(exchange.outcome.is_not_processed(), "{exchange:?}");
        assert_eq!(failed(&exchange).0, FailureKind::Broken);
        assert_eq!(answered(&sender.send(&webhook(receiver.url())).await), 201);
        assert_eq!(numbers(&receiver), [1, 1, 2]);
    }
}

#[tokio::test]
async fn a_fresh_connection_that_closes_is_a_failure() {
    let receiver = Receiver::start().await;
    receiver.script([ScriptedResponse::ok(), ScriptedResponse::close()]);
    let sender = TestSender::new();
    sender.send(&webhook(receiver.url())).await;
    let webhook = webhook(receiver.url());
    assert!(sender.send(&webhook).await.outcome.is_not_processed());
    let exchange = sender.send(&webhook).await;
    assert_eq!(
        failed(&exchange),
        (
            FailureKind::Broken,
            "the connection was closed without an answer".to_owned()
        )
    );
    assert_eq!(numbers(&receiver), [1, 1, 2]);
}

#[tokio::test]
async fn a_repeat_uses_no_kept_connection() {
    let receiver = Receiver::start().await;
    let sender = TestSender::new();
    let webhook = webhook(receiver.url());
    sender.send(&webhook).await;
    let prepared = sender.sender.prepare(&webhook);
    let request = Request {
        prepared: &prepared,
        message_id: "a",
        body: Bytes::from_static(b"{}"),
        test: false,
        is_repeat: true,
    };
    sender.sender.send(&sender.connections, request).await;
    assert_eq!(numbers(&receiver), [1, 2]);
}

#[tokio::test]
async fn a_connection_is_not_replaced_after_a_response_has_begun() {
    let receiver = Receiver::start().await;
    receiver.script([
        ScriptedResponse::ok(),
        ScriptedResponse::raw("HTTP/1.1 2"),
        ScriptedResponse::ok(),
    ]);
    let sender = TestSender::new();
    sender.send(&webhook(receiver.url())).await;
    let exchange = sender.send(&webhook(receiver.url())).await;
    assert_eq!(
        failed(&exchange),
        (
            FailureKind::Broken,
            "the answer broke off in its headers".to_owned()
        )
    );
    assert_eq!(receiver.requests().len(), 2);
}

#[tokio::test]
async fn closed_connections_are_not_reused() {
    for answer in [
        ScriptedResponse::ok().with_connection_close(),
        ScriptedResponse::ok().closing_unannounced(),
    ] {
        let receiver = Receiver::start().await;
        receiver.respond_with(answer);
        let sender = TestSender::new();
        for _ in 0..3 {
            assert_eq!(answered(&sender.send(&webhook(receiver.url())).await), 200);
        }
        assert_eq!(numbers(&receiver), [1, 2, 3]);
    }
}

#[tokio::test]
async fn a_changed_target_gets_a_connection_of_its_own() {
    let (old, new) = (Receiver::start().await, Receiver::start().await);
    let sender = TestSender::new();
    sender.send(&webhook(old.url())).await;
    sender.send(&webhook(new.url())).await;
    sender.send(&webhook(new.url_of("/other"))).await;
    assert_eq!((old.requests().len(), new.requests().len()), (1, 2));
    assert_eq!((new.connections(), sender.connections.count()), (1, 1));
}

#[tokio::test]
async fn a_restarted_receiver_gets_a_new_connection() {
    let mut receiver = Receiver::start().await;
    let sender = TestSender::new();
    sender.send(&webhook(receiver.url())).await;
    receiver.stop().await;
    receiver.restart().await;
    assert_eq!(answered(&sender.send(&webhook(receiver.url())).await), 200);
    assert_eq!(numbers(&receiver), [1, 2]);
}

#[tokio::test]
async fn dropping_a_request_closes_its_connection() {
    let receiver = Receiver::start().await;
    receiver.script([ScriptedResponse::silent(), ScriptedResponse::ok()]);
    let (sender, webhook) = (TestSender::new(), webhook(receiver.url()));
    tokio::select! {
        _ = sender.send(&webhook) => panic!("there is no answer"),
        _ = receiver.wait_for(1) => {}
    }
    assert_eq!(sender.connections.count(), 0);
    assert_eq!(answered(&sender.send(&webhook).await), 200);
    assert_eq!(numbers(&receiver), [1, 2]);
}

#[tokio::test]
async fn requests_above_the_connect_limit_all_arrive() {
    let receiver = Receiver::start().await;
    let gate = Gate::new();
    receiver.respond_with(ScriptedResponse::ok().held_by(&gate));
    let (sender, webhook) = (TestSender::new(), webhook(receiver.url()));
    let mut sends: Vec<_> = (0..50).map(|_| Box::pin(sender.send(&webhook))).collect();
    let all = async {
        for exchange in futures(&mut sends).await {
            assert_eq!(answered(&exchange), 200);
        }
    };
    let release = async {
        receiver.wait_for(50).await;
        gate.open();
    };
    join!(all, release);
}

#[tokio::test]
async fn a_send_future_may_move_between_threads() {
    let receiver = Receiver::start().await;
    let webhook = webhook(receiver.url());
    let send = tokio::spawn(async move { TestSender::new().send(&webhook).await });
    assert_eq!(answered(&send.await.unwrap()), 200);
}

/// All results, polling everything side by side.
async fn futures<F: Future + Unpin>(futures: &mut [F]) -> Vec<F::Output> {
    let mut results: Vec<_> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(|cx| {
        for (future, result) in futures.iter_mut().zip(&mut results) {
            if result.is_none()
                && let std::task::Poll::Ready(output) = std::pin::Pin::new(future).poll(cx)
            {
                *result = Some(output);
            }
        }
        if results.iter().all(Option::is_some) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    results.into_iter().flatten().collect()
}
