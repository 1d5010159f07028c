//! The bounds of event streams.

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::client::{Api, ORGANIZER};

/// The next event: its name and its data.
#[track_caller]
pub(super) fn next(stream: &mut BufReader<TcpStream>) -> (String, Value) {
    let mut name = String::new();
    let mut line = String::new();
    loop {
        line.clear();
        assert!(stream.read_line(&mut line).unwrap() > 0, "it has ended");
        if let Some(text) = line.strip_prefix("event: ") {
            text.trim_end().clone_into(&mut name);
        } else if let Some(text) = line.strip_prefix("data: ") {
            return (name, serde_json::from_str(text).unwrap());
        }
    }
}

pub(super) fn register_large_type(api: &Api) {
    api.call_as(
        &api.operator,
        "POST",
        "action_types/",
        Some(json!({"action_type": "shop.parcel"})),
    )
    .expect(201);
}

pub(super) fn publish_large(api: &Api) {
    let data = json!({"text": "x".repeat(250_000)});
    api.post(
        "notifications/",
        json!({"action_type": "shop.parcel", "data": data}),
    )
    .expect(201);
}

#[test]
fn streams_are_not_buffered_by_proxies() {
    let api = Api::start();
    let head = format!(
        "GET {ORGANIZER}stream/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Token {}\r\n\r\n",
        api.token
    );
    let stream = api.connect();
    std::io::Write::write_all(&mut &stream, head.as_bytes()).unwrap();
    let lines: Vec<_> = BufReader::new(stream)
        .lines()
        .map(Result::unwrap)
        .take_while(|line| !line.is_empty())
        .collect();
    assert!(
        lines.contains(&"x-accel-buffering: no".to_owned()),
        "{lines:?}"
    );
    assert!(
        lines.contains(&"content-type: text/event-stream".to_owned()),
        "{lines:?}"
    );
}

#[test]
fn streams_are_limited_per_token_and_in_all() {
    let api = Api::start_with(&["--max-client-streams", "2", "--max-streams", "3"]);
    let first = [api.watch(), api.watch()];
    let refused = api.get("stream/").expect(429);
    assert_eq!(refused.header("retry-after"), Some("1"));
    let header = format!("Authorization: Token {}", api.operator);
    let _third = api.watch_at(&format!("{ORGANIZER}stream/"), &header);
    api.call_as(&api.operator, "GET", "stream/", None)
        .expect(429);
    drop(first);
    // The server notices the closed connections a little later.
    while api.get("events/").status != 200 {}
}

#[test]
fn a_client_that_does_not_read_misses_events_and_is_disconnected() {
    let api = Api::start_with(&["--transfer-timeout-seconds", "1"]);
    register_large_type(&api);
    let mut idle = api.watch();
    let mut live = api.watch();
    for _ in 0..100 {
        publish_large(&api);
        let (name, data) = next(&mut live);
        assert_eq!(name, "publication");
        assert_eq!(data["action_type"], "shop.parcel");
    }
    // What the kernel has taken before the connection was closed: 128 KiB with its bookkeeping, and what the client's
    // own kernel has received. Without a bound it would be megabytes.
    let mut bytes = Vec::new();
    let _ = std::io::Read::read_to_end(&mut idle, &mut bytes);
    assert!(bytes.len() < 1 << 20, "{}", bytes.len());
}

#[test]
fn a_slow_client_receives_the_number_of_missed_events() {
    let api = Api::start();
    register_large_type(&api);
    let mut slow = api.watch();
    for _ in 0..60 {
        publish_large(&api);
    }
    let (mut received, mut missed) = (0, 0);
    while received + missed < 60 {
        let (name, data) = next(&mut slow);
        match name.as_str() {
            "publication" => received += 1,
            "lagged" => missed += data["missed"].as_u64().unwrap(),
            _ => panic!("{name}"),
        }
    }
    assert!(
        missed > 0 && received > 0,
        "{received} received, {missed} missed"
    );
    api.place_order("A");
    assert_eq!(next(&mut slow).0, "publication");
}
