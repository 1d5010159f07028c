//! HTTPS: trust and HTTP/2.

use std::io::Write as _;
use std::time::Duration;

use sonnette::domain::Failure;
use sonnette::engine::sender::{Sender, SenderConfig};
use sonnette::testing::{Answer, Certified, Gate, MockClock, Receiver};
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt as _;
use tokio::join;

use super::{Bench, answered, config, failed, webhook};

/// A sender that believes the receiver's authority.
fn believing(receiver: &Receiver) -> Bench {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(receiver.authority_pem().unwrap().as_bytes())
        .unwrap();
    let extra_ca = Some(file.path().to_owned());
    Bench::with(SenderConfig {
        extra_ca,
        require_https: true,
        ..config()
    })
}

#[tokio::test]
async fn a_good_certificate_is_believed() {
    let receiver = Receiver::start_tls(Certified::Well).await;
    receiver.answer(Answer::ok().body("secure"));
    let bench = believing(&receiver);
    let by_name = format!("https://localhost:{}/", receiver.address().port());
    for url in [receiver.url(), receiver.url(), by_name] {
        let exchange = bench.send(&webhook(url)).await;
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
async fn bad_certificates_are_refused_by_name() {
    for (certified, reason) in [
        (Certified::Expired, "the certificate has expired"),
        (Certified::NotYet, "the certificate is not valid yet"),
        (
            Certified::ForAnotherName,
            "the certificate is not valid for this name",
        ),
        (
            Certified::ByAStranger,
            "the certificate comes from no authority trusted here",
        ),
    ] {
        let receiver = Receiver::start_tls(certified).await;
        let exchange = believing(&receiver).send(&webhook(receiver.url())).await;
        assert_eq!(failed(&exchange), (Failure::Tls, reason));
        assert!(receiver.requests().is_empty());
    }
}

#[tokio::test]
async fn the_systems_authorities_do_not_know_a_tests() {
    let receiver = Receiver::start_tls(Certified::Well).await;
    let exchange = Bench::new().send(&webhook(receiver.url())).await;
    assert_eq!(
        failed(&exchange),
        (
            Failure::Tls,
            "the certificate comes from no authority trusted here"
        )
    );
}

#[tokio::test]
async fn https_at_a_port_of_http_is_said_plainly() {
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
    let bench = Bench::new();
    let (exchange, _connection) = join!(bench.send(&webhook), answer);
    assert_eq!(
        failed(&exchange),
        (Failure::Tls, "the receiver does not speak TLS")
    );
}

#[tokio::test]
async fn a_handshake_counts_for_the_time_limit() {
    // Accepts the connection and says nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = SenderConfig {
        timeout: Duration::from_millis(200),
        ..config()
    };
    let exchange = Bench::with(config)
        .send(&webhook(format!(
            "https://{}/",
            silent.local_addr().unwrap()
        )))
        .await;
    assert_eq!(
        failed(&exchange),
        (
            Failure::Timeout,
            "no TLS handshake with 127.0.0.1 within 0.2 s"
        )
    );
}

#[tokio::test]
async fn an_authority_that_cannot_be_read_stops_the_start() {
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
    let bench = believing(&receiver);
    let url = receiver
        .url_of("/in?a=1")
        .replace("https://", "https://u:p@");
    let webhook = webhook(url);
    let exchange = bench.send(&webhook).await;
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
    receiver.answer(Answer::status(202).body("ok").behind(&gate));
    let release = async {
        receiver.wait_for(4).await;
        gate.open();
    };
    let (one, two, three, ()) = join!(
        bench.send(&webhook),
        bench.send(&webhook),
        bench.send(&webhook),
        release
    );
    for exchange in [one, two, three] {
        assert_eq!(answered(&exchange), 202);
        assert_eq!(exchange.response_body, "ok");
    }
    assert_eq!((receiver.connections(), bench.connections.count()), (1, 1));
}

#[tokio::test]
async fn an_http2_answer_over_the_limit_leaves_the_connection() {
    let receiver = Receiver::start_http2().await;
    receiver.answer(Answer::ok().body(vec![b'x'; 1_000_000]));
    let bench = believing(&receiver);
    for _ in 0..3 {
        let exchange = bench.send(&webhook(receiver.url())).await;
        assert_eq!(answered(&exchange), 200);
        assert_eq!(exchange.response_body.len(), 64 * 1024);
    }
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn an_http2_stream_can_break_off_or_stay_silent() {
    let receiver = Receiver::start_http2().await;
    let bench = believing(&receiver);
    receiver.answer(Answer::reset());
    let exchange = bench.send(&webhook(receiver.url())).await;
    assert_eq!(failed(&exchange).0, Failure::Broken);
    receiver.answer(Answer::never());
    let mut impatient = webhook(receiver.url());
    impatient.settings.timeout = Some(Duration::from_millis(200));
    let exchange = bench.send(&impatient).await;
    assert_eq!(
        failed(&exchange),
        (Failure::Timeout, "no answer within 0.2 s")
    );
    receiver.answer(Answer::ok());
    assert_eq!(answered(&bench.send(&webhook(receiver.url())).await), 200);
    assert_eq!((receiver.requests().len(), receiver.connections()), (3, 1));
}

#[tokio::test]
async fn an_http2_connection_found_closed_is_replaced() {
    let mut receiver = Receiver::start_http2().await;
    let bench = believing(&receiver);
    assert_eq!(answered(&bench.send(&webhook(receiver.url())).await), 200);
    receiver.stop().await;
    receiver.start_again().await;
    assert_eq!(answered(&bench.send(&webhook(receiver.url())).await), 200);
    assert_eq!((receiver.connections(), bench.connections.count()), (2, 1));
}
