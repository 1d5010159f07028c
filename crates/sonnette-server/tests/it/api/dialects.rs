//! The dialects over REST, as the three systems' developers meet them.

use serde_json::{Value, json};
use sonnette::testing::ScriptedResponse;

use super::client::{Api, receiver};

fn set_dialects(api: &Api, dialects: &Value) {
    let organizer = api.token_for("organizer");
    api.call_as(&organizer, "PATCH", "", Some(json!({"dialects": dialects})))
        .expect(200);
}

fn create_webhook(api: &Api, url: &str, names: &[&str]) -> String {
    let body = json!({"target_url": url, "limit_events": [], "action_types": names});
    let id = api.post("webhooks/", body).expect(201).json()["id"].clone();
    format!("webhooks/{id}/")
}

#[test]
fn a_membership_is_published_sent_and_shown() {
    let receiver = receiver();
    let api = Api::start();
    set_dialects(&api, &json!(["tibillet"]));
    let types = api.get("action_types/").json();
    assert_eq!(types["count"], 2);
    let webhook = create_webhook(&api, &receiver.url(), &["tibillet.membership"]);
    let data = json!({
        "id": 1, "uuid": "6c1b9a52-9f0e-4b0e-8f3a-0d6f6e7c2b10", "status": "L", "date_added": "2026-03-10T09:15:29Z",
        "deadline": "2099-03-10T09:15:29Z", "card_number": "A1B2C3D4", "more": {"ignored": 1.0},
    });
    let publication = |data: &Value| json!({"action_type": "tibillet.membership", "data": data});
    let told = api
        .post("notifications/", publication(&data))
        .expect(201)
        .json();
    assert_eq!(told["deliveries"], 1);
    let path = format!("notifications/{}/", told["notification_id"]);
    assert_eq!(api.get(&path).json()["data"], data);
    let log = api.wait(&format!("{webhook}attempts/"), |log| {
        log["results"][0].is_object()
    });
    let detail = api
        .get(&format!("{webhook}attempts/{}/", log["results"][0]["id"]))
        .json();
    let payload: Value = serde_json::from_str(detail["payload"].as_str().unwrap()).unwrap();
    assert_eq!(payload.as_object().unwrap().len(), 39);
    assert_eq!(
        (&payload["email"], &payload["is_valid"]),
        (&json!("Anonymous A1B2C3D4"), &json!(true))
    );

    let mut endless = data.clone();
    endless["deadline"] = Value::Null;
    let told = api
        .post("notifications/", publication(&endless))
        .expect(201);
    assert_eq!(told.json()["deliveries"], 0);
    let mut wrong = data.clone();
    wrong["price"] = json!({"uuid": "x"});
    let refused = api.post("notifications/", publication(&wrong)).expect(400);
    assert_eq!(
        refused.text,
        r#"{"data.price.uuid":["Must be a valid UUID."]}"#
    );
    let tested = api
        .post(&format!("{webhook}test/"), json!({}))
        .expect(200)
        .json();
    assert!(
        tested["payload"]
            .as_str()
            .unwrap()
            .contains(r#""is_valid":true"#),
        "{tested}"
    );
}

#[test]
fn a_creads_webhook_change_is_sent_to_the_other_webhooks() {
    let receiver = receiver();
    let api = Api::start();
    set_dialects(&api, &json!(["creads"]));
    let listener = create_webhook(&api, &receiver.url(), &["creads.*"]);
    let settings = json!({"signature_scheme": ["creads"]});
    api.call("PATCH", &format!("{listener}settings/"), Some(settings))
        .expect(200);
    let other = create_webhook(&api, "http://127.0.0.1:9/x", &["creads.work.created"]);
    let patch = |body: Value| api.call("PATCH", &other, Some(body)).expect(200);
    patch(json!({"comment": "new"}));
    patch(json!({"comment": "new"}));
    patch(json!({"enabled": false}));
    api.call("POST", &format!("{other}secret/rotate/"), None)
        .expect(200);
    api.call("DELETE", &other, None).expect(204);
    api.call("DELETE", &other, None).expect(204);
    let log = api.wait(&format!("{listener}deliveries/?state=delivered"), |log| {
        log["results"].as_array().unwrap().len() >= 4
    });
    let names: Vec<_> = log["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| d["action_type"].as_str().unwrap())
        .collect();
    let expected = [
        "creads.webhook.deleted",
        "creads.webhook.updated",
        "creads.webhook.updated",
        "creads.webhook.created",
    ];
    assert_eq!(names, expected);
    let secret = api.get(&format!("{listener}secret/")).json()["secret"]
        .as_str()
        .unwrap()
        .to_owned();
    for request in receiver.requests() {
        assert_eq!(
            request.header("x-partners-signature").map(str::len),
            Some(64)
        );
        assert!(!String::from_utf8_lossy(&request.body).contains(&secret));
    }
}

#[test]
fn a_creads_webhook_change_reaches_no_later_webhook() {
    let receiver = receiver();
    let api = Api::start();
    set_dialects(&api, &json!(["creads"]));
    let first = create_webhook(&api, "http://127.0.0.1:9/x", &["creads.webhook.*"]);
    api.call("PATCH", &first, Some(json!({"comment": "x"})))
        .expect(200);
    let second = create_webhook(&api, &receiver.url(), &["creads.webhook.*"]);
    create_webhook(&api, "http://127.0.0.1:9/y", &["creads.work.created"]);
    let news = api.get("notifications/").json();
    assert_eq!(news["results"].as_array().map(Vec::len), Some(4));
    let heard = api.get(&format!("{second}deliveries/")).json();
    assert_eq!(heard["results"].as_array().map(Vec::len), Some(1));
}

#[test]
fn creads_resources_are_published_by_pairs() {
    let api = Api::start();
    set_dialects(&api, &json!(["creads"]));
    create_webhook(&api, "http://127.0.0.1:9/x", &["creads.project.*"]);
    let publish = |name: &str, data: Value| {
        api.post("notifications/", json!({"action_type": name, "data": data}))
    };
    let refused = publish("creads.organization.created", json!({})).expect(400);
    assert_eq!(
        refused.json(),
        json!({"action_type": ["Unknown action type \"creads.organization.created\": \"created\" is not available for \"organization\", only updated."]})
    );
    let refused = publish(
        "creads.project.deleted",
        json!({"resource_gid": "a", "resource": {}}),
    )
    .expect(400);
    assert_eq!(
        refused.text,
        r#"{"data.resource":["This is not a key of this action type."]}"#
    );
    let told = publish("creads.project.deleted", json!({"resource_gid": "a"}))
        .expect(201)
        .json();
    assert_eq!(told["deliveries"], 1);
    let shown = api
        .get(&format!("notifications/{}/", told["notification_id"]))
        .json();
    assert_eq!(shown["data"], json!({"resource_gid": "a"}));
}

#[test]
fn a_key_pair_is_chosen_shown_and_rotated() {
    let receiver = receiver();
    receiver.respond_with(ScriptedResponse::ok());
    let api = Api::start();
    let webhook = api.webhook(&receiver.url());
    let secret = |method: &str, path: &str| {
        api.call(method, &format!("{webhook}{path}"), None)
            .expect(200)
            .json()
    };
    assert_eq!(secret("GET", "secret/")["public_key"], Value::Null);
    let choose = |schemes: Value| {
        let body = json!({ "signature_scheme": schemes });
        api.call("PATCH", &format!("{webhook}settings/"), Some(body))
            .expect(200)
            .json()
    };
    assert_eq!(
        choose(json!(["ed25519"]))["signature_scheme"],
        json!(["standard", "ed25519"])
    );
    let first = secret("GET", "secret/")["public_key"].clone();
    assert!(
        first.as_str().unwrap().starts_with("whpk_") && first.as_str().unwrap().len() == 49,
        "{first}"
    );
    let entries = || {
        let sent = api
            .post(&format!("{webhook}test/"), json!({}))
            .expect(200)
            .json();
        let value = sent["request_headers"]["webhook-signature"]
            .as_str()
            .unwrap()
            .to_owned();
        let count = |kind: &str| {
            value
                .split(' ')
                .filter(|entry| entry.starts_with(kind))
                .count()
        };
        (count("v1,"), count("v1a,"))
    };
    assert_eq!(entries(), (1, 1));
    let second = secret("POST", "secret/rotate/")["public_key"].clone();
    assert_ne!(first, second);
    assert_eq!(entries(), (2, 2));
    choose(json!([]));
    assert_eq!(secret("GET", "secret/")["public_key"], Value::Null);
    assert_eq!(entries(), (2, 0));
    choose(json!(["ed25519", "standard"]));
    assert_eq!(secret("GET", "secret/")["public_key"], second);
}

#[test]
fn operators_change_action_types_of_all_organizers() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("s.toml");
    let text =
        "[[action_types]]\naction_type = \"shop.parcel.sent\"\ndescription = \"A parcel.\"\n";
    std::fs::write(&file, text).unwrap();
    let api = Api::start_with(&["--config", file.to_str().unwrap()]);
    let path = "action_types/shop.parcel.sent/";
    assert_eq!(api.get(path).expect(200).json()["registered"], true);
    let body = json!({"schema": {"type": "object", "required": ["parcel"]}});
    let own = api.token_for("organizer");
    api.call_as(&own, "PATCH", path, Some(body.clone()))
        .expect(409);
    api.call_as(&api.operator, "PATCH", path, Some(body))
        .expect(200);
    let publication = json!({"action_type": "shop.parcel.sent", "data": {}});
    let refused = api.post("notifications/", publication).expect(400);
    assert_eq!(
        refused.text,
        r#"{"data.parcel":["This field is required."]}"#
    );
    api.call_as(&own, "DELETE", path, None).expect(409);
    api.call_as(&api.operator, "DELETE", path, None).expect(204);
    api.get(path).expect(404);
}
