//! `stream/` with `Last-Event-ID`.

use std::io::BufReader;
use std::net::TcpStream;

use serde_json::{Value, json};

use super::client::{Api, ORGANIZER};
use super::limits_streams::{next, publish_large, register_large_type};

/// The stream, resumed after this id.
fn resume(api: &Api, id: &str) -> BufReader<TcpStream> {
    let headers = format!("Authorization: Token {}\r\nLast-Event-ID: {id}", api.token);
    api.watch_at(&format!("{ORGANIZER}stream/"), &headers)
}

#[track_caller]
fn next_id(stream: &mut BufReader<TcpStream>) -> Value {
    let (name, data) = next(stream);
    assert_eq!(name, "publication", "{data}");
    data["notification_id"].clone()
}

#[test]
fn a_stream_resumes_after_the_last_event() {
    let api = Api::start();
    for code in ["A", "B", "C"] {
        api.place_order(code);
    }
    let mut streams = [
        ("0", [1, 2, 3, 4].as_slice()),
        ("1", &[2, 3, 4]),
        ("3", &[4]),
        ("99", &[]),
        ("no id", &[4]),
    ]
    .map(|(id, expected)| (resume(&api, id), expected));
    let (_, first) = next(&mut resume(&api, "2"));
    let body = r#"{"notification_id":3,"organizer":"bigevents","event":"democon","code":"C","action":"pretix.event.order.placed"}"#;
    assert_eq!(first["payload"], body);
    assert_eq!(
        (&first["deliveries"], &first["event"]),
        (&json!(0), &json!("democon"))
    );
    api.place_order("D");
    for (stream, expected) in &mut streams {
        for id in *expected {
            assert_eq!(next_id(stream), *id);
        }
    }
}

#[test]
fn other_organizers_stay_hidden() {
    let api = Api::start();
    api.call_as(
        &api.operator,
        "POST",
        "/api/v1/organizers/",
        Some(json!({"slug": "other"})),
    )
    .expect(201);
    let order =
        json!({"action_type": "pretix.event.order.placed", "event": "e", "data": {"code": "X"}});
    api.call_as(
        &api.operator,
        "POST",
        "/api/v1/organizers/other/notifications/",
        Some(order),
    )
    .expect(201);
    let id = api.place_order("A");
    assert_eq!(next_id(&mut resume(&api, "0")), id);
}

#[test]
fn a_gap_that_is_too_long_is_reported() {
    let api = Api::start();
    let one = |code: usize| json!({"action_type": "pretix.event.order.placed", "event": "e", "data": {"code": format!("A{code}")}});
    api.post("notifications/", (0..1_000).map(one).collect())
        .expect(201);
    let mut complete = resume(&api, "0");
    assert_eq!(next_id(&mut complete), 1);
    api.place_order("LAST");
    let mut stream = resume(&api, "0");
    assert_eq!(
        next(&mut stream),
        ("lagged".to_owned(), json!({"missed": null}))
    );
    for id in 2..=1_001 {
        assert_eq!(next_id(&mut stream), id);
    }
}

#[test]
fn a_gap_of_too_many_bytes_is_reported() {
    let api = Api::start();
    register_large_type(&api);
    // Each has more than 250,000 bytes, so that eight of them are within 2 MiB.
    for _ in 0..8 {
        publish_large(&api);
    }
    assert_eq!(next_id(&mut resume(&api, "0")), 1);
    publish_large(&api);
    let mut stream = resume(&api, "0");
    assert_eq!(
        next(&mut stream),
        ("lagged".to_owned(), json!({"missed": null}))
    );
    for id in 2..=9 {
        assert_eq!(next_id(&mut stream), id);
    }
}
