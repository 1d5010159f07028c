//! Responses that break the rules of HTTP/1.1 and are read nevertheless.

use sonnette::domain::{FailureKind, HttpExchange};
use sonnette::testing::{Receiver, ScriptedResponse};

use super::{TestSender, answered, failed, webhook};

async fn send_once(response: impl Into<Vec<u8>>) -> HttpExchange {
    let receiver = Receiver::start().await;
    receiver.respond_with(ScriptedResponse::raw(response.into()));
    TestSender::new().send(&webhook(receiver.url())).await
}

#[tokio::test]
async fn unreadable_header_lines_are_left_out() {
    for (head, recorded) in [
        (
            "HTTP/1.1 200 OK\r\nX-Long: a\r\n  b\r\n\tc\r\nContent-Length: 2\r\n\r\n",
            "x-long: a b c\ncontent-length: 2\n",
        ),
        (
            "HTTP/1.1 200 OK\r\n<br />\r\n<b>Warning</b>:  Undefined index in <b>/a.php</b> on line 3<br />\r\nContent-Length: 2\r\n\r\n",
            "content-length: 2\n",
        ),
        (
            "HTTP/1.1 200 OK\r\nPHP Warning:  mysql_connect(): gone\r\n  in a.php:3\r\nContent-Length: 2\r\n\r\n",
            "content-length: 2\n",
        ),
        (
            "HTTP/1.1 200 OK\r\nSet-Cookie: a=\x01\x00\x7f\r\nContent-Length: 2\r\n\r\n",
            "set-cookie: a=\\u{1}\\u{0}\\u{7f}\ncontent-length: 2\n",
        ),
        (
            "HTTP/1.1 200 OK\r\n: x\r\nb[0]: x\r\n folded\r\nContent-Length : 2\r\n\r\n",
            "content-length: 2\n",
        ),
        (
            "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\n",
            "content-length: 2\n",
        ),
        ("HTTP/1.1 200 \nContent-Length:2\n\n", "content-length: 2\n"),
        (
            "\r\n\nHTTP/1.1  200  OK\r\nContent-Length: 2\r\n\r\n",
            "content-length: 2\n",
        ),
        (
            "HTTP/2 200 OK\r\n  x: y\r\nContent-Length: 2\r\n\r\n",
            "content-length: 2\n",
        ),
    ] {
        let exchange = send_once(format!("{head}ok")).await;
        assert_eq!(answered(&exchange), 200, "{head}");
        assert_eq!(exchange.response_body, "ok", "{head}");
        assert_eq!(exchange.response_headers, recorded, "{head}");
    }
}

#[tokio::test]
async fn lengths_may_be_repeated_or_contradictory() {
    for headers in [
        "Content-Length: 2\r\nContent-Length: 2",
        "Content-Length: 2, 2",
        "Content-Length: 5\r\nContent-Length: 2",
        "Content-Length: two\r\nContent-Length: 2",
        "Content-Length: two",
        "Content-Length: -1",
        "Transfer-Encoding: identity\r\nContent-Length: 2",
        "X: y",
    ] {
        let exchange = send_once(format!("HTTP/1.1 201 Created\r\n{headers}\r\n\r\nok")).await;
        assert_eq!(answered(&exchange), 201, "{headers}");
        assert_eq!(exchange.response_body, "ok", "{headers}");
    }
}

#[tokio::test]
async fn chunks_may_have_extensions_and_bad_trailers() {
    for body in [
        "2\r\nok\r\n0\r\n\r\n",
        "2;a=b;c=\"d\"\r\nok\r\n0;last\r\n\r\n",
        "0002 \r\nok\r\n0\r\nno trailer\r\n\x00: \x01\r\n\r\n",
        "1\no\n1\nk\n0\n\n",
        "2\r\nok\r\n0\r\n",
        "2\r\nok\r\n0\r\nbroken off",
    ] {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 999\r\nTransfer-Encoding: Chunked\r\n\r\n";
        let exchange = send_once(format!("{head}{body}")).await;
        assert_eq!(answered(&exchange), 200, "{body}");
        assert_eq!(exchange.response_body, "ok", "{body}");
    }
    let endless = format!("2\r\nok\r\n0\r\n{}", "x: y\r\n".repeat(100_000));
    let exchange = send_once(format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{endless}"
    ))
    .await;
    assert_eq!(answered(&exchange), 200);
}

#[tokio::test]
async fn chunks_that_cannot_be_read_are_failures() {
    for body in [
        "2\r\nokX\r\n0\r\n\r\n".to_owned(),
        "\r\nok\r\n0\r\n\r\n".to_owned(),
        "-2\r\nok\r\n0\r\n\r\n".to_owned(),
        "00000000000000002\r\nok\r\n0\r\n\r\n".to_owned(),
        format!("2;{}\r\nok\r\n0\r\n\r\n", "x".repeat(100_000)),
    ] {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let exchange = send_once(format!("{head}{body}")).await;
        assert_eq!(failed(&exchange).0, FailureKind::Broken, "{body:.20}");
    }
}

#[tokio::test]
async fn endless_interim_responses_are_a_failure() {
    for flood in [
        "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(17),
        "HTTP/1.1 100 Continue\r\nX: y\r\n\r\n".repeat(100_000),
        format!("HTTP/1.1 102 P\r\nX: {}\r\n\r\n", "y".repeat(10_000)).repeat(7),
    ] {
        let exchange = send_once(flood + "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
        let reason = "the headers of the answer are too large".to_owned();
        assert_eq!(failed(&exchange), (FailureKind::Broken, reason));
    }
    let few = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(16);
    let exchange = send_once(few + "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    assert_eq!(answered(&exchange), 200);
}

#[tokio::test]
async fn a_connection_is_reused_only_after_a_clear_end() {
    for (response, connections) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 1),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            1,
        ),
        (
            "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok",
            1,
        ),
        ("HTTP/1.1 204 No Content\r\n\r\n", 1),
        ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 0),
        (
            "HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 2\r\n\r\nok",
            0,
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok unasked", 0),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 2\r\n\r\nok",
            0,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            0,
        ),
        ("HTTP/1.1 200 OK\r\n\r\nok", 0),
    ] {
        let receiver = Receiver::start().await;
        receiver.respond_with(ScriptedResponse::raw(response));
        let sender = TestSender::new();
        assert!(
            sender
                .send(&webhook(receiver.url()))
                .await
                .outcome
                .is_success()
        );
        assert_eq!(sender.connections.count(), connections, "{response}");
    }
}
