//! One POST at a real receiver.

mod connections;
mod http2_faults;
mod malformed_responses;
mod outcomes;
mod requests;
mod tls;
mod tolerated_responses;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use sonnette::domain::{
    EventFilter, FailureKind, HttpExchange, OrganizerId, Outcome, Secret, Secrets, Webhook,
    WebhookId, WebhookSettings, WebhookState,
};
use sonnette::engine::sender::{ConnectionPool, Request, Sender, SenderConfig};
use sonnette::testing::MockClock;

pub(crate) const BODY: &str = r#"{"notification_id":1,"action":"pretix.event.order.placed"}"#;

/// A sender, a lane's connections and a clock.
pub(crate) struct TestSender {
    pub(crate) sender: Sender,
    pub(crate) connections: ConnectionPool,
    pub(crate) clock: MockClock,
}

impl TestSender {
    pub(crate) fn new() -> Self {
        Self::with(config())
    }

    pub(crate) fn with(config: SenderConfig) -> Self {
        let clock = MockClock::default();
        let sender = Sender::new(config, Arc::new(clock.clone())).unwrap();
        Self {
            sender,
            connections: ConnectionPool::new(),
            clock,
        }
    }

    pub(crate) async fn send(&self, webhook: &Webhook) -> HttpExchange {
        self.send_body(webhook, BODY).await
    }

    pub(crate) async fn send_body(&self, webhook: &Webhook, body: &'static str) -> HttpExchange {
        let prepared = self.sender.prepare(webhook);
        let body = Bytes::from_static(body.as_bytes());
        let request = Request {
            prepared: &prepared,
            message_id: "wh7-n1",
            body,
            test: false,
            is_repeat: false,
        };
        self.sender.send(&self.connections, request).await
    }
}

/// Loopback may be called; an attempt may last 5 s, which no test does.
pub(crate) fn config() -> SenderConfig {
    SenderConfig {
        timeout: Duration::from_secs(5),
        allow: vec!["127.0.0.0/8".parse().unwrap()],
        user_agent: "sonnette/test".to_owned(),
        ..SenderConfig::default()
    }
}

pub(crate) fn with_short_timeout() -> SenderConfig {
    SenderConfig {
        timeout: Duration::from_millis(250),
        ..config()
    }
}

pub(crate) fn secret(byte: u8) -> Secret {
    Secret::from_random([byte; 32])
}

pub(crate) fn webhook(url: impl AsRef<str>) -> Webhook {
    Webhook {
        id: WebhookId(7),
        organizer: OrganizerId(1),
        state: WebhookState::Enabled,
        target: url.as_ref().parse().unwrap(),
        generation: 0,
        events: EventFilter::Only(BTreeSet::new()),
        action_types: Vec::new(),
        comment: None,
        secrets: Secrets {
            current: secret(1),
            previous: None,
        },
        settings: WebhookSettings::default(),
    }
}

pub(crate) fn later(now: Timestamp, seconds: i64) -> Timestamp {
    now + jiff::SignedDuration::from_secs(seconds)
}

#[track_caller]
pub(crate) fn failed(exchange: &HttpExchange) -> (FailureKind, String) {
    match &exchange.outcome {
        Outcome::Failed(failure) => (failure.kind(), failure.to_string()),
        Outcome::Answered { status, .. } => panic!("answered {status}"),
    }
}

#[track_caller]
pub(crate) fn answered(exchange: &HttpExchange) -> u16 {
    match &exchange.outcome {
        Outcome::Answered { status, .. } => *status,
        Outcome::Failed(failure) => panic!("failed: {failure}"),
    }
}
