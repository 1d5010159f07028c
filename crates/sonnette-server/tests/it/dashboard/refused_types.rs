//! A receiver that refuses some action types and accepts others, on the pages.

use serde_json::json;
use sonnette::testing::ScriptedResponse;

use super::browser::{Browser, PAGES};
use crate::api::client::{Api, order, receiver};

#[test]
fn the_pages_name_the_action_types_that_a_receiver_refuses() {
    let (api, target) = (Api::start(), receiver());
    target.respond_using(|request| {
        let body = String::from_utf8_lossy(&request.body);
        let is_placed = body.contains("order.placed");
        ScriptedResponse::status(if is_placed { 200 } else { 400 })
    });
    let webhook = api.webhook(&target.url());
    let types = json!({"action_types": ["pretix.event.order.placed", "pretix.event.order.paid"]});
    api.call("PATCH", &webhook, Some(types)).expect(200);
    for number in 0..6 {
        let mut paid = order(&format!("P{number}"));
        paid["action_type"] = json!("pretix.event.order.paid");
        api.post("notifications/", paid).expect(201);
    }
    api.wait(&format!("{webhook}health/"), |health| {
        health["consecutive_failures"] == 6
    });
    api.place_order("A1");
    let health = api.wait(&format!("{webhook}health/"), |health| {
        health["last_day"]["success_rate"] != 0.0
    });
    assert_eq!(health["state"], "healthy");
    assert_eq!(
        health["refused_action_types"],
        json!(["pretix.event.order.paid"])
    );
    let browser = Browser::of(&api, &["webhooks"]);
    let read = browser.read(&format!("{PAGES}/{webhook}"));
    for text in [
        "Refuses some",
        "accepts notifications, but refuses these action types: pretix.event.order.paid.",
        "6 notifications wait.",
        "take them out",
    ] {
        assert!(read.contains(text), "{text}: {read}");
    }
    let list = browser.read(&format!("{PAGES}/webhooks/"));
    assert!(list.contains("Refuses some"), "{list}");
    let french = browser.in_french().read(&format!("{PAGES}/{webhook}"));
    let text = "mais refuse ces types d’action : pretix.event.order.paid.";
    assert!(
        french.contains(text) && french.contains("Refus partiels"),
        "{french}"
    );
}
