//! Beside each webhook.

use std::time::Duration;

use serde_json::json;
use sonnette::clock::{Clock as _, SystemClock};
use sonnette::testing::ScriptedResponse;

use super::client::{Api, receiver};

#[test]
fn attempts_show_request_and_response() {
    let receiver = receiver();
    receiver.respond_with(ScriptedResponse::ok().body("thanks"));
    let api = Api::start();
    let webhook = api.webhook(
        &receiver
            .url_of("/hook")
            .replace("http://", "http://user:pass@"),
    );
    let id = api.place_order("ABC23");
    let log = api.wait(&format!("{webhook}attempts/"), |log| {
        log["results"][0].is_object()
    });
    let attempt = &log["results"][0];
    assert_eq!(
        (&attempt["notification_id"], &attempt["return_code"]),
        (&json!(id), &json!(200))
    );
    assert!(!attempt["target_url"].as_str().unwrap().contains("pass"));
    let detail = api
        .get(&format!("{webhook}attempts/{}/", attempt["id"]))
        .expect(200);
    assert_eq!(detail.json()["response_body"], "thanks");
    assert!(detail.json()["payload"].as_str().unwrap().contains("ABC23"));
    assert!(detail.json()["request_headers"].is_object() && !detail.text.contains("dXNlcjpwYXNz"));
    assert_eq!(api.get("attempts/").json()["results"][0]["webhook"], 1);
    assert_eq!(api.get("attempts/?webhook=9").json()["results"], json!([]));
    assert_eq!(
        api.get(&format!("{webhook}attempts/?success=false")).json()["results"],
        json!([])
    );
    api.get(&format!("{webhook}attempts/1/")).expect(404);
    let deliveries = api
        .get(&format!("{webhook}deliveries/?state=delivered"))
        .json();
    assert_eq!(deliveries["results"][0]["id"], id);
    let health = api.get(&format!("{webhook}health/")).json();
    assert_eq!(
        (&health["state"], &health["last_day"]["success_rate"]),
        (&json!("healthy"), &json!(1.0))
    );
}

#[test]
fn deliveries_of_a_disabled_webhook_are_held() {
    let receiver = receiver();
    receiver.respond_with(ScriptedResponse::status(500));
    let api = Api::start();
    let webhook = api.webhook(&receiver.url());
    let id = api.place_order("A");
    api.wait(&format!("{webhook}attempts/"), |log| {
        log["results"][0].is_object()
    });
    assert_eq!(
        api.get(&format!("{webhook}deliveries/")).json()["results"][0]["state"],
        "scheduled"
    );
    api.call("PATCH", &webhook, Some(json!({"enabled": false})))
        .expect(200);
    let held = api.get(&format!("{webhook}deliveries/?state=held")).json();
    assert_eq!(
        (&held["results"][0]["state"], &held["results"][0]["reason"]),
        (&json!("held"), &json!("The webhook is disabled."))
    );
    api.call("POST", &format!("{webhook}expedite/"), None)
        .expect(409);
    api.call("POST", &format!("{webhook}deliveries/{id}/retry/"), None)
        .expect(409);
    api.post(
        &format!("{webhook}retry/"),
        json!({"since": "2020-01-01T00:00:00Z"}),
    )
    .expect(409);
    assert_eq!(
        api.get(&format!("{webhook}health/")).json()["state"],
        "disabled"
    );
    assert_eq!(
        api.call("POST", &format!("{webhook}drop/"), None)
            .expect(200)
            .text,
        r#"{"count":1}"#
    );
    assert_eq!(
        api.get(&format!("{webhook}deliveries/")).json()["results"][0]["state"],
        "dropped"
    );
    api.call("PATCH", &webhook, Some(json!({"enabled": true})))
        .expect(200);
    receiver.respond_with(ScriptedResponse::ok());
    let again = json!({"since": "2020-01-01T00:00:00Z", "state": "dropped"});
    assert_eq!(
        api.post(&format!("{webhook}retry/"), again)
            .expect(200)
            .text,
        r#"{"count":1}"#
    );
    api.wait(&format!("{webhook}deliveries/?state=delivered"), |page| {
        page["results"][0].is_object()
    });
}

#[test]
fn a_test_responds_with_its_attempt() {
    let receiver = receiver();
    let api = Api::start();
    let webhook = api.webhook(&receiver.url());
    let attempt = api
        .call("POST", &format!("{webhook}test/"), None)
        .expect(200)
        .json();
    assert_eq!(
        (&attempt["test"], &attempt["success"]),
        (&json!(true), &json!(true))
    );
    let wrong = json!({"action_type": "no.such"});
    assert!(
        api.post(&format!("{webhook}test/"), wrong)
            .expect(400)
            .json()["action_type"]
            .is_array()
    );
    assert_eq!(
        api.get(&format!("{webhook}health/")).json()["last_day"]["attempts"],
        0
    );
}

#[test]
fn secrets_are_set_and_rotated() {
    let api = Api::start();
    let webhook = api.webhook("http://127.0.0.1:1/");
    let path = format!("{webhook}secret/");
    let first = api.get(&path).expect(200).json();
    assert!(
        first["secret"].as_str().unwrap().starts_with("whsec_") && first["public_key"].is_null()
    );
    let rotated = api
        .call("POST", &format!("{path}rotate/"), None)
        .expect(200)
        .json();
    assert_ne!(first, rotated);
    let own = json!({"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"});
    // Two secrets sign at most, and the first one signs for its 24 hours.
    for (method, path, body) in [
        ("POST", &format!("{path}rotate/"), None),
        ("PUT", &path, Some(own.clone())),
    ] {
        let refused = api.call(method, path, body).expect(409).json();
        let detail = refused["detail"].as_str().unwrap();
        assert!(
            detail.starts_with("The previous secret also signs until 2"),
            "{detail}"
        );
    }
    assert_eq!(api.get(&path).json(), rotated);
    // The same secret again changes nothing.
    let same = json!({"secret": rotated["secret"]});
    assert_eq!(
        api.call("PUT", &path, Some(same)).expect(200).json(),
        rotated
    );
    let path = format!("{}secret/", api.webhook("http://127.0.0.1:2/"));
    assert_eq!(
        api.call("PUT", &path, Some(own.clone())).expect(200).json()["secret"],
        own["secret"]
    );
    assert_eq!(api.get(&path).json()["secret"], own["secret"]);
    assert!(
        api.call("PUT", &path, Some(json!({"secret": "x"})))
            .expect(400)
            .json()["secret"]
            .is_array()
    );
    assert!(api.call("PUT", &path, Some(json!({}))).expect(400).json()["secret"].is_array());
}

#[test]
fn settings_mask_their_headers() {
    let api = Api::start();
    let path = format!("{}settings/", api.webhook("http://127.0.0.1:1/"));
    let none = api.get(&path).expect(200).text;
    assert_eq!(
        none,
        r#"{"headers":{},"max_per_second":null,"max_concurrency":null,"timeout_seconds":null,"signature_scheme":["standard"],"contact_emails":[]}"#
    );
    let sent = json!({"headers": {"X-Key": "s3cret"}, "max_per_second": 5, "signature_scheme": ["creads"]});
    let shown = api.call("PATCH", &path, Some(sent)).expect(200);
    assert!(!shown.text.contains("s3cret"));
    assert_eq!(
        shown.json()["signature_scheme"],
        json!(["standard", "creads"])
    );
    let kept = json!({"headers": {"X-Key": "***", "X-More": "1"}});
    let kept = api.call("PATCH", &path, Some(kept)).expect(200).json();
    assert_eq!(
        (&kept["headers"]["X-Key"], &kept["max_per_second"]),
        (&json!("***"), &json!(5))
    );
    assert!(
        api.call("PATCH", &path, Some(json!({"headers": {"Host": "x"}})))
            .expect(400)
            .json()["headers.Host"]
            .is_array()
    );
}

#[test]
fn the_stream_sends_activity() {
    use std::io::BufRead as _;

    let receiver = receiver();
    receiver.respond_with(ScriptedResponse::status(410));
    let api = Api::start();
    api.webhook(&receiver.url());
    let stream = api.watch();
    api.place_order("ABC23");
    let mut told = Vec::new();
    for line in stream.lines().map(Result::unwrap) {
        if let Some(name) = line.strip_prefix("event: ") {
            told.push(name.to_owned());
        } else if let Some(data) = line.strip_prefix("data: ") {
            let data: serde_json::Value = serde_json::from_str(data).unwrap();
            match told.last().unwrap().as_str() {
                "publication" => assert!(data["payload"].as_str().unwrap().contains("ABC23")),
                "attempt" => {
                    assert_eq!(
                        (&data["webhook"], &data["return_code"]),
                        (&json!(1), &json!(410))
                    );
                }
                _ => {
                    assert_eq!(
                        data,
                        json!({"webhook": 1, "state": "disabled", "reason": "gone"})
                    );
                    break;
                }
            }
        }
    }
    assert_eq!(told, ["publication", "attempt", "lane"]);
}

#[test]
fn held_deliveries_are_sent_at_once_when_the_webhook_is_enabled() {
    let receiver = receiver();
    receiver.respond_with(ScriptedResponse::status(500));
    let api = Api::start();
    let webhook = api.webhook(&receiver.url());
    api.place_order("A");
    api.wait(&format!("{webhook}attempts/"), |log| {
        log["results"][0].is_object()
    });
    api.call("PATCH", &webhook, Some(json!({"enabled": false})))
        .expect(200);
    receiver.respond_with(ScriptedResponse::ok());
    let began = SystemClock.instant();
    api.call("PATCH", &webhook, Some(json!({"enabled": true})))
        .expect(200);
    api.wait(&format!("{webhook}deliveries/?state=delivered"), |page| {
        page["results"][0].is_object()
    });
    // By its schedule it would not have gone before 4.5 s.
    assert!(began.elapsed() < Duration::from_secs(3));
}
