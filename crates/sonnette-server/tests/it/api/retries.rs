//! Retries beside other requests, and webhooks that are deleted while a request is in flight.

use serde_json::json;
use sonnette::testing::{Gate, ScriptedResponse};

use super::client::{Api, receiver};

#[test]
fn five_parallel_retries_are_joined_or_numbered() {
    let (api, target) = (Api::start(), receiver());
    target.respond_with(ScriptedResponse::status(500));
    let webhook = api.webhook(&target.url());
    let id = api.place_order("A1");
    let log = format!("{webhook}attempts/?page_size=100");
    api.wait(&log, |log| log["results"][0].is_object());
    let retry = format!("{webhook}deliveries/{id}/retry/");
    std::thread::scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| api.call("POST", &retry, None).expect(200));
        }
    });
    api.wait(&log, |log| log["results"][1].is_object());
    // The receiver works again; whatever was asked for before has been sent.
    target.respond_with(ScriptedResponse::ok());
    api.call("POST", &retry, None).expect(200);
    api.wait(&format!("{webhook}deliveries/?state=delivered"), |list| {
        list["results"][0].is_object()
    });
    let entries = api.get(&log).json();
    let numbers = entries["results"].as_array().unwrap().iter().rev();
    let numbers: Vec<_> = numbers.map(|entry| entry["attempt"].clone()).collect();
    let expected: Vec<_> = (1..=numbers.len()).map(|number| json!(number)).collect();
    assert_eq!(numbers, expected);
    let delivery = &api.get(&format!("{webhook}deliveries/")).json()["results"][0];
    assert_eq!(delivery["attempts"], json!(numbers.len()));
}

#[test]
fn a_success_after_the_webhook_was_deleted_is_a_delivery() {
    let (api, target) = (Api::start(), receiver());
    let gate = Gate::new();
    target.respond_with(ScriptedResponse::ok().held_by(&gate));
    let webhook = api.webhook(&target.url());
    let id = api.place_order("A1");
    for _ in 0..200 {
        if !target.requests().is_empty() {
            break;
        }
        api.get(&webhook);
    }
    api.call("DELETE", &webhook, None).expect(204);
    let path = format!("notifications/{id}/");
    assert_eq!(api.get(&path).json()["deliveries"][0]["state"], "dropped");
    gate.open();
    let notification = api.wait(&path, |n| n["deliveries"][0]["state"] != "dropped");
    assert_eq!(notification["deliveries"][0]["state"], "delivered");
    assert_eq!(notification["deliveries"][0]["reason"], json!(null));
}
