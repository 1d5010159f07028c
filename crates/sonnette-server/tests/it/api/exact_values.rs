//! Publications as they are written: numbers, keys, and what counts as the same content.

use serde_json::{Value, json};

use super::client::{Api, ApiResponse, receiver};

fn publish(api: &Api, body: &str) -> ApiResponse {
    let head = format!(
        "POST /api/v1/organizers/bigevents/notifications/ HTTP/1.1\r\nAuthorization: Token {}\r\nContent-Type: application/json\r\n",
        api.token
    );
    api.raw(&head, body.as_bytes())
}

fn keyed(api: &Api, data: &str) -> u16 {
    let body = format!(r#"{{"action_type":"x.y","idempotency_key":"k","data":{data}}}"#);
    publish(api, &body).status
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the tests write the value in place"
)]
fn start(schema: Value) -> Api {
    let api = Api::start();
    let body = json!({"action_type": "x.y", "schema": schema});
    let answer = api.call_as(&api.operator, "POST", "action_types/", Some(body));
    answer.expect(201);
    api
}

#[test]
fn repeats_are_compared_exactly() {
    for (first, equal, other) in [
        (
            r#"{"a":12345678901234567890123}"#,
            r#"{"a": 1.2345678901234567890123e22}"#,
            r#"{"a":12345678901234567890124}"#,
        ),
        (
            r#"{"a":1.0,"b":[0.10]}"#,
            r#"{"b":[1e-1],"a":10e-1}"#,
            r#"{"a":1,"b":[0.10000000000000000001]}"#,
        ),
        (
            r#"{"a":9007199254740993.0}"#,
            r#"{"a":9007199254740993}"#,
            r#"{"a":9007199254740992}"#,
        ),
        (
            r#"{"a":"\u00e9","n":-0}"#,
            r#"{"n":0,"a":"é"}"#,
            r#"{"a":"é","n":"0"}"#,
        ),
    ] {
        let api = start(json!({}));
        assert_eq!(keyed(&api, first), 201, "{first}");
        assert_eq!(keyed(&api, equal), 200, "{equal}");
        assert_eq!(keyed(&api, other), 409, "{other}");
        assert_eq!(keyed(&api, first), 200, "{first}");
    }
}

#[test]
fn numbers_that_no_double_holds_are_refused_anywhere() {
    let api = start(json!({}));
    for (data, path) in [
        (r#"{"amount":1e400,"order":"A"}"#, "data.amount"),
        (r#"{"refund":"B","amount":2e400}"#, "data.amount"),
        (r#"{"a":[{"b":-1E+999}]}"#, "data.a.0.b"),
    ] {
        assert_eq!(keyed(&api, data), 400, "{data}");
        let body = format!(r#"{{"action_type":"x.y","data":{data}}}"#);
        let answer = publish(&api, &body).expect(400).json();
        assert_eq!(
            answer[path],
            json!(["This number is out of range."]),
            "{answer}"
        );
    }
    let many = publish(
        &api,
        r#"[{"action_type":"x.y","data":{}},{"action_type":"x.y","data":{"a":1e400}}]"#,
    );
    assert!(many.expect(400).json()["1"]["data.a"].is_array());
    let order = r#"{"action_type":"pretix.event.checkin","event":"e","data":{"code":"A","orderposition_id":1e400}}"#;
    assert!(publish(&api, order).expect(400).json()["data.orderposition_id"].is_array());
    publish(&api, r#"{"action_type":"x.y","data":{},"subject":1e400}"#).expect(400);
    publish(&api, r#"{"action_type":"x.y","data":{"a":1e308}}"#).expect(201);
}

#[test]
fn a_key_stands_once_in_an_object() {
    let api = start(json!({"properties": {"role": {"enum": ["user"]}}}));
    let twice = json!(["This key occurs twice in its object."]);
    for (body, path) in [
        (
            r#"{"action_type":"x.y","data":{"role":"admin","role":"user"}}"#,
            "data.role",
        ),
        (
            r#"{"action_type":"x.y","data":{"role":"user","r\u006fle":"user"}}"#,
            "data.role",
        ),
        (
            r#"{"action_type":"x.y","data":{"a":[{"b":1,"b":1}]}}"#,
            "data.a.0.b",
        ),
        (
            r#"{"action_type":"x.y","data":{},"data":{"role":"user"}}"#,
            "data",
        ),
        (
            r#"{"action_type":"pretix.event.order.paid","event":"e","data":{"code":"A","code":"B"}}"#,
            "data.code",
        ),
    ] {
        let answer = publish(&api, body).expect(400).json();
        assert_eq!(answer, json!({path: twice}));
    }
    for body in [
        r#"{"action_type":"x.y","data":{"a":"\ud800"}}"#,
        r#"{"action_type":"x.y","data":{"\udc00":1}}"#,
        r#"{"action_type":"x.y","data":{},"subject":"\ud800"}"#,
        r#"{"action_type":"x.y","data":{},"idempotency_key":"\ud800x"}"#,
    ] {
        publish(&api, body).expect(400);
    }
}

#[test]
fn schemas_compare_exactly() {
    let head = |api: &Api| {
        format!(
            "POST /api/v1/organizers/bigevents/action_types/ HTTP/1.1\r\nAuthorization: Token {}\r\nContent-Type: application/json\r\n",
            api.operator
        )
    };
    for (schema, fits, wrong) in [
        (
            r#"{"maximum":18446744073709551616}"#,
            "18446744073709551616",
            "18446744073709551617",
        ),
        (
            r#"{"exclusiveMinimum":0.1}"#,
            "0.10000000000000000001",
            "0.1000",
        ),
        (
            r#"{"const":12345678901234567890123}"#,
            "1.2345678901234567890123e22",
            "12345678901234567890124",
        ),
        (
            r#"{"enum":[9007199254740993]}"#,
            "9007199254740993.0",
            "9007199254740992",
        ),
        (r#"{"multipleOf":0.01}"#, "12345678901234567890.12", "0.015"),
        (
            r#"{"uniqueItems":true}"#,
            "[9007199254740992,9007199254740993]",
            "[1,1.0]",
        ),
    ] {
        let api = Api::start();
        let body = format!(r#"{{"action_type":"x.y","schema":{{"properties":{{"a":{schema}}}}}}}"#);
        api.raw(&head(&api), body.as_bytes()).expect(201);
        let publication =
            |value: &str| format!(r#"{{"action_type":"x.y","data":{{"a":{value}}}}}"#);
        publish(&api, &publication(fits)).expect(201);
        publish(&api, &publication(wrong)).expect(400);
    }
}

#[test]
fn what_is_passed_through_is_sent_as_written() {
    let target = receiver();
    let api = start(json!({}));
    let change = json!({"dialects": ["pretix", "custom", "creads"]});
    let organizer = "/api/v1/organizers/bigevents/";
    api.call_as(&api.operator, "PATCH", organizer, Some(change))
        .expect(200);
    let webhook = json!({
        "enabled": true, "target_url": target.url(), "all_events": true, "limit_events": [],
        "action_types": ["creads.*", "x.y"],
    });
    api.post("webhooks/", webhook).expect(201);
    let resource = r#"{"n":12345678901234567890123,"d":1.10,"e":1E5,"z":0,"a":"/é"}"#;
    let body = format!(
        r#"{{"action_type":"creads.work.created","data":{{"resource_gid":"g","resource":{resource}}}}}"#
    );
    publish(&api, &body).expect(201);
    let attempt = api.wait("attempts/", |found| !found["results"][0].is_null());
    let id = &attempt["results"][0]["id"];
    let webhook = &attempt["results"][0]["webhook"];
    let sent = api
        .get(&format!("webhooks/{webhook}/attempts/{id}/"))
        .json();
    assert_eq!(
        sent["payload"],
        format!(
            r#"{{"event":"resource.created","resource_type":"work","resource_gid":"g","resource":{resource}}}"#
        )
    );
}
