//! What schemas of organizers may cost.

use std::io::Write as _;
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sonnette::domain::{PayloadShape, RegisteredActionType};
use sonnette::store::{Actor, NewAuditEntry, RegistryStore as _};

use super::client::Api;

/// Far more than a check may take, on a busy machine and without optimization.
const MAX_CHECK_TIME: Duration = Duration::from_secs(8);

#[expect(
    clippy::disallowed_methods,
    reason = "the server is another process, with a clock of its own"
)]
fn now() -> Instant {
    Instant::now()
}

fn register(api: &Api, body: Value) -> (u16, String) {
    let answer = api.call_as(&api.operator, "POST", "action_types/", Some(body));
    (answer.status, answer.text)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the tests write the value in place"
)]
fn registered(api: &Api, schema: Value) {
    let (status, text) = register(api, json!({"action_type": "x.y", "schema": schema}));
    assert_eq!(status, 201, "{text}");
}

fn refused(api: &Api, field: &str, body: Value, reason: &str) {
    let (status, text) = register(api, body);
    let messages: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(status, 400, "{text}");
    let message = messages[field][0]
        .as_str()
        .unwrap_or_else(|| panic!("{text}"));
    assert!(message.contains(reason), "{message}");
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the tests write the value in place"
)]
fn publish(api: &Api, data: Value) -> (u16, Value) {
    let answer = api.post(
        "notifications/",
        json!({"action_type": "x.y", "data": data}),
    );
    (answer.status, answer.json())
}

#[test]
fn patterns_of_new_schemas_are_linear() {
    let api = Api::start();
    let schema = |pattern: &str| json!({"properties": {"a": {"pattern": pattern}}});
    for pattern in [r"^(a|aa)+\1b0$", "^(?=a)b", "^(?!a)b", "(?<=a)b"] {
        let body = json!({"action_type": "x.y", "schema": schema(pattern)});
        refused(&api, "schema", body, "linear time");
    }
    let keys = json!({"patternProperties": {r"^(.)\1$": true}});
    refused(
        &api,
        "schema",
        json!({"action_type": "x.y", "schema": keys}),
        "linear time",
    );
    let large = json!({"action_type": "x.y", "schema": schema(r"^(\p{L}{1,100}){1,100}$")});
    refused(&api, "schema", large, "too large");
    registered(&api, schema("^(a|aa)+b0$"));
    let change = json!({"schema": schema("^(?=a)b")});
    let changed = api.call_as(&api.operator, "PATCH", "action_types/x.y/", Some(change));
    assert!(changed.expect(400).json()["schema"].is_array());
}

#[test]
fn the_size_of_new_schemas_is_bounded() {
    let api = Api::start();
    let schema = |schema: Value| json!({"action_type": "x.y", "schema": schema});
    let patterns = |count: usize| (0..count).map(|n| json!({"pattern": format!("^a{n}")}));
    let many: Vec<_> = patterns(101).collect();
    refused(
        &api,
        "schema",
        schema(json!({"anyOf": many})),
        "up to 100 patterns",
    );
    let long = json!({"title": "x".repeat(131_072)});
    refused(&api, "schema", schema(long), "up to 131072 bytes");
    let deep = (0..70).fold(json!({}), |inner, _| json!({"not": inner}));
    refused(&api, "schema", schema(deep), "nested 64 deep");
    let pattern = json!({"pattern": "a".repeat(1_001)});
    refused(&api, "schema", schema(pattern), "up to 1000 characters");
    let example = json!({"action_type": "x.y", "example": {"a": "x".repeat(262_144)}});
    refused(&api, "example", example, "up to 262144 bytes");
    for n in 0..5 {
        let schema = json!({"anyOf": patterns(100).collect::<Vec<_>>(), "title": n.to_string()});
        let body = json!({"action_type": format!("x.y{n}"), "schema": schema});
        assert_eq!(register(&api, body).0, 201);
    }
    let more = schema(json!({"pattern": "a"}));
    refused(&api, "schema", more, "up to 500 patterns together");
}

#[test]
fn a_check_that_costs_too_much_is_refused_with_its_path() {
    let constants: Vec<_> = (0..600).map(|n| json!({"const": n})).collect();
    let keys: Vec<_> = (0..2_000)
        .map(|n| json!({"const": n.to_string()}))
        .chain([json!({"minLength": 1})])
        .collect();
    let unique: Vec<_> = (0..300)
        .map(|n| json!({"uniqueItems": true, "title": n.to_string()}))
        .collect();
    let patterns: serde_json::Map<_, _> = (0..90)
        .map(|n| (format!("^(a|aa)+b{n}$"), json!({"type": "string"})))
        .collect();
    let many_keys: serde_json::Map<_, _> = (0..14_000)
        .map(|n| (format!("aaaaaaaa{n}"), json!(1)))
        .collect();
    for (schema, data) in [
        (
            json!({"properties": {"a": {"items": {"anyOf": constants}}}}),
            json!({"a": vec![599; 40_000]}),
        ),
        (
            json!({"properties": {"a": {"items": {"enum": (0..15_000).map(|n| json!(f64::from(n) + 0.5)).collect::<Vec<_>>()}}}}),
            json!({"a": vec![14_999.5; 30_000]}),
        ),
        (
            json!({"propertyNames": {"anyOf": keys}}),
            Value::Object(many_keys.clone()),
        ),
        (
            json!({"properties": {"a": {"allOf": unique}}}),
            json!({"a": (0..20_000).collect::<Vec<_>>()}),
        ),
        (
            json!({"patternProperties": patterns}),
            Value::Object(many_keys.clone()),
        ),
    ] {
        let api = Api::start();
        registered(&api, schema);
        let start = now();
        let (status, answer) = publish(&api, data);
        assert!(start.elapsed() < MAX_CHECK_TIME, "{:?}", start.elapsed());
        assert_eq!(status, 400, "{answer}");
        let (path, messages) = answer.as_object().unwrap().iter().next().unwrap();
        assert!(path.starts_with("data"), "{answer}");
        assert!(
            messages[0].as_str().unwrap().contains("costs too much"),
            "{answer}"
        );
        let (status, _) = publish(&api, json!({}));
        assert_eq!(status, 201);
    }
}

#[test]
fn alternatives_do_not_report_each_of_their_items() {
    let titles: Vec<_> = (0..600)
        .map(|n| json!({"items": {"type": "string"}, "title": n.to_string()}))
        .collect();
    let api = Api::start();
    registered(&api, json!({"properties": {"a": {"anyOf": titles}}}));
    let (status, answer) = publish(&api, json!({"a": vec![1; 40_000]}));
    assert_eq!(
        (status, answer.as_object().unwrap().len()),
        (400, 1),
        "{answer}"
    );
}

#[test]
fn examples_are_checked_within_the_same_bounds() {
    let api = Api::start();
    let constants: Vec<_> = (0..600).map(|n| json!({"const": n})).collect();
    let body = json!({
        "action_type": "x.y",
        "schema": {"properties": {"a": {"items": {"anyOf": constants}}}},
        "example": {"a": vec![599; 40_000]},
    });
    let (status, text) = register(&api, body);
    assert_eq!(status, 400, "{text}");
    assert!(
        text.contains("\"example.a") && text.contains("costs too much"),
        "{text}"
    );
}

#[test]
fn errors_are_bounded() {
    let api = Api::start();
    registered(
        &api,
        json!({"additionalProperties": false, "properties": {"a": {"items": {"type": "string"}}}}),
    );
    let unknown: serde_json::Map<_, _> = (0..2_000).map(|n| (format!("k{n}"), json!(1))).collect();
    let (status, answer) = publish(&api, Value::Object(unknown));
    assert_eq!(
        (status, answer.as_object().unwrap().len()),
        (400, 50),
        "{answer}"
    );
    let (status, answer) = publish(&api, json!({"a": vec![1; 100]}));
    assert_eq!((status, answer.as_object().unwrap().len()), (400, 50));
    // All publications of a request together.
    let entry = |data: Value| json!({"action_type": "x.y", "data": data});
    let message_count = |entries: Vec<Value>| {
        let answer = api
            .post("notifications/", Value::Array(entries))
            .expect(400);
        let answer = answer.json();
        let fields = answer.as_object().unwrap().values();
        let messages = fields.flat_map(|fields| fields.as_object().unwrap().values());
        messages
            .map(|messages| messages.as_array().unwrap().len())
            .sum::<usize>()
    };
    assert_eq!(
        message_count(vec![entry(json!({"a": vec![1; 100]})); 60]),
        50
    );
    let two_messages = entry(json!({"a": [1, 1]}));
    assert_eq!(message_count(vec![two_messages; 60]), 50);
    let unknown: serde_json::Map<_, _> = (0..100).map(|n| (format!("k{n}"), json!(1))).collect();
    assert_eq!(message_count(vec![Value::Object(unknown); 60]), 50);
    let webhook = api.webhook("http://127.0.0.1:1/");
    let unknown: serde_json::Map<_, _> =
        (0..100_000).map(|n| (format!("{n:x}"), json!(1))).collect();
    let start = now();
    let answer = api.call(
        "PATCH",
        &format!("{webhook}settings/"),
        Some(Value::Object(unknown)),
    );
    assert_eq!(answer.expect(400).json().as_object().unwrap().len(), 50);
    assert!(start.elapsed() < MAX_CHECK_TIME);
}

#[test]
fn schemas_of_before_stay_usable_within_a_limit() {
    let api = Api::start();
    let organizer = api.store().load(0).unwrap().organizers[0].id;
    let schema = json!({"properties": {
        "a": {"pattern": "^(?!x)[a-z]+$"},
        "b": {"items": {"not": {"pattern": r"^(a|aa)+\1b0$"}}},
    }});
    let row = RegisteredActionType {
        id: 0,
        organizer: Some(organizer),
        name: "x.y".parse().unwrap(),
        description: String::new(),
        schema: Some(schema.clone()),
        example: None,
        shape: PayloadShape::Custom,
        from_file: false,
    };
    let entry = NewAuditEntry {
        actor: Actor::CommandLine,
        action: "sonnette.action_type.created",
        data: json!({}),
        at: "2026-11-01T00:00:00Z".parse().unwrap(),
    };
    api.store().add_action_type(&row, entry).unwrap();
    api.get("action_types/x.y/").expect(200);
    assert_eq!(publish(&api, json!({"a": "yes"})).0, 201);
    assert_eq!(publish(&api, json!({"a": "xyz"})).0, 400);
    let start = now();
    let hostile = vec!["a".repeat(80); 1_000];
    assert_eq!(publish(&api, json!({"b": hostile})).0, 400);
    assert!(start.elapsed() < MAX_CHECK_TIME, "{:?}", start.elapsed());
    let change = json!({"description": "The same schema.", "schema": schema});
    let changed = api.call_as(&api.operator, "PATCH", "action_types/x.y/", Some(change));
    changed.expect(200);
}

/// Registers a schema and begins so many requests whose checks cost as much as they may.
fn begin_costly_checks(api: &Api, requests: usize) -> Vec<TcpStream> {
    let constants: Vec<_> = (0..60).map(|n| json!({"const": n})).collect();
    registered(
        api,
        json!({"properties": {"a": {"items": {"anyOf": constants}}}}),
    );
    let entry = json!({"action_type": "x.y", "data": {"a": vec![59; 20_000]}});
    let body = serde_json::to_vec(&vec![entry; 100]).unwrap();
    let head = format!(
        "POST /api/v1/organizers/bigevents/notifications/ HTTP/1.1\r\nHost: x\r\nAuthorization: Token {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        api.token,
        body.len()
    );
    let begin = |_| {
        let mut client = api.connect();
        client.write_all(head.as_bytes()).unwrap();
        // Beyond its share a client is refused without its body being read.
        let _ = client.write_all(&body);
        client
    };
    (0..requests).map(begin).collect()
}

#[test]
fn the_server_stops_within_five_seconds_during_checks() {
    let api = Api::start();
    let _clients = begin_costly_checks(&api, 20);
    let began = now();
    api.end();
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn checks_whose_clients_have_left_delay_nobody() {
    let api = Api::start();
    for client in begin_costly_checks(&api, 20) {
        client.shutdown(Shutdown::Both).unwrap();
    }
    let start = now();
    let data = json!({"a": vec![59; 2_000]});
    assert_eq!(publish(&api, data).0, 201);
    assert!(start.elapsed() < MAX_CHECK_TIME, "{:?}", start.elapsed());
}

#[test]
fn publications_whose_clients_have_left_are_all_there_or_not_at_all() {
    let api = Api::start();
    let entry = |n: usize| json!({"action_type": "x.y", "data": {"n": n}, "idempotency_key": format!("key {n}")});
    registered(&api, json!({}));
    for first in (0..200).step_by(10) {
        let entries: Vec<_> = (first..first + 10).map(entry).collect();
        let body = serde_json::to_vec(&entries).unwrap();
        let mut client = api.connect();
        write!(
            client,
            "POST /api/v1/organizers/bigevents/notifications/ HTTP/1.1\r\nHost: x\r\nAuthorization: Token {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            api.token,
            body.len()
        )
        .unwrap();
        client.write_all(&body).unwrap();
        client.shutdown(Shutdown::Both).unwrap();
    }
    for first in (0..200).step_by(10) {
        let entries: Vec<_> = (first..first + 10).map(entry).collect();
        let answer = api.post("notifications/", Value::Array(entries));
        assert!(matches!(answer.status, 200 | 201), "{}", answer.text);
        let ids: Vec<_> = answer
            .json()
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["notification_id"].as_i64().unwrap())
            .collect();
        assert!(ids.windows(2).all(|pair| pair[1] == pair[0] + 1), "{ids:?}");
    }
}
