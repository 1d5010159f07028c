//! The bounds of connections and requests, as `docs/limits.md` lists them.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;

use serde_json::json;

use super::client::{Api, ORGANIZER};

/// Sends a text on a connection.
fn send(stream: &TcpStream, text: &str) {
    let mut stream = stream;
    stream.write_all(text.as_bytes()).unwrap();
}

/// The status line and the headers of the next answer; empty if the connection is closed without one.
fn read_head(stream: &TcpStream) -> String {
    let mut head = String::new();
    let mut lines = BufReader::new(stream);
    while !head.ends_with("\r\n\r\n") {
        match lines.read_line(&mut head) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
            Err(error) => panic!("{error} after {head:?}"),
        }
    }
    head
}

/// Whether the server has closed the connection, after any further answer.
fn is_closed(mut stream: &TcpStream) -> bool {
    let mut bytes = [0; 4096];
    loop {
        match stream.read(&mut bytes) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return true,
            Err(_) => return false,
        }
    }
}

fn health(api: &Api) -> u16 {
    api.raw("GET /healthz HTTP/1.1\r\n", b"").status
}

fn publication_head(api: &Api, length: usize) -> String {
    format!(
        "POST {ORGANIZER}notifications/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Token {}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n",
        api.token
    )
}

const KEPT_ALIVE: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[test]
fn a_slow_body_gets_408() {
    let api = Api::start_with(&["--transfer-timeout-seconds", "1"]);
    let silent = api.connect();
    send(&silent, &publication_head(&api, 100));
    send(&silent, "{");
    let trickle = api.connect();
    send(&trickle, &publication_head(&api, 1 << 20));
    send(&trickle, &" ".repeat(4096));
    for stream in [silent, trickle] {
        let head = read_head(&stream);
        assert!(head.starts_with("HTTP/1.1 408 "), "{head}");
        assert!(is_closed(&stream));
    }
    assert_eq!(health(&api), 200);
}

#[test]
fn a_slow_form_gets_408() {
    let api = Api::start_with(&["--transfer-timeout-seconds", "1"]);
    let form = api.connect();
    let request = format!(
        "POST /login/ HTTP/1.1\r\nHost: localhost\r\nCookie: sonnette_visit_{}=x\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\ncsrf=",
        api.port()
    );
    send(&form, &request);
    assert!(read_head(&form).starts_with("HTTP/1.1 408 "));
}

#[test]
fn a_slow_header_closes_the_connection() {
    let api = Api::start_with(&["--header-timeout-seconds", "1"]);
    let silent = api.connect();
    let partial = api.connect();
    send(&partial, "GET /healthz HTTP/1.1\r\nHost:");
    let idle = api.connect();
    send(&idle, KEPT_ALIVE);
    assert!(read_head(&idle).starts_with("HTTP/1.1 200 "));
    assert!(is_closed(&silent) && is_closed(&partial) && is_closed(&idle));
}

#[test]
fn a_client_that_does_not_read_is_disconnected() {
    let api = Api::start_with(&["--transfer-timeout-seconds", "1"]);
    let mut stream = api.connect();
    let request = "GET /api/v1/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(100);
    // As many requests as the server takes without its answers being read.
    while stream.write_all(request.as_bytes()).is_ok() {}
    assert_eq!(health(&api), 200);
}

#[test]
fn idle_connections_give_way_oldest_first() {
    let api = Api::start_with(&["--max-connections", "4"]);
    let idle: Vec<_> = (0..4).map(|_| api.connect()).collect();
    for stream in &idle {
        send(stream, KEPT_ALIVE);
        assert!(read_head(stream).starts_with("HTTP/1.1 200 "));
    }
    assert_eq!(health(&api), 200);
    assert!(is_closed(&idle[0]));
    send(&idle[3], KEPT_ALIVE);
    assert!(read_head(&idle[3]).starts_with("HTTP/1.1 200 "));
}

#[test]
fn silent_connections_leave_room_for_other_clients() {
    let api = Api::start_with(&["--max-connections", "8"]);
    let silent: Vec<_> = (0..60).map(|_| api.connect()).collect();
    api.post("notifications/", super::client::order("A"))
        .expect(201);
    assert_eq!(health(&api), 200);
    assert!(is_closed(&silent[0]));
}

#[test]
fn slow_bodies_leave_room_for_other_clients() {
    let args = [
        "--max-connections",
        "8",
        "--transfer-timeout-seconds",
        "600",
    ];
    let api = Api::start_with(&args);
    let slow: Vec<_> = (0..60)
        .map(|_| {
            let stream = api.connect();
            send(&stream, &publication_head(&api, 100));
            stream
        })
        .collect();
    assert_eq!(health(&api), 200);
    api.get("webhooks/").expect(200);
    drop(slow);
}

#[test]
fn streams_at_the_limit_leave_room_for_probes() {
    let args = ["--max-connections", "2", "--max-client-streams", "9"];
    let api = Api::start_with(&args);
    let _streams = [api.watch(), api.watch()];
    assert_eq!(health(&api), 200);
    assert_eq!(api.raw("GET /readyz HTTP/1.1\r\n", b"").status, 200);
    let refused = api.get("webhooks/").expect(503);
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(refused.header("connection"), Some("close"));
}

#[test]
fn a_client_beyond_its_share_of_connections_gets_429() {
    let args = ["--max-client-connections", "2", "--max-client-streams", "9"];
    let api = Api::start_with(&args);
    let _streams = [api.watch(), api.watch()];
    let refused = api.get("webhooks/").expect(429);
    assert_eq!(refused.header("retry-after"), Some("1"));
    // Another token of the same address is another client.
    let other = api.token_for("webhooks");
    api.call_as(&other, "GET", "webhooks/", None).expect(200);
    assert_eq!(health(&api), 200);
}

#[test]
fn a_client_beyond_its_share_of_requests_gets_429() {
    let api = Api::start_with(&["--max-client-requests", "1"]);
    let stream = api.connect();
    send(&stream, &publication_head(&api, 2));
    send(&stream, "{");
    // The request is being answered as soon as another is refused.
    let refused = loop {
        let answer = api.get("webhooks/");
        if answer.status != 200 {
            break answer;
        }
    };
    let refused = refused.expect(429);
    assert_eq!(refused.header("retry-after"), Some("1"));
    api.call_as(&api.operator, "GET", "webhooks/", None)
        .expect(200);
    // Without a token the address is the client.
    api.raw("GET /login/ HTTP/1.1\r\n", b"").expect(200);
    send(&stream, "}");
    assert!(read_head(&stream).starts_with("HTTP/1.1 400 "));
    api.get("webhooks/").expect(200);
}

#[test]
fn bodies_in_memory_are_bounded() {
    let args = ["--max-body-memory-bytes", "33554432"];
    let api = Api::start_with(&args);
    let filler = " ".repeat(12 << 20);
    let fill = |token: &str| {
        let stream = api.connect();
        send(
            &stream,
            &publication_head(&api, 16 << 20).replace(&api.token, token),
        );
        send(&stream, &filler);
        stream
    };
    let first = fill(&api.token);
    // One client may hold half of the bytes. A refusal shows that the first body has arrived.
    let refused = |token: &str, status: u16| {
        let head = format!(
            "POST {ORGANIZER}notifications/ HTTP/1.1\r\nAuthorization: Token {token}\r\nContent-Type: application/json\r\n"
        );
        loop {
            let answer = api.raw(&head, &filler.as_bytes()[..8 << 20]);
            if answer.status != 400 {
                assert_eq!(answer.header("retry-after"), Some("1"));
                answer.expect(status);
                break;
            }
        }
    };
    refused(&api.token, 429);
    let second = fill(&api.operator);
    refused(&api.operator, 429);
    let third = api.token_for("publish");
    // 24 of 32 MiB are held.
    let body = filler.as_bytes();
    let head = format!(
        "POST {ORGANIZER}notifications/ HTTP/1.1\r\nAuthorization: Token {third}\r\nContent-Type: application/json\r\n"
    );
    let refused = api.raw(&head, &body[..9 << 20]).expect(503);
    assert_eq!(refused.header("retry-after"), Some("1"));
    drop((first, second));
}

#[test]
fn nothing_of_a_large_body_is_kept_without_a_token() {
    let api = Api::start();
    let head = format!(
        "POST {ORGANIZER}notifications/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 16777216\r\n"
    );
    let stream = api.connect();
    send(&stream, &format!("{head}Expect: 100-continue\r\n\r\n"));
    assert!(read_head(&stream).starts_with("HTTP/1.1 401 "));
}

#[test]
fn forms_of_guests_are_small() {
    let api = Api::start();
    let form = |bytes: usize| {
        let head = format!(
            "POST /login/ HTTP/1.1\r\nCookie: sonnette_visit_{}=x\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n",
            api.port()
        );
        let body = format!("csrf=x&email={}", "a".repeat(bytes));
        api.raw(&head, body.as_bytes()).status
    };
    assert_eq!(form(16_000), 403);
    assert_eq!(form(16_384), 400);
}

#[test]
fn a_compressed_body_gets_415() {
    let api = Api::start();
    api.webhook("https://a.example/");
    for path in ["notifications/", "webhooks/", "webhooks/1/settings/"] {
        for encoding in ["gzip", "identity, br"] {
            let head = format!("Content-Encoding: {encoding}\r\n");
            let refused = api
                .call_with(
                    &head,
                    if path.ends_with("settings/") {
                        "PATCH"
                    } else {
                        "POST"
                    },
                    path,
                    Some(json!({})),
                )
                .expect(415);
            let detail = refused.json()["detail"].as_str().unwrap().to_owned();
            assert!(
                detail.contains(encoding) && detail.contains("identity"),
                "{detail}"
            );
            assert_eq!(refused.header("accept-encoding"), Some("identity"));
        }
    }
    let identity = "Content-Encoding: Identity\r\n";
    api.call_with(
        identity,
        "POST",
        "notifications/",
        Some(super::client::order("A")),
    )
    .expect(201);
}

#[test]
fn wrong_input_gets_a_bounded_number_of_messages() {
    let api = Api::start();
    let mut members = String::from("{\"slug\":\"x\"");
    for number in 0..100_000 {
        write!(members, ",\"{number}\":0").unwrap();
    }
    members.push('}');
    let json = "Content-Type: application/json\r\n";
    let head = |method: &str, path: &str, kind: &str| {
        format!(
            "{method} {ORGANIZER}{path} HTTP/1.1\r\nAuthorization: Token {}\r\n{kind}",
            api.operator
        )
    };
    let count = |text: &str| {
        serde_json::from_str::<serde_json::Value>(text)
            .unwrap()
            .as_object()
            .unwrap()
            .len()
    };
    let body = members.as_bytes();
    for path in ["notifications/", "portal/"] {
        let refused = api.raw(&head("POST", path, json), body).expect(400);
        assert!(count(&refused.text) <= 50, "{path}");
    }
    let settings = format!("{}settings/", api.webhook("https://a.example/"));
    let refused = api.raw(&head("PATCH", &settings, json), body).expect(400);
    assert!(count(&refused.text) <= 50);
    let array = format!("[{}1]", "{\"a\":1,\"b\":2},".repeat(999));
    let refused = api
        .raw(&head("POST", "notifications/", json), array.as_bytes())
        .expect(400);
    assert!(count(&refused.text) <= 50);
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let fields: String = (0..100_000).fold(String::new(), |mut text, number| {
        write!(text, "{number}=&").unwrap();
        text
    });
    api.raw(&head("POST", "webhooks/", form), fields.as_bytes())
        .expect(400);
    let query = format!("webhooks/?{}", "a=b&".repeat(15_000));
    api.raw(&head("GET", &query, ""), b"").expect(200);
}

#[test]
fn a_long_header_is_refused() {
    let api = Api::start();
    let long = format!("X-Long: {}\r\n", "x".repeat(300_000));
    let refused = api.raw(&format!("GET /healthz HTTP/1.1\r\n{long}"), b"");
    assert_eq!(refused.status, 431);
    let many = "X-Many: x\r\n".repeat(200);
    let refused = api.raw(&format!("GET /healthz HTTP/1.1\r\n{many}"), b"");
    assert_eq!(refused.status, 431);
}

#[test]
fn a_stored_response_requires_the_token() {
    let api = Api::start();
    let token = api.token_for("webhooks");
    let key = "X-Idempotency-Key: one\r\n";
    let request = |more: &str| {
        let head = format!(
            "POST {ORGANIZER}webhooks/ HTTP/1.1\r\nAuthorization: Token {token}\r\nContent-Type: application/json\r\n{more}"
        );
        let body = json!({"target_url": "https://u:secret@a.example/", "limit_events": [], "action_types": []});
        api.raw(&head, body.to_string().as_bytes())
    };
    let query = || {
        let head = format!(
            "GET /api/v1/idempotency_query?key=one HTTP/1.1\r\nAuthorization: Token {token}\r\n"
        );
        api.raw(&head, b"")
    };
    request(key).expect(201);
    query().expect(201);
    let tokens = api.call_as(&api.operator, "GET", "tokens/", None).json();
    let id = &tokens["results"].as_array().unwrap().last().unwrap()["id"];
    let path = format!("tokens/{id}/");
    let change = |body| {
        api.call_as(&api.operator, "PATCH", &path, Some(body))
            .expect(200)
    };
    change(json!({"permissions": ["publish"]}));
    request(key).expect(403);
    query().expect(403);
    change(json!({"permissions": ["webhooks"]}));
    request(key).expect(201);
    change(json!({"active": false}));
    for refused in [request(key), query()] {
        assert!(!refused.expect(401).text.contains("secret"));
    }
}

#[test]
fn the_pages_of_lists_are_bounded() {
    let api = Api::start();
    let count = |path: &str| {
        let page = api.get(path).expect(200).json();
        page["results"].as_array().unwrap().len()
    };
    let publications = vec![super::client::order("A"); 201];
    api.post("notifications/", publications.into()).expect(201);
    assert_eq!(count("notifications/?page_size=200"), 200);
    let refused = api.get("notifications/?page_size=201").expect(400);
    assert!(refused.json()["page_size"].is_array(), "{}", refused.text);
    // A numbered list as in pretix.
    for _ in 0..51 {
        api.webhook("http://127.0.0.1:1/");
    }
    assert_eq!(count("webhooks/?page_size=200"), 50);
}

#[test]
fn the_rest_of_a_refused_body_is_read_within_bounds() {
    let api = Api::start();
    let head = format!(
        "POST {ORGANIZER}notifications/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n"
    );
    let mut stream = api.connect();
    send(&stream, &head);
    let part = vec![b' '; 1 << 20];
    let sent = (0..1_000).take_while(|_| stream.write_all(&part).is_ok());
    // 128 MiB, and what the kernels hold.
    assert!(sent.count() < 256);
    assert!(is_closed(&stream));
    assert_eq!(health(&api), 200);
}
