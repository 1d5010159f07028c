//! The webhook resource over HTTP; its field rules are tested beside their code.

use serde_json::json;

use super::client::Api;

#[test]
fn a_webhook_is_created_changed_and_disabled() {
    let api = Api::start();
    let body = json!({"target_url": "https://müller.example/", "limit_events": [], "action_types": ["pretix.event.order.paid"]});
    let made = api.post("webhooks/", body).expect(201);
    let text = r#"{"id":1,"enabled":true,"target_url":"https://m\u00fcller.example/","all_events":true,"limit_events":[],"action_types":["pretix.event.order.paid"],"comment":null}"#;
    assert_eq!(made.text, text);
    assert_eq!(api.get("webhooks/1/").expect(200).text, text);
    let changed = api
        .call("PATCH", "webhooks/1/", Some(json!({"comment": " x "})))
        .expect(200);
    assert_eq!(changed.json()["comment"], "x");
    let put = json!({"target_url": "https://a.example/", "limit_events": [], "action_types": []});
    assert_eq!(
        api.call("PUT", "webhooks/1/", Some(put)).expect(200).json()["comment"],
        json!(null)
    );
    assert_eq!(api.call("DELETE", "webhooks/1/", None).expect(204).text, "");
    assert_eq!(api.get("webhooks/1/").json()["enabled"], false);
    api.get("webhooks/1/?enabled=true").expect(404);
    assert_eq!(api.get("webhooks/?enabled=true").json()["count"], 0);
    let options = api.call("OPTIONS", "webhooks/1/", None).expect(200).json();
    assert_eq!(options["name"], "Web Hook Instance");
    let audit = api.get("audit/").expect(200).json();
    let actions: Vec<_> = audit["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["action"].as_str().unwrap())
        .collect();
    assert_eq!(
        actions[..4],
        [
            "pretix.webhook.changed",
            "pretix.webhook.changed",
            "pretix.webhook.changed",
            "pretix.webhook.created"
        ]
    );
}

#[test]
fn an_idempotency_key_gets_the_stored_response() {
    let api = Api::start();
    let body = || {
        Some(json!({"target_url": "https://a.example/", "limit_events": [], "action_types": []}))
    };
    let with = "X-Idempotency-Key: one\r\n";
    let first = api.call_with(with, "POST", "webhooks/", body()).expect(201);
    let again = api
        .call_with(with, "DELETE", "webhooks/1/", None)
        .expect(201);
    assert_eq!((first.text, first.status), (again.text, again.status));
    assert_eq!(api.get("webhooks/1/").json()["enabled"], true);
    assert_eq!(
        api.get("/api/v1/idempotency_query?key=one")
            .expect(201)
            .json()["id"],
        1
    );
    api.get("/api/v1/idempotency_query?key=two").expect(404);
    api.get("/api/v1/idempotency_query").expect(400);
    let long = format!("X-Idempotency-Key: {}\r\n", "k".repeat(256));
    api.call_with(&long, "POST", "webhooks/", body())
        .expect(400);
    let refused = "X-Idempotency-Key: two\r\n";
    api.call_with(refused, "POST", "webhooks/", Some(json!({})))
        .expect(400);
    api.call_with(refused, "POST", "webhooks/", body())
        .expect(400);
}

#[test]
fn page_links_keep_the_filters() {
    let api = Api::start_with(&["--public-url", "https://hooks.example"]);
    for _ in 0..3 {
        api.webhook("http://127.0.0.1:1/");
    }
    let page = api
        .get("webhooks/?page_size=1&enabled=true&page=2")
        .expect(200)
        .json();
    let base = "https://hooks.example/api/v1/organizers/bigevents/webhooks/";
    assert_eq!(
        page["next"],
        format!("{base}?enabled=true&page=3&page_size=1")
    );
    assert_eq!(page["previous"], format!("{base}?enabled=true&page_size=1"));
    assert_eq!(page["count"], 3);
    assert_eq!(
        api.get("webhooks/?page=9").expect(404).text,
        r#"{"detail":"Invalid page."}"#
    );
}

#[test]
fn links_use_forwarded_headers_of_trusted_proxies_only() {
    let said = "X-Forwarded-Proto: https\r\nX-Forwarded-Host: hooks.example\r\n";
    for (trusted, base) in [
        ("127.0.0.0/8", "https://hooks.example/"),
        ("192.0.2.1", "http://127.0.0.1:"),
    ] {
        let api = Api::start_with(&["--trusted-proxies", trusted]);
        for _ in 0..2 {
            api.webhook("http://127.0.0.1:1/");
        }
        let page = api
            .call_with(said, "GET", "webhooks/?page_size=1", None)
            .expect(200)
            .json();
        assert!(page["next"].as_str().unwrap().starts_with(base), "{page}");
    }
}
