//! The list of notifications, and replaying one.

use jiff::SignedDuration;
use ring::digest::{SHA256, digest};
use serde_json::json;
use sonnette::domain::{Scope, Session, SessionOwner};
use sonnette::store::{RegistryStore as _, SessionStore as _};

use super::browser::{Browser, words};
use crate::api::client::{Api, order, receiver};

const NOTIFICATIONS_PAGE: &str = "/organizers/bigevents/notifications/";

#[test]
fn finds_notifications() {
    let api = Api::start();
    let browser = Browser::of(&api, &["webhooks"]);
    assert!(
        browser
            .read(NOTIFICATIONS_PAGE)
            .contains("Nothing has been published yet.")
    );
    let first = api.place_order("A1");
    let body = json!({"action_type": "pretix.customer.created", "data": {"customer": "FLPSJYV"}});
    api.post("notifications/", body).expect(201);
    let list = browser.read(NOTIFICATIONS_PAGE);
    let (newer, older) = list.split_once("pretix.customer.created").unwrap();
    assert!(
        !newer.contains("UTC pretix.event.order.placed"),
        "newest first: {list}"
    );
    assert!(
        older.contains("UTC pretix.event.order.placed democon 0"),
        "{list}"
    );

    for (query, found) in [
        ("action_type=pretix.event.order.placed", true),
        ("action_type=pretix.customer.created", false),
        ("event=democon", true),
        ("event=other", false),
        ("since=2020-01-01T00%3A00", true),
        ("since=2999-01-01T00%3A00", false),
        ("until=2020-01-01T00:00:00%2B01:00", false),
    ] {
        let list = browser.read(&format!("{NOTIFICATIONS_PAGE}?{query}"));
        assert_eq!(
            list.contains("UTC pretix.event.order.placed"),
            found,
            "{query}: {list}"
        );
        assert!(list.contains("Show all"));
    }
    let to = browser
        .get(&format!("{NOTIFICATIONS_PAGE}?id={first}"))
        .expect(303);
    assert_eq!(
        to.header("location"),
        Some(&*format!("{NOTIFICATIONS_PAGE}{first}/"))
    );
    for (query, message) in [
        ("id=999999", "There is no notification with this number."),
        ("id=x", "There is no notification with this number."),
        ("since=yesterday", "Enter a date and time"),
    ] {
        let answer = browser
            .get(&format!("{NOTIFICATIONS_PAGE}?{query}"))
            .expect(422);
        assert!(words(&answer.text).contains(message), "{query}");
    }
    let hostile = browser
        .get(&format!("{NOTIFICATIONS_PAGE}?event=%22%3E%3Cscript%3E"))
        .expect(200);
    assert!(!hostile.text.contains("<script>"));
}

#[test]
fn a_page_begins_after_the_previous_one() {
    let api = Api::start();
    let all: Vec<_> = (0..60).map(|n| order(&format!("A{n}"))).collect();
    api.post("notifications/", json!(all)).expect(201);
    let browser = Browser::of(&api, &["publish"]);
    let first = browser
        .get(&format!("{NOTIFICATIONS_PAGE}?event=democon"))
        .expect(200)
        .text;
    let link = first.split("rel=\"next\"").next().unwrap();
    let link = link
        .rsplit("href=\"")
        .next()
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    assert!(link.contains("event=democon&#38;after="), "{link}");
    let second = browser.get(&link.replace("&#38;", "&")).expect(200).text;
    let rows = |html: &str| html.matches("pretix.event.order.placed</code>").count();
    assert_eq!((rows(&first), rows(&second)), (50, 10));
    assert!(!second.contains("rel=\"next\"") && words(&second).contains("Newest"));
}

#[test]
fn shows_the_deliveries_of_a_notification() {
    let api = Api::start();
    let receiver = receiver();
    let webhook = api.webhook(&receiver.url());
    let id = api.place_order("A1");
    api.wait(&format!("notifications/{id}/"), |n| {
        n["deliveries"][0]["state"] == "delivered"
    });
    let browser = Browser::of(&api, &["webhooks"]);
    let answer = browser
        .get(&format!("{NOTIFICATIONS_PAGE}{id}/"))
        .expect(200);
    let page = words(&answer.text);
    assert!(page.contains("One enabled webhook matched"), "{page}");
    assert!(page.contains("Delivered"), "{page}");
    assert!(page.contains("{ \"code\": \"A1\" }"), "{page}");
    let log = format!("/organizers/bigevents/{webhook}?notification_id={id}\">one attempt");
    assert!(answer.text.contains(&log), "{}", answer.text);
    assert!(!page.contains("Replay"), "it takes the permission publish");
    browser
        .get(&format!("{NOTIFICATIONS_PAGE}{id}/replay/"))
        .expect(403);
    browser
        .get(&format!("{NOTIFICATIONS_PAGE}999999/"))
        .expect(404);
    browser.get(&format!("{NOTIFICATIONS_PAGE}x/")).expect(404);

    api.call("PATCH", &webhook, Some(json!({"enabled": false})))
        .expect(200);
    let waits = api.place_order("B2");
    assert!(
        browser
            .read(&format!("{NOTIFICATIONS_PAGE}{waits}/"))
            .contains("No enabled webhook matched")
    );
    let french = Browser::new(&api).in_french();
    french.log_in("webhooks@example.org");
    assert!(
        french
            .read(&format!("{NOTIFICATIONS_PAGE}{id}/"))
            .contains("Livré")
    );
}

#[test]
fn replays_a_notification_after_confirmation() {
    let api = Api::start();
    let receiver = receiver();
    let webhook = api.webhook(&receiver.url());
    let id = api.place_order("A1");
    let path = format!("notifications/{id}/");
    api.wait(&path, |n| n["deliveries"][0]["state"] == "delivered");
    let browser = Browser::of(&api, &["publish"]);
    let page = browser
        .get(&format!("{NOTIFICATIONS_PAGE}{id}/"))
        .expect(200)
        .text;
    assert!(
        !page.contains(&webhook),
        "no link to what they may not open"
    );
    let replay = format!("{NOTIFICATIONS_PAGE}{id}/replay/");
    assert!(page.contains(&replay));
    let asks = browser.read(&replay);
    assert!(
        asks.contains("One webhook will get it: http://127.0.0.1"),
        "{asks}"
    );
    let answer = browser.submit(&replay, &replay, &[]).expect(303);
    let told = words(&browser.follow(&answer).text);
    assert!(told.contains("on its way again, to one webhook."), "{told}");
    api.wait(&path, |n| {
        let delivery = &n["deliveries"][0];
        delivery["attempts"] == 2 && delivery["state"] == "delivered"
    });
    browser.post(&replay, &[]).expect(403);
}

#[test]
fn shows_the_published_data() {
    let api = Api::start();
    let own = api.token_for("organizer");
    let body = json!({"action_type": "shop.sold"});
    api.call_as(&own, "POST", "action_types/", Some(body))
        .expect(201);
    let data = r#"{"price": 25.00, "number": 123456789012345678901234, "note": "<script>"}"#;
    let head = format!(
        "POST /api/v1/organizers/bigevents/notifications/ HTTP/1.1\r\nAuthorization: Token {}\r\n\
         Content-Type: application/json\r\n",
        api.token
    );
    let body = format!(r#"{{"action_type": "shop.sold", "data": {data}}}"#);
    let id = api.raw(&head, body.as_bytes()).expect(201).json()["notification_id"].clone();
    let browser = Browser::of(&api, &["publish"]);
    let answer = browser
        .get(&format!("{NOTIFICATIONS_PAGE}{id}/"))
        .expect(200);
    assert!(!answer.text.contains("<script>"));
    let page = words(&answer.text);
    let shown = r#"{ "price": 25.00, "number": 123456789012345678901234, "note": "<script>" }"#;
    assert!(page.contains(shown), "{page}");
}

#[test]
fn an_erased_notification_says_so() {
    let api = Api::start();
    let mut body = order("A1");
    body["subject"] = json!("customer-1");
    let id = api.post("notifications/", body).expect(201).json()["notification_id"].clone();
    let eraser = api.token_for("organizer");
    api.call_as(&eraser, "DELETE", "subjects/customer-1/", None)
        .expect(200);
    let browser = Browser::of(&api, &["publish"]);
    let page = browser.read(&format!("{NOTIFICATIONS_PAGE}{id}/"));
    assert!(
        page.contains("has been erased") && !page.contains("Replay"),
        "{page}"
    );
    assert!(
        browser
            .read(NOTIFICATIONS_PAGE)
            .contains("pretix.event.order.placed erased")
    );
    browser
        .get(&format!("{NOTIFICATIONS_PAGE}{id}/replay/"))
        .expect(409);
}

#[test]
fn a_portal_cannot_replay() {
    let api = Api::start();
    let id = api.place_order("A1");
    let store = api.store();
    let rows = store.load(0).unwrap();
    let (organizer, at) = (rows.organizers[0].id, rows.tokens[0].1.created);
    let own = rows
        .tokens
        .iter()
        .find(|(_, token)| token.scope != Scope::Operator);
    let session = Session {
        owner: SessionOwner::Portal {
            organizer,
            token: own.unwrap().1.id,
        },
        created: at,
        expires: at + SignedDuration::from_hours(1),
    };
    let hash = digest(&SHA256, b"let in").as_ref().try_into().unwrap();
    assert!(store.add_session(&hash, &session, None).unwrap());
    let browser = Browser::new(&api);
    browser.keep("sonnette_portal", "let in");
    let page = browser
        .get(&format!("/portal/bigevents/notifications/{id}/"))
        .expect(200)
        .text;
    assert!(page.contains("/portal/bigevents/action-types/pretix.event.order.placed/"));
    assert!(
        !page.contains("/organizers/") && !page.contains("replay"),
        "{page}"
    );
    browser
        .get(&format!("/portal/bigevents/notifications/{id}/replay/"))
        .expect(403);
    let catalogue = browser.read("/portal/bigevents/action-types/");
    assert!(!catalogue.contains("Register"));
    browser.get("/portal/bigevents/audit/").expect(404);
    for path in [
        "tokens/",
        "settings/",
        "settings/events/",
        "action-types/new/",
    ] {
        browser
            .get(&format!("/portal/bigevents/{path}"))
            .expect(403);
    }
    browser
        .get("/organizers/bigevents/notifications/")
        .expect(303);
}

#[test]
fn reading_requires_a_permission() {
    let api = Api::start();
    let id = api.place_order("A1");
    let browser = Browser::of(&api, &["organizer"]);
    for path in [
        NOTIFICATIONS_PAGE.to_owned(),
        format!("{NOTIFICATIONS_PAGE}{id}/"),
    ] {
        let page = words(&browser.get(&path).expect(403).text);
        assert!(page.contains("the permission “webhooks”"), "{page}");
    }
}
