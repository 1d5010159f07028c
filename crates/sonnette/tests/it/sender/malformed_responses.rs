//! Receivers that get HTTP wrong, or nearly.

use std::time::Duration;

use bytes::Bytes;
use sonnette::domain::{FailureKind, HttpExchange};
use sonnette::engine::sender::{Request, SenderConfig};
use sonnette::testing::{Receiver, ScriptedResponse};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::join;
use tokio::net::TcpListener;

use super::{TestSender, answered, config, failed, webhook, with_short_timeout};

/// One answer to a fresh sender.
async fn send_once(answer: ScriptedResponse) -> HttpExchange {
    send_once_with_config(config(), answer).await
}

async fn send_once_with_config(config: SenderConfig, answer: ScriptedResponse) -> HttpExchange {
    let receiver = Receiver::start().await;
    receiver.respond_with(answer);
    TestSender::with(config)
        .send(&webhook(receiver.url()))
        .await
}

#[tokio::test]
async fn a_slow_body_within_the_time_limit_is_complete() {
    let exchange = send_once(
        ScriptedResponse::ok()
            .body("abc")
            .byte_by_byte(Duration::from_millis(5)),
    )
    .await;
    assert_eq!(answered(&exchange), 200);
    assert_eq!(exchange.response_body, "abc");
}

#[tokio::test]
async fn a_slow_body_beyond_the_time_limit_times_out() {
    let drip = ScriptedResponse::ok()
        .body(vec![b'x'; 100])
        .byte_by_byte(Duration::from_millis(20));
    let exchange = send_once_with_config(with_short_timeout(), drip).await;
    let (failure, reason) = failed(&exchange);
    assert_eq!(failure, FailureKind::Timeout);
    let begins = reason.starts_with("the answer did not end within 0.25 s (");
    assert!(begins && reason.ends_with("bytes, status 200)"), "{reason}");
    assert!(!exchange.response_body.is_empty(), "what had come is kept");
    assert_eq!(exchange.response_headers, "content-length: 100\n");
}

#[tokio::test]
async fn a_truncated_body_is_a_failure() {
    for status in [200, 404] {
        let exchange = send_once(
            ScriptedResponse::status(status)
                .body("hello, world, and more")
                .truncated_after(12),
        )
        .await;
        let reason = format!("the answer broke off after 12 bytes (status {status})");
        assert_eq!(failed(&exchange), (FailureKind::Broken, reason.clone()));
        assert_eq!(exchange.response_body, "hello, world");
        assert_eq!(exchange.outcome.return_code(), 0);
    }
}

#[tokio::test]
async fn a_chunked_body_must_end() {
    let whole = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    assert_eq!(
        send_once(ScriptedResponse::raw(whole)).await.response_body,
        "abc"
    );
    let torn = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n";
    let exchange = send_once(ScriptedResponse::raw(torn)).await;
    assert_eq!(
        failed(&exchange),
        (
            FailureKind::Broken,
            "the answer broke off after 3 bytes (status 200)".to_owned()
        )
    );
    let nonsense = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n";
    assert_eq!(
        failed(&send_once(ScriptedResponse::raw(nonsense)).await).0,
        FailureKind::Broken
    );
}

#[tokio::test]
async fn an_endless_body_is_a_success_at_the_size_limit() {
    let exchange = send_once(ScriptedResponse::endless()).await;
    assert_eq!(answered(&exchange), 200);
    assert_eq!(exchange.response_body.len(), 64 * 1024);
}

#[tokio::test]
async fn a_body_may_end_with_its_connection() {
    let exchange = send_once(ScriptedResponse::ok().body("done").without_length()).await;
    assert_eq!(answered(&exchange), 200);
    assert_eq!(exchange.response_body, "done");
    let exchange = send_once(ScriptedResponse::raw("HTTP/1.0 201 Created\r\n\r\nold")).await;
    assert_eq!(answered(&exchange), 201);
    assert_eq!(exchange.response_body, "old");
}

#[tokio::test]
async fn interim_responses_are_skipped() {
    let exchange = send_once(
        ScriptedResponse::status(202)
            .with_interim(100)
            .with_interim(103)
            .body("ok"),
    )
    .await;
    assert_eq!(answered(&exchange), 202);
    assert_eq!(exchange.response_body, "ok");
    let exchange = send_once(ScriptedResponse::raw("HTTP/1.1 100 Continue\r\n\r\n")).await;
    assert_eq!(
        failed(&exchange),
        (
            FailureKind::Broken,
            "the answer broke off in its headers".to_owned()
        )
    );
}

#[tokio::test]
async fn a_protocol_switch_is_a_failure() {
    let exchange = send_once(
        ScriptedResponse::status(101)
            .header("upgrade", "websocket")
            .header("connection", "upgrade"),
    )
    .await;
    assert_eq!(
        failed(&exchange),
        (
            FailureKind::Broken,
            "the receiver wants another protocol (status 101)".to_owned()
        )
    );
}

#[tokio::test]
async fn a_response_before_the_request_body_was_read_counts() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let webhook = webhook(format!("http://{}/", listener.local_addr().unwrap()));
    let early = async {
        let (mut connection, _) = listener.accept().await.unwrap();
        connection.read_u8().await.unwrap();
        let answer = b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno";
        connection.write_all(answer).await.unwrap();
        connection
    };
    let sender = TestSender::new();
    let prepared = sender.sender.prepare(&webhook);
    let body = Bytes::from(vec![b' '; 20_000_000]);
    let request = Request {
        prepared: &prepared,
        message_id: "a",
        body,
        test: false,
        is_repeat: false,
    };
    let (exchange, _connection) = join!(sender.sender.send(&sender.connections, request), early);
    assert_eq!(answered(&exchange), 413);
    assert_eq!(sender.connections.count(), 0);
}

#[tokio::test]
async fn unusual_statuses_are_kept() {
    for status in [299, 600, 999] {
        let exchange = send_once(ScriptedResponse::status(status)).await;
        assert_eq!(answered(&exchange), status);
        assert_eq!(exchange.outcome.is_success(), status == 299);
    }
    for status in [99, 1000] {
        let exchange = send_once(ScriptedResponse::raw(format!(
            "HTTP/1.1 {status} X\r\n\r\n"
        )))
        .await;
        let reason = format!("the answer has a status that HTTP does not know ({status})");
        assert_eq!(failed(&exchange), (FailureKind::Broken, reason));
    }
}

#[tokio::test]
async fn garbage_is_a_failure() {
    for garbage in [
        "SSH-2.0-OpenSSH_9.6\r\n",
        "{}\r\n\r\n",
        "HTTP/1.1 two hundred\r\n\r\n",
        "\0\0\0\0\0\0\0\0\r\n\r\n",
    ] {
        let exchange = send_once(ScriptedResponse::raw(garbage)).await;
        assert_eq!(
            failed(&exchange),
            (FailureKind::Broken, "the answer is not HTTP".to_owned()),
            "{garbage:?}"
        );
    }
}

#[tokio::test]
async fn a_connection_without_a_response_has_a_clear_error() {
    let exchange = send_once(ScriptedResponse::close()).await;
    assert_eq!(
        failed(&exchange),
        (
            FailureKind::Broken,
            "the connection was closed without an answer".to_owned()
        )
    );
    let exchange = send_once(ScriptedResponse::reset()).await;
    assert_eq!(
        failed(&exchange),
        (
            FailureKind::Broken,
            "the connection was reset before an answer came".to_owned()
        )
    );
    let exchange = send_once(ScriptedResponse::raw("HTTP/1.1 200 OK\r\ncontent-")).await;
    assert_eq!(
        failed(&exchange),
        (
            FailureKind::Broken,
            "the answer broke off in its headers".to_owned()
        )
    );
}

#[tokio::test]
async fn response_headers_are_bounded() {
    let exchange = send_once(ScriptedResponse::ok().header("x-long", &"a".repeat(20_000))).await;
    assert_eq!(answered(&exchange), 200);
    assert_eq!(exchange.response_headers.len(), 8 * 1024, "cut on record");
    let exchange = send_once(ScriptedResponse::ok().header("x-long", &"a".repeat(200_000))).await;
    assert_eq!(
        failed(&exchange),
        (
            FailureKind::Broken,
            "the headers of the answer are too large".to_owned()
        )
    );
    let many = (0..300).fold(ScriptedResponse::ok(), |answer, n| {
        answer.header(&format!("x-{n}"), "a")
    });
    assert_eq!(
        failed(&send_once(many).await),
        (
            FailureKind::Broken,
            "the headers of the answer are too large".to_owned()
        )
    );
}

#[tokio::test]
async fn response_headers_have_256_lines_and_64_kib() {
    let of_lines = |count: usize| "x-a: b\r\n".repeat(count - 1);
    let of_bytes = |bytes: usize| {
        let others = "HTTP/1.1 200 OK\r\nx-long: \r\ncontent-length: 2\r\n\r\n";
        format!("x-long: {}\r\n", "a".repeat(bytes - others.len()))
    };
    let send = async |headers: String| {
        let response = format!("HTTP/1.1 200 OK\r\n{headers}content-length: 2\r\n\r\nok");
        send_once(ScriptedResponse::raw(response)).await
    };
    for allowed in [of_lines(256), of_bytes(65_536)] {
        assert_eq!(answered(&send(allowed).await), 200);
    }
    for too_large in [of_lines(257), of_bytes(65_537)] {
        let reason = "the headers of the answer are too large".to_owned();
        let exchange = send(too_large).await;
        assert_eq!(failed(&exchange), (FailureKind::Broken, reason));
    }
}

#[tokio::test]
async fn header_bytes_that_are_not_text_are_escaped() {
    let raw = b"HTTP/1.1 200 OK\r\nx-a: caf\xe9\r\ncontent-length: 2\r\n\r\n\xff\x00".to_vec();
    let exchange = send_once(ScriptedResponse::raw(raw)).await;
    assert_eq!(
        exchange.response_headers,
        "x-a: caf\\xe9\ncontent-length: 2\n"
    );
    assert_eq!(&exchange.response_body[..], b"\xff\x00");
}
