//! Receivers that end HTTP/2 streams and connections in unusual ways.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, SendStream, server};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use sonnette::domain::{FailureKind, HttpExchange};
use sonnette::engine::sender::{Request, SenderConfig};
use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::{TestSender, answered, config, failed, webhook};

type StreamScript = fn(SendResponse<Bytes>);

/// Sends one request to a receiver that answers like this.
async fn send_once(answer: StreamScript, is_repeat: bool) -> HttpExchange {
    send_once_to_server(is_repeat, async move |stream| {
        let mut connection = server::handshake(stream).await.unwrap();
        while let Some(Ok((_request, response))) = connection.accept().await {
            answer(response);
        }
    })
    .await
}

/// Sends one request to a receiver that writes these frames once it has read the request.
async fn send_once_to_frames(frames: &'static [u8], is_repeat: bool) -> HttpExchange {
    send_once_to_server(is_repeat, async move |mut stream: ServerStream| {
        // Empty SETTINGS.
        stream
            .write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0])
            .await
            .unwrap();
        let mut received = Vec::new();
        while !received.ends_with(b"{}") {
            assert!(stream.read_buf(&mut received).await.unwrap() > 0);
        }
        stream.write_all(frames).await.unwrap();
        stream.flush().await.unwrap();
        // Until the sender closes.
        while stream
            .read(&mut [0; 1024])
            .await
            .is_ok_and(|length| length > 0)
        {}
    })
    .await
}

type ServerStream = TlsStream<TcpStream>;

/// Sends one request to a receiver that serves each connection like this.
async fn send_once_to_server(is_repeat: bool, answer: impl AsyncFn(ServerStream)) -> HttpExchange {
    let key = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![key.cert.der().clone()],
            PrivateKeyDer::Pkcs8(key.signing_key.serialize_der().into()),
        )
        .unwrap();
    tls.alpn_protocols = vec![b"h2".to_vec()];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serve = async move {
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            let stream = acceptor.accept(tcp).await.unwrap();
            answer(stream).await;
        }
    };
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(key.cert.pem().as_bytes()).unwrap();
    let sender = TestSender::with(SenderConfig {
        extra_ca: Some(file.path().to_owned()),
        ..config()
    });
    let webhook = webhook(format!("https://{address}/"));
    let prepared = sender.sender.prepare(&webhook);
    let request = Request {
        prepared: &prepared,
        message_id: "a",
        body: Bytes::from_static(b"{}"),
        test: false,
        is_repeat,
    };
    tokio::select! {
        exchange = sender.sender.send(&sender.connections, request) => exchange,
        () = serve => unreachable!(),
    }
}

fn head(length: Option<usize>) -> Response<()> {
    let mut response = Response::new(());
    if let Some(length) = length {
        response
            .headers_mut()
            .insert("content-length", length.into());
    }
    response
}

#[tokio::test]
async fn a_refused_stream_is_to_be_sent_again() {
    let refuse: StreamScript = |mut response| response.send_reset(Reason::REFUSED_STREAM);
    let exchange = send_once(refuse, false).await;
    assert!(
        exchange.outcome.is_not_processed(),
        "{:?}",
        exchange.outcome
    );
    let exchange = send_once(refuse, true).await;
    assert_eq!(failed(&exchange).0, FailureKind::Broken);
    assert!(!exchange.outcome.is_not_processed(), "only once");
}

/// GOAWAY says up to which stream the receiver has processed requests: here none.
#[tokio::test]
async fn a_goaway_on_a_fresh_connection_is_to_be_sent_again() {
    const NO_ERROR: &[u8] = &[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    const ENHANCE_YOUR_CALM: &[u8] = &[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 11];
    for goaway in [NO_ERROR, ENHANCE_YOUR_CALM] {
        let exchange = send_once_to_frames(goaway, false).await;
        assert!(
            exchange.outcome.is_not_processed(),
            "{:?}",
            exchange.outcome
        );
        let exchange = send_once_to_frames(goaway, true).await;
        assert!(!exchange.outcome.is_not_processed(), "only once");
        assert_eq!(failed(&exchange).0, FailureKind::Broken);
    }
}

/// HEADERS of stream 1 that end it: an upper-case name, a header of HTTP/1.1 connections, no status, a broken encoding.
#[tokio::test]
async fn malformed_headers_are_named() {
    const UPPER_CASE: &[u8] = &[0, 0, 6, 1, 5, 0, 0, 0, 1, 0x88, 0, 1, b'A', 1, b'x'];
    const CONNECTION: &[u8] = &[
        0, 0, 15, 1, 5, 0, 0, 0, 1, 0x88, 0, 10, b'c', b'o', b'n', b'n', b'e', b'c', b't', b'i',
        b'o', b'n', 1, b'x',
    ];
    const NO_STATUS: &[u8] = &[0, 0, 5, 1, 5, 0, 0, 0, 1, 0, 1, b'a', 1, b'x'];
    const BROKEN_ENCODING: &[u8] = &[0, 0, 2, 1, 5, 0, 0, 0, 1, 0xff, 0x80];
    for frames in [UPPER_CASE, CONNECTION, NO_STATUS, BROKEN_ENCODING] {
        let exchange = send_once_to_frames(frames, false).await;
        let expected = (FailureKind::Broken, "the answer is not HTTP".to_owned());
        assert_eq!(failed(&exchange), expected, "{frames:?}");
    }
}

#[tokio::test]
async fn other_resets_are_failures() {
    for reset in [
        (|mut response| response.send_reset(Reason::INTERNAL_ERROR)) as StreamScript,
        |mut response| response.send_reset(Reason::CANCEL),
    ] {
        let exchange = send_once(reset, false).await;
        assert!(!exchange.outcome.is_not_processed());
        assert_eq!(failed(&exchange).0, FailureKind::Broken);
    }
}

#[tokio::test]
async fn half_a_body_and_a_reset_without_an_error_is_a_failure() {
    for half in [
        (|mut response| {
            let mut body = response.send_response(head(None), false).unwrap();
            body.send_data("half".into(), false).unwrap();
            reset_later(body);
        }) as StreamScript,
        |mut response| {
            let mut body = response.send_response(head(Some(8)), false).unwrap();
            body.send_data("half".into(), false).unwrap();
            reset_later(body);
        },
    ] {
        let exchange = send_once(half, false).await;
        let (kind, reason) = failed(&exchange);
        assert_eq!(kind, FailureKind::Broken);
        assert!(
            reason.starts_with("the answer broke off after "),
            "{reason}"
        );
    }
    let whole: StreamScript = |mut response| {
        let mut body = response.send_response(head(Some(4)), false).unwrap();
        body.send_data("full".into(), true).unwrap();
    };
    assert_eq!(answered(&send_once(whole, false).await), 200);
}

#[tokio::test]
async fn interim_responses_are_bounded() {
    let few: StreamScript = |mut response| {
        send_interim(&mut response, 16);
        response.send_response(head(None), true).unwrap();
    };
    assert_eq!(answered(&send_once(few, false).await), 200);
    // With the response, one header frame more than a response with trailers may have.
    let too_many: StreamScript = |mut response| {
        send_interim(&mut response, 18);
        response.send_response(head(None), true).unwrap();
    };
    let reason = "the headers of the answer are too large".to_owned();
    let exchange = send_once(too_many, false).await;
    assert_eq!(failed(&exchange), (FailureKind::Broken, reason));
    let many: StreamScript = |mut response| {
        send_interim(&mut response, 1000);
        // Dropping it would reset the stream.
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(5)).await;
            drop(response);
        });
    };
    let exchange = send_once(many, false).await;
    assert_eq!(
        failed(&exchange),
        (
            FailureKind::Broken,
            "the headers of the answer are too large".to_owned()
        )
    );
}

#[tokio::test]
async fn response_headers_are_bounded() {
    let allowed: [StreamScript; 2] = [
        |response| send_headers(response, 256, 1),
        |response| send_headers(response, 60, 1_000),
    ];
    for answer in allowed {
        assert_eq!(answered(&send_once(answer, false).await), 200);
    }
    let too_large: [StreamScript; 5] = [
        |response| send_headers(response, 257, 1),
        |response| send_headers(response, 3_000, 1),
        |response| send_headers(response, 70, 10_000),
        |response| send_headers(response, 70, 1_000),
        |response| send_headers(response, 1, 70_000),
    ];
    for answer in too_large {
        let exchange = send_once(answer, false).await;
        let expected = "the headers of the answer are too large".to_owned();
        assert_eq!(failed(&exchange), (FailureKind::Broken, expected));
    }
}

/// Responds with so many headers, whose values have so many bytes each.
fn send_headers(mut response: SendResponse<Bytes>, count: usize, value_bytes: usize) {
    let value: HeaderValue = "a".repeat(value_bytes).parse().unwrap();
    let mut head = head(None);
    for number in 0..count {
        let name: HeaderName = format!("x-{number}").parse().unwrap();
        head.headers_mut().insert(name, value.clone());
    }
    response.send_response(head, true).unwrap();
}

/// Resets a stream once what was sent before has left.
fn reset_later(mut body: SendStream<Bytes>) {
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(200)).await;
        body.send_reset(Reason::NO_ERROR);
    });
}

fn send_interim(response: &mut SendResponse<Bytes>, count: usize) {
    for _ in 0..count {
        let mut interim = Response::new(());
        *interim.status_mut() = StatusCode::EARLY_HINTS;
        response.send_informational(interim).unwrap();
    }
}
