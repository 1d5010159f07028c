//! What the form "Send again since" begins with.

use serde_json::json;
use sonnette::testing::ScriptedResponse;

use super::browser::{Browser, PAGES, words};
use crate::api::client::{Api, receiver};

/// The value of the field `since`.
fn proposed(html: &str) -> String {
    let (_, after) = html.split_once("name=\"since\"").unwrap();
    let (_, after) = after.split_once("value=\"").unwrap();
    after.split('"').next().unwrap().to_owned()
}

/// Counts the deliveries since what the form proposes.
#[track_caller]
fn count(browser: &Browser<'_>, page: &str) -> String {
    let since = proposed(&browser.get(page).expect(200).text);
    let fields = [
        ("since", since.as_str()),
        ("undelivered", "on"),
        ("count", ""),
    ];
    words(&browser.submit(page, page, &fields).expect(200).text)
}

#[test]
fn the_form_begins_with_the_publication_of_the_oldest_undelivered() {
    let (api, target) = (Api::start(), receiver());
    target.respond_with(ScriptedResponse::silent());
    let webhook = api.webhook(&target.url());
    let timeout = json!({"timeout_seconds": 1});
    api.call("PATCH", &format!("{webhook}settings/"), Some(timeout))
        .expect(200);
    let first = api.place_order("A0");
    for number in 1..5 {
        api.place_order(&format!("A{number}"));
    }
    api.wait(&format!("{webhook}health/"), |health| {
        health["consecutive_failures"].as_u64() >= Some(4)
    });
    let browser = Browser::of(&api, &["webhooks"]);
    let page = format!("{PAGES}/{webhook}resend/");
    let read = count(&browser, &page);
    assert!(read.contains("5 deliveries would be sent again."), "{read}");

    // Dropped and resent by hand, it waits since later than its publication.
    api.call("POST", &format!("{webhook}drop/"), None)
        .expect(200);
    api.call("POST", &format!("{webhook}deliveries/{first}/retry/"), None)
        .expect(200);
    let read = count(&browser, &page);
    assert!(read.contains("5 deliveries would be sent again."), "{read}");
}
