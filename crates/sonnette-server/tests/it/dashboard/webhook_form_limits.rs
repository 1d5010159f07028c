//! Limits of the webhook form.

use std::time::Duration;

use serde_json::json;
use sonnette::clock::{Clock as _, SystemClock};

use super::browser::{Browser, PAGES, hidden_fields, words};
use crate::api::client::Api;

const ORDER_PLACED: &str = "pretix.event.order.placed";
const NEW_WEBHOOK_PAGE: &str = "/organizers/bigevents/webhooks/new/";
/// Even of a slow machine and a build that is not optimised.
const MAX_RESPONSE_TIME: Duration = Duration::from_secs(5);

/// An organizer with so many events.
fn with_events(count: usize) -> Api {
    let api = Api::start();
    let all: Vec<_> = (0..count)
        .map(|n| json!({"action_type": ORDER_PLACED, "event": format!("e{n:04}"), "data": {"code": "A"}}))
        .collect();
    for some in all.chunks(1_000) {
        api.post("notifications/", json!(some)).expect(201);
    }
    api
}

#[test]
fn a_form_of_an_organizer_with_many_events_stays_quick() {
    let api = with_events(5_000);
    let browser = Browser::of(&api, &["webhooks"]);
    let fields = [
        ("target_url", "https://shop.example/"),
        ("action_types", ORDER_PLACED),
        ("limit_events", "e4999"),
    ];
    browser
        .submit(NEW_WEBHOOK_PAGE, NEW_WEBHOOK_PAGE, &fields)
        .expect(303);
    let edit = format!("{PAGES}/webhooks/1/edit/");
    let begun = SystemClock.instant();
    let page = browser.get(&edit).expect(200).text;
    let shown = page.matches("name=\"limit_events\"").count();
    assert_eq!(shown, 1_001);
    assert!(page.contains("value=\"e4999\" checked"));
    assert!(words(&page).contains("Only the first 1000 events and those chosen are listed."));
    let unknown: Vec<String> = (0..4_900).map(|n| format!("zz{n}")).collect();
    let mut fields = fields.to_vec();
    fields.extend(unknown.iter().map(|slug| ("limit_events", slug.as_str())));
    let page = browser.submit(&edit, &edit, &fields).expect(422).text;
    assert!(words(&page).contains("Choose at most 1000."), "{page}");
    assert!(page.len() < 1 << 20, "{}", page.len());
    assert!(begun.elapsed() < MAX_RESPONSE_TIME, "{:?}", begun.elapsed());
}

#[test]
fn a_form_with_too_many_fields_is_refused() {
    let api = Api::start();
    let browser = Browser::of(&api, &["webhooks"]);
    let page = browser.get(NEW_WEBHOOK_PAGE).expect(200).text;
    let hidden = hidden_fields(&page, NEW_WEBHOOK_PAGE);
    let mut fields = vec![("csrf", hidden[0].1.as_str())];
    fields.extend(vec![("action_types", "x"); 4_999]);
    let page = browser.post(NEW_WEBHOOK_PAGE, &fields).expect(422).text;
    assert!(page.len() < 200_000, "{}", page.len());
    fields.push(("action_types", "x"));
    browser.post(NEW_WEBHOOK_PAGE, &fields).expect(400);
}

#[test]
fn a_form_has_up_to_one_mebibyte() {
    let api = Api::start();
    let browser = Browser::of(&api, &["webhooks"]);
    let page = browser.get(NEW_WEBHOOK_PAGE).expect(200).text;
    let hidden = hidden_fields(&page, NEW_WEBHOOK_PAGE);
    let token = hidden[0].1.as_str();
    let send = |bytes: usize| {
        let filler = "x".repeat(bytes - format!("csrf={token}&comment=").len());
        let fields = [("csrf", token), ("comment", filler.as_str())];
        browser.post(NEW_WEBHOOK_PAGE, &fields)
    };
    send(1 << 20).expect(422);
    send((1 << 20) + 1).expect(400);
}

#[test]
fn the_length_of_error_messages_is_limited() {
    let api = Api::start();
    let browser = Browser::of(&api, &["webhooks"]);
    let long = "x".repeat(500_000);
    let fields = [("action_types", long.as_str()), ("limit_events", &long)];
    let page = browser
        .submit(NEW_WEBHOOK_PAGE, NEW_WEBHOOK_PAGE, &fields)
        .expect(422)
        .text;
    assert!(page.len() < 200_000, "{}", page.len());
}
