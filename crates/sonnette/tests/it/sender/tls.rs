//! HTTPS: trust and HTTP/2.

use std::io::Write as _;
use std::time::Duration;

use sonnette::domain::FailureKind;
use sonnette::engine::sender::{Sender, SenderConfig};
use sonnette::testing::{CertificateKind, Gate, MockClock, Receiver, ScriptedResponse};
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt as _;
use tokio::join;

use super::{TestSender, answered, config, failed, webhook};

/// A sender that believes the receiver's authority.
fn trusting(receiver: &Receiver) -> TestSender {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(receiver.authority_pem().unwrap().as_bytes())
        .unwrap();
    let extra_ca = Some(file.path().to_owned());
    TestSender::with(SenderConfig {
        extra_ca,
        require_https: true,
        ..config()
    })
}

#[tokio::test]
async fn a_valid_certificate_is_trusted() {
    let receiver = Receiver::start_tls(CertificateKind::Valid).await;
    receiver.respond_with(ScriptedResponse::ok().body("secure"));
    let sender = trusting(&receiver);
    let by_name = format!("https://localhost:{}/", receiver.address().port());
    for url in [receiver.url(), receiver.url(), by_name] {
        let exchange = sender.send(&webhook(url)).await;
        assert_eq!(answered(&exchange), 200);
        assert_eq!(exchange.response_body, "secure");
    }
    assert_eq!(
        receiver.connections(),
        2,
        "the name of a certificate belongs to the connection"
    );
    assert!(!receiver.requests()[0].http2);
}

#[tokio::test]
async fn invalid_certificates_have_distinct_errors() {
    for (certified, reason) in [
        (CertificateKind::Expired, "the certificate has expired"),
        (
            CertificateKind::NotYetValid,
            "the certificate is not valid yet",
        ),
        (
            CertificateKind::OtherName,
            "the certificate is not valid for this name",
        ),
        (
            CertificateKind::UnknownIssuer,
            "the certificate comes from no authority trusted here",
        ),
        (
            CertificateKind::SelfSignedStranger,
            "the certificate is self-signed and not trusted here",
        ),
    ] {
        let receiver = Receiver::start_tls(certified).await;
        let exchange = trusting(&receiver).send(&webhook(receiver.url())).await;
        assert_eq!(failed(&exchange), (FailureKind::Tls, reason.to_owned()));
        assert!(receiver.requests().is_empty());
    }
}

#[tokio::test]
async fn the_test_authority_is_not_trusted_by_default() {
    let receiver = Receiver::start_tls(CertificateKind::Valid).await;
    let exchange = TestSender::new().send(&webhook(receiver.url())).await;
    assert_eq!(
        failed(&exchange),
        (
            FailureKind::Tls,
            "the certificate comes from no authority trusted here".to_owned()
        )
    );
}

#[tokio::test]
async fn a_self_signed_certificate_is_trusted_once_it_is_named() {
    let receiver = Receiver::start_tls(CertificateKind::SelfSignedAuthority).await;
    let exchange = TestSender::new().send(&webhook(receiver.url())).await;
    assert_eq!(
        failed(&exchange),
        (
            FailureKind::Tls,
            "the certificate is self-signed and not trusted here".to_owned()
        )
    );
    let sender = trusting(&receiver);
    assert_eq!(answered(&sender.send(&webhook(receiver.url())).await), 200);
    let other_name = format!("https://127.0.0.2:{}/", receiver.address().port());
    assert_ne!(
        failed(&sender.send(&webhook(other_name)).await).0,
        FailureKind::Timeout
    );
}

#[tokio::test]
async fn a_complete_response_needs_no_end_of_tls() {
    // The raw responses end with a shutdown of TLS; a reset has none.
    let receiver = Receiver::start_tls(CertificateKind::Valid).await;
    for (response, is_complete) in [
        (
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
            true,
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n",
            true,
        ),
        ("HTTP/1.1 200 OK\r\n\r\nok", false),
    ] {
        receiver.respond_with(ScriptedResponse::raw(response).without_tls_end());
        let exchange = trusting(&receiver).send(&webhook(receiver.url())).await;
        assert_eq!(exchange.outcome.is_success(), is_complete, "{response}");
        assert_eq!(exchange.response_body, "ok", "{response}");
    }
}

#[tokio::test]
async fn https_to_an_http_port_has_a_clear_error() {
    let plain = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let webhook = webhook(format!("https://{}/", plain.local_addr().unwrap()));
    let answer = async {
        let (mut connection, _) = plain.accept().await.unwrap();
        connection
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await
            .unwrap();
        connection
    };
    let sender = TestSender::new();
    let (exchange, _connection) = join!(sender.send(&webhook), answer);
    assert_eq!(
        failed(&exchange),
        (
            FailureKind::Tls,
            "the receiver does not speak TLS".to_owned()
        )
    );
}

#[tokio::test]
async fn the_time_limit_includes_the_handshake() {
    // Accepts the connection and says nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = SenderConfig {
        timeout: Duration::from_millis(200),
        ..config()
    };
    let exchange = TestSender::with(config)
        .send(&webhook(format!(
            "https://{}/",
            silent.local_addr().unwrap()
        )))
        .await;
    assert_eq!(
        failed(&exchange),
        (
            FailureKind::Timeout,
            "no TLS handshake with 127.0.0.1 within 0.2 s".to_owned()
        )
    );
}

#[tokio::test]
async fn an_unreadable_authority_is_a_start_error() {
    let clock = std::sync::Arc::new(MockClock::default());
    let empty = NamedTempFile::new().unwrap();
    for path in [empty.path().to_owned(), "/nowhere.pem".into()] {
        let config = SenderConfig {
            extra_ca: Some(path.clone()),
            ..config()
        };
        let error = Sender::new(config, clock.clone())
            .err()
            .unwrap()
            .to_string();
        assert!(
            error.starts_with(&format!(
                "the certificate file {} cannot be used: ",
                path.display()
            )),
            "{error}"
        );
    }
}

#[tokio::test]
async fn http2_shares_one_connection() {
    let receiver = Receiver::start_http2().await;
    let sender = trusting(&receiver);
    let url = receiver
        .url_of("/in?a=1")
        .replace("https://", "https://u:p@");
    let webhook = webhook(url);
    let exchange = sender.send(&webhook).await;
    assert_eq!(answered(&exchange), 200);
    let request = receiver.requests().remove(0);
    assert!(request.http2);
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("POST", "/in?a=1")
    );
    assert_eq!(request.header("authorization"), Some("Basic dTpw"));
    assert_eq!(request.header("host"), None);
    assert!(exchange.request_headers.starts_with("host: 127.0.0.1:"));

    let gate = Gate::new();
    receiver.respond_with(ScriptedResponse::status(202).body("ok").held_by(&gate));
    let release = async {
        receiver.wait_for(4).await;
        gate.open();
    };
    let (one, two, three, ()) = join!(
        sender.send(&webhook),
        sender.send(&webhook),
        sender.send(&webhook),
        release
    );
    for exchange in [one, two, three] {
        assert_eq!(answered(&exchange), 202);
        assert_eq!(exchange.response_body, "ok");
    }
    assert_eq!((receiver.connections(), sender.connections.count()), (1, 1));
}

#[tokio::test]
async fn an_http2_body_above_the_limit_keeps_the_connection() {
    let receiver = Receiver::start_http2().await;
    receiver.respond_with(ScriptedResponse::ok().body(vec![b'x'; 1_000_000]));
    let sender = trusting(&receiver);
    for _ in 0..3 {
        let exchange = sender.send(&webhook(receiver.url())).await;
        assert_eq!(answered(&exchange), 200);
        assert_eq!(exchange.response_body.len(), 64 * 1024);
    }
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn an_http2_stream_may_be_reset_or_silent() {
    let receiver = Receiver::start_http2().await;
    let sender = trusting(&receiver);
    receiver.respond_with(ScriptedResponse::reset());
    let exchange = sender.send(&webhook(receiver.url())).await;
    assert_eq!(failed(&exchange).0, FailureKind::Broken);
    receiver.respond_with(ScriptedResponse::silent());
    let mut with_short_timeout = webhook(receiver.url());
    with_short_timeout.settings.timeout = Some(Duration::from_millis(200));
    let exchange = sender.send(&with_short_timeout).await;
    assert_eq!(
        failed(&exchange),
        (FailureKind::Timeout, "no answer within 0.2 s".to_owned())
    );
    receiver.respond_with(ScriptedResponse::ok());
    assert_eq!(answered(&sender.send(&webhook(receiver.url())).await), 200);
    assert_eq!((receiver.requests().len(), receiver.connections()), (3, 1));
}

#[tokio::test]
async fn a_closed_http2_connection_is_replaced() {
    let mut receiver = Receiver::start_http2().await;
    let sender = trusting(&receiver);
    assert_eq!(answered(&sender.send(&webhook(receiver.url())).await), 200);
    receiver.stop().await;
    receiver.restart().await;
    let mut exchange = sender.send(&webhook(receiver.url())).await;
    if exchange.outcome.is_not_processed() {
        exchange = sender.send(&webhook(receiver.url())).await;
    }
    assert_eq!(answered(&exchange), 200);
    assert_eq!((receiver.connections(), sender.connections.count()), (2, 1));
}
