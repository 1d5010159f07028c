//! While nearly all hosts cannot be reached, nothing counts against a webhook.

use std::time::Duration;

use sonnette::domain::{DisableReason, WebhookId};
use sonnette::store::{AttemptQuery, History};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::test_engine::{TestEngine, request};

const ORDER_PLACED: &str = "pretix.event.order.placed";
const HOSTS: u8 = 6;

fn attempts(engine: &TestEngine, webhook: WebhookId) -> usize {
    let query = AttemptQuery {
        limit: 1000,
        ..AttemptQuery::default()
    };
    engine.store.attempts(&[webhook], &query).unwrap().len()
}

/// Publishes until every webhook has one attempt more.
async fn attempt_all(engine: &TestEngine, webhooks: &[WebhookId]) {
    let before: Vec<_> = webhooks.iter().map(|w| attempts(engine, *w)).collect();
    engine.order("ABC23").await;
    for (webhook, before) in webhooks.iter().zip(before) {
        engine.settled(*webhook, before + 1).await;
    }
}

/// Answers 200 at every address of this machine, until it is dropped.
struct AnyHost {
    port: u16,
    task: JoinHandle<()>,
}

impl AnyHost {
    async fn start() -> Self {
        let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let task = tokio::spawn(async move {
            loop {
                let (mut connection, _) = listener.accept().await.unwrap();
                let mut request = [0; 4096];
                let _ = connection.read(&mut request).await;
                let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                let _ = connection.write_all(answer.as_bytes()).await;
            }
        });
        Self { port, task }
    }

    async fn stop(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

#[tokio::test]
async fn an_outage_of_our_own_disables_no_webhook() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start(directory.path());
    let hosts = AnyHost::start().await;
    let add = |host| {
        engine.add_webhook(
            &format!("http://127.0.0.{host}:{}/", hosts.port),
            &[ORDER_PLACED],
        )
    };
    let webhooks: Vec<_> = (1..=HOSTS).map(add).collect();
    engine.disable_after(4, 0).await;
    attempt_all(&engine, &webhooks).await;
    assert!(!engine.sonnette.has_outage());
    hosts.stop().await;
    attempt_all(&engine, &webhooks).await;
    // The hosts are counted now and then.
    tokio::time::sleep(Duration::from_millis(60)).await;
    for _ in 0..4 {
        attempt_all(&engine, &webhooks).await;
        assert!(engine.sonnette.has_outage());
    }
    for webhook in webhooks {
        assert_eq!(engine.disabled(webhook).await, None);
    }
    engine.sonnette.stop().await;
}

#[tokio::test]
async fn an_outage_is_recognized_over_all_sending_threads_and_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start_with_threads(directory.path(), 4);
    let hosts = AnyHost::start().await;
    let add = |host| {
        engine.add_webhook(
            &format!("http://127.0.0.{host}:{}/", hosts.port),
            &[ORDER_PLACED],
        )
    };
    let webhooks: Vec<_> = (1..=16).map(add).collect();
    engine.disable_after(4, 0).await;
    attempt_all(&engine, &webhooks).await;
    hosts.stop().await;
    attempt_all(&engine, &webhooks).await;
    wait_for_outage(&engine).await;
    engine.sonnette.stop().await;
    drop(engine);

    let engine = TestEngine::start_with_threads(directory.path(), 4);
    attempt_all(&engine, &webhooks).await;
    wait_for_outage(&engine).await;
    for _ in 0..3 {
        attempt_all(&engine, &webhooks).await;
    }
    for webhook in webhooks {
        assert_eq!(engine.disabled(webhook).await, None);
    }
    engine.sonnette.stop().await;
}

#[tokio::test]
async fn a_host_that_was_reached_lately_counts_although_its_lane_is_not_in_memory() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start(directory.path());
    let (hosts, others) = (AnyHost::start().await, AnyHost::start().await);
    let add = |host, port, name: &str| {
        engine.add_webhook(&format!("http://127.0.0.{host}:{port}/"), &[name])
    };
    let paid = "pretix.event.order.paid";
    let others: Vec<_> = (20..24).map(|host| add(host, others.port, paid)).collect();
    let webhooks: Vec<_> = (1..=HOSTS)
        .map(|host| add(host, hosts.port, ORDER_PLACED))
        .collect();
    engine.disable_after(4, 0).await;
    let request = request(paid, Some("democon"), r#"{"code":"ABC23"}"#);
    engine.publish(vec![request]).await.unwrap();
    for webhook in &others {
        engine.settled(*webhook, 1).await;
    }
    attempt_all(&engine, &webhooks).await;
    engine.sonnette.stop().await;
    drop(engine);

    // After the start, the lanes without pending deliveries are not in memory.
    let engine = TestEngine::start(directory.path());
    hosts.stop().await;
    for _ in 0..4 {
        attempt_all(&engine, &webhooks).await;
        tokio::time::sleep(Duration::from_millis(60)).await;
        assert!(!engine.sonnette.has_outage());
    }
    let reason = engine.disabled(webhooks[0]).await;
    assert_eq!(reason, Some(DisableReason::Failures));
    engine.sonnette.stop().await;
}

async fn wait_for_outage(engine: &TestEngine) {
    let wait = async {
        while !engine.sonnette.has_outage() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(5), wait).await;
    waited.expect("the outage is recognized");
}

#[tokio::test]
async fn one_dead_host_among_others_is_disabled() {
    let directory = tempfile::tempdir().unwrap();
    let engine = TestEngine::start(directory.path());
    let (hosts, dead) = (AnyHost::start().await, AnyHost::start().await);
    let add =
        |host, port| engine.add_webhook(&format!("http://127.0.0.{host}:{port}/"), &[ORDER_PLACED]);
    let mut webhooks: Vec<_> = (1..HOSTS).map(|host| add(host, hosts.port)).collect();
    webhooks.push(add(HOSTS, dead.port));
    engine.disable_after(4, 0).await;
    attempt_all(&engine, &webhooks).await;
    dead.stop().await;
    for _ in 0..4 {
        attempt_all(&engine, &webhooks).await;
    }
    assert!(!engine.sonnette.has_outage());
    let reason = engine.disabled(webhooks[usize::from(HOSTS) - 1]).await;
    assert_eq!(reason, Some(DisableReason::Failures));
    engine.sonnette.stop().await;
}
