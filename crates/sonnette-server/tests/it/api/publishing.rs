//! Publishing, and finding what was published.

use serde_json::json;

use super::client::{Api, order};

#[test]
fn the_response_follows_the_commit() {
    let api = Api::start();
    api.webhook("http://127.0.0.1:1/");
    let answer = api
        .post("notifications/", order("ABC23"))
        .expect(201)
        .json();
    assert_eq!(
        (&answer["event"], &answer["deliveries"]),
        (&json!("democon"), &json!(1))
    );
    let id = &answer["notification_id"];
    let found = api.get(&format!("notifications/{id}/")).expect(200).json();
    assert_eq!(
        (&found["data"], &found["id"]),
        (&json!({"code": "ABC23"}), id)
    );
    assert_eq!(found["deliveries"][0]["webhook"], 1);
    assert_eq!(api.get("events/").json()["results"][0]["slug"], "democon");
    let replayed = api
        .call("POST", &format!("notifications/{id}/replay/"), None)
        .expect(201);
    assert_eq!(replayed.text, r#"{"deliveries":1}"#);
    api.call("POST", "notifications/999/replay/", None)
        .expect(404);
}

#[test]
fn an_idempotency_key_publishes_once() {
    let api = Api::start();
    let keyed = |code: &str| {
        let mut body = order(code);
        body["idempotency_key"] = json!("k");
        body
    };
    let first = api.post("notifications/", keyed("A")).expect(201);
    assert_eq!(
        api.post("notifications/", keyed("A")).expect(200).text,
        first.text
    );
    api.post("notifications/", keyed("B")).expect(409);
    let both = json!([keyed("A"), order("C")]);
    assert_eq!(
        api.post("notifications/", both).expect(201).json()[0],
        first.json()
    );
    api.post("notifications/", json!([order("D"), keyed("B")]))
        .expect(409);
    assert_eq!(
        api.get("notifications/").json()["results"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn errors_name_the_wrong_fields() {
    let api = Api::start();
    let refused = |body| api.post("notifications/", body).expect(400).json();
    assert_eq!(
        refused(json!({})),
        json!({"action_type": ["This field is required."], "data": ["This field is required."]})
    );
    let unknown = json!({"action_type": "no.such", "data": {}});
    assert_eq!(
        refused(unknown.clone()),
        json!({"action_type": ["Unknown action type \"no.such\"."]})
    );
    assert_eq!(
        refused(json!([order("A"), unknown])),
        json!({"1": {"action_type": ["Unknown action type \"no.such\"."]}})
    );
    let mut extra = order("A");
    extra["data"]["price"] = json!(1);
    assert!(refused(extra)["data.price"].is_array());
    let mut extra = order("A");
    extra["prio"] = json!(1);
    assert_eq!(refused(extra), json!({"prio": ["Unknown field."]}));
    assert!(refused(json!([]))["non_field_errors"].is_array());
    assert_eq!(api.get("notifications/").json()["results"], json!([]));
}

#[test]
fn sizes_are_bounded() {
    let api = Api::start();
    let large = json!({"action_type": "no.such", "data": {"x": "y".repeat(262_144)}});
    api.post("notifications/", large).expect(413);
    let head = format!(
        "POST /api/v1/organizers/bigevents/notifications/ HTTP/1.1\r\nAuthorization: Token {}\r\nContent-Type: application/json\r\n",
        api.token
    );
    api.raw(&head, &vec![b' '; (16 << 20) + 1]).expect(413);
    api.raw(&head.replace("application/json", "text/plain"), b"{}")
        .expect(415);
    api.raw(&head, b"{\"action_type\"").expect(400);
    api.raw(
        &head.replace("notifications/", "webhooks/"),
        &vec![b' '; (1 << 20) + 1],
    )
    .expect(413);
}

#[test]
fn notifications_are_listed_newest_first() {
    let api = Api::start();
    let ids: Vec<i64> = ["A", "B", "C"]
        .iter()
        .map(|code| api.place_order(code))
        .collect();
    let page = api
        .get("notifications/?page_size=2&event=democon")
        .expect(200)
        .json();
    assert_eq!(
        (&page["count"], page["results"][0]["id"].as_i64()),
        (&json!(null), Some(ids[2]))
    );
    let next = page["next"].as_str().unwrap();
    let next = &next[next.find("/api").unwrap()..];
    let last = api.get(next).expect(200).json();
    assert_eq!(
        (last["results"][0]["id"].as_i64(), &last["next"]),
        (Some(ids[0]), &json!(null))
    );
    assert_eq!(
        api.get("notifications/?event=other").json()["results"],
        json!([])
    );
    assert!(api.get("notifications/?since=soon").expect(400).json()["since"].is_array());
}

#[test]
fn a_body_that_is_too_long_gets_a_response() {
    let api = Api::start();
    let head = format!(
        "POST /api/v1/organizers/bigevents/notifications/ HTTP/1.1\r\nAuthorization: Token {}\r\nContent-Type: application/json\r\n",
        api.token
    );
    let body = vec![b' '; (16 << 20) + 1];
    api.raw(&head, &body).expect(413);
}

#[test]
fn a_request_makes_a_bounded_number_of_deliveries() {
    let api = Api::start();
    for _ in 0..201 {
        api.webhook("http://127.0.0.1:1/");
    }
    let publications = vec![order("A"); 1_000];
    let refused = api.post("notifications/", publications.into()).expect(413);
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(
        detail.contains("201000 deliveries") && detail.contains("at most 200000"),
        "{detail}"
    );
    let stored = api.get("notifications/").json();
    assert_eq!(stored["results"], serde_json::json!([]));
    let half = api.post("notifications/", vec![order("A"); 10].into());
    assert_eq!(half.expect(201).json()[0]["deliveries"], 201);
}
