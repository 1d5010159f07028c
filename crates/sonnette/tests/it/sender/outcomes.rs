//! What becomes of an ordinary answer, and of none.

use std::time::Duration;

use sonnette::domain::{FailureKind, Outcome};
use sonnette::engine::sender::SenderConfig;
use sonnette::testing::{Receiver, ScriptedResponse};

use super::{TestSender, answered, config, failed, webhook, with_short_timeout};

#[tokio::test]
async fn every_status_is_recorded() {
    let receiver = Receiver::start().await;
    let sender = TestSender::new();
    for status in [
        200, 201, 202, 204, 299, 300, 301, 302, 304, 307, 308, 400, 401, 404, 410, 418, 429, 500,
        503, 599,
    ] {
        receiver.respond_with(ScriptedResponse::status(status).header("location", "/elsewhere"));
        let exchange = sender.send(&webhook(receiver.url())).await;
        assert_eq!(answered(&exchange), status);
        assert_eq!(exchange.outcome.is_success(), status < 300);
    }
    assert!(
        receiver.requests().iter().all(|r| r.path == "/"),
        "no redirect was followed"
    );
}

#[tokio::test]
async fn the_response_is_recorded() {
    let receiver = Receiver::start().await;
    receiver.respond_with(
        ScriptedResponse::status(500)
            .header("X-Why", "no")
            .header("x-why", "more")
            .body("broken\0"),
    );
    let exchange = TestSender::new().send(&webhook(receiver.url())).await;
    assert_eq!(
        exchange.response_headers,
        "x-why: no\nx-why: more\ncontent-length: 7\n"
    );
    assert_eq!(exchange.response_body, "broken\0");
}

#[tokio::test]
async fn retry_after_counts_on_429_and_503_only() {
    let receiver = Receiver::start().await;
    let sender = TestSender::new();
    let cases = [
        (429, "120", Some(120)),
        (503, "Sun, 01 Mar 2026 12:00:30 GMT", Some(30)),
        (503, "1000000", Some(86400)),
        (503, "soon", None),
        (500, "120", None),
        (200, "120", None),
        (301, "120", None),
    ];
    for (status, value, seconds) in cases {
        receiver.respond_with(ScriptedResponse::status(status).header("retry-after", value));
        let exchange = sender.send(&webhook(receiver.url())).await;
        let retry_after = seconds.map(Duration::from_secs);
        assert_eq!(
            exchange.outcome,
            Outcome::Answered {
                status,
                retry_after
            },
            "{status} {value}"
        );
    }
}

#[tokio::test]
async fn a_body_is_read_up_to_the_limit() {
    let receiver = Receiver::start().await;
    let sender = TestSender::with(SenderConfig {
        response_limit: 10,
        ..config()
    });
    for (body, kept, connections) in [
        ("0123456789", "0123456789", 1),
        ("0123456789a", "0123456789", 1),
        ("x", "x", 2),
    ] {
        receiver.respond_with(ScriptedResponse::ok().body(body));
        let exchange = sender.send(&webhook(receiver.url())).await;
        assert_eq!(answered(&exchange), 200);
        assert_eq!(exchange.response_body, kept);
        assert_eq!(
            receiver.connections(),
            connections,
            "{body}: a connection not read to its end is closed"
        );
    }
}

/// The end of the reason for a refused address.
const ALLOW_TARGET_HINT: &str = "; only the server setting allow_target makes an exception";

#[tokio::test]
async fn forbidden_addresses_get_no_request() {
    let receiver = Receiver::start().await;
    let sender = TestSender::with(SenderConfig {
        allow: Vec::new(),
        ..config()
    });
    let port = receiver.address().port();
    for (host, shown) in [
        (
            "127.0.0.1",
            "the address 127.0.0.1 is not publicly reachable",
        ),
        (
            "[::ffff:127.0.0.1]",
            "the address ::ffff:127.0.0.1 is not publicly reachable",
        ),
        ("0.0.0.0", "the address 0.0.0.0 is not publicly reachable"),
        ("10.0.0.1", "the address 10.0.0.1 is not publicly reachable"),
        (
            "[64:ff9b::a00:1]",
            "the address 64:ff9b::a00:1 is not publicly reachable",
        ),
    ] {
        let exchange = sender
            .send(&webhook(format!("http://{host}:{port}/")))
            .await;
        let reason = format!("{shown}{ALLOW_TARGET_HINT}");
        assert_eq!(failed(&exchange), (FailureKind::Address, reason));
        assert!(
            exchange.request_headers.starts_with("host: "),
            "what would have been sent is on record"
        );
    }
    let exchange = sender
        .send(&webhook(format!("http://localhost:{port}/")))
        .await;
    let (failure, reason) = failed(&exchange);
    assert_eq!(failure, FailureKind::Address);
    assert!(
        reason.ends_with(&format!(
            " of localhost is not publicly reachable{ALLOW_TARGET_HINT}"
        )),
        "{reason}"
    );
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn a_host_can_be_allowed() {
    let receiver = Receiver::start().await;
    let allow = vec!["LOCALHOST".parse().unwrap()];
    let sender = TestSender::with(SenderConfig { allow, ..config() });
    let port = receiver.address().port();
    assert_eq!(
        answered(
            &sender
                .send(&webhook(format!("http://localhost:{port}/")))
                .await
        ),
        200
    );
    let exchange = sender.send(&webhook(receiver.url())).await;
    assert_eq!(failed(&exchange).0, FailureKind::Address);
}

#[tokio::test]
async fn a_refused_connection_has_a_clear_error() {
    let mut receiver = Receiver::start().await;
    receiver.stop().await;
    let exchange = TestSender::new().send(&webhook(receiver.url())).await;
    let reason = format!("connection refused by {}", receiver.address());
    assert_eq!(failed(&exchange), (FailureKind::Connect, reason.clone()));
    assert_eq!(exchange.outcome.return_code(), 0);
}

#[tokio::test]
async fn a_name_without_address_has_a_clear_error() {
    let exchange = TestSender::new()
        .send(&webhook("http://nothing.invalid/"))
        .await;
    assert_eq!(
        failed(&exchange),
        (
            FailureKind::Name,
            "the name nothing.invalid has no address".to_owned()
        )
    );
}

#[tokio::test]
async fn an_unsupported_target_fails_visibly() {
    let sender = TestSender::new();
    for url in ["ftp://example.com/", "http://127.0.0.1:0/"] {
        let exchange = sender.send(&webhook(url)).await;
        assert_eq!(failed(&exchange).0, FailureKind::UnsupportedTarget, "{url}");
        assert_eq!(exchange.request_headers, "");
    }
}

#[tokio::test]
async fn http_can_be_refused() {
    let receiver = Receiver::start().await;
    let sender = TestSender::with(SenderConfig {
        require_https: true,
        ..config()
    });
    let exchange = sender.send(&webhook(receiver.url())).await;
    assert_eq!(
        failed(&exchange),
        (
            FailureKind::UnsupportedTarget,
            "only https targets are called from here".to_owned()
        )
    );
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn a_silent_receiver_times_out() {
    let receiver = Receiver::start().await;
    receiver.respond_with(ScriptedResponse::silent());
    let exchange = TestSender::with(with_short_timeout())
        .send(&webhook(receiver.url()))
        .await;
    assert_eq!(
        failed(&exchange),
        (FailureKind::Timeout, "no answer within 0.25 s".to_owned())
    );
    assert!(
        exchange.duration >= Duration::from_millis(250),
        "{:?}",
        exchange.duration
    );
}
