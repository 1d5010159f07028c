//! Retries beside other requests, and webhooks that are deleted while a request is in flight.

use serde_json::json;
use sonnette::testing::{Gate, ScriptedResponse};

use super::client::{Api, receiver};

#[test]
fn five_parallel_retries_are_joined_or_numbered() {
    let (api, target) = (Api::start(), receiver());
    let gate = Gate::new();
    target.script([
        ScriptedResponse::status(500),
        ScriptedResponse::status(500).held_by(&gate),
        ScriptedResponse::ok(),
    ]);
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
    gate.open();
    api.wait(&log, |log| log["results"][1].is_object());
    api.call("POST", &retry, None).expect(200);
    // Attempts that were asked for before may still follow; the log and the delivery agree on their number.
    let mut numbers = Vec::new();
    api.wait(&format!("{webhook}deliveries/?state=delivered"), |list| {
        let entries = api.get(&log).json();
        let entries = entries["results"].as_array().unwrap();
        numbers = entries.iter().rev().map(|e| e["attempt"].clone()).collect();
        list["results"][0]["attempts"] == json!(numbers.len())
    });
    let expected: Vec<_> = (1..=numbers.len()).map(|number| json!(number)).collect();
    assert_eq!(numbers, expected);
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
