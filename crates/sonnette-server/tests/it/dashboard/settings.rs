//! Settings of an organizer, and its events.

use serde_json::{Value, json};

use super::browser::{Browser, words};
use crate::api::client::Api;

const SETTINGS_PAGE: &str = "/organizers/bigevents/settings/";
const EVENTS_PAGE: &str = "/organizers/bigevents/settings/events/";

fn organizer(api: &Api) -> Value {
    api.get("/api/v1/organizers/bigevents/").expect(200).json()
}

#[test]
fn saves_the_settings() {
    let api = Api::start();
    let browser = Browser::of(&api, &["organizer"]);
    let before = organizer(&api);
    let page = browser.get(SETTINGS_PAGE).expect(200).text;
    assert!(!page.contains("name=\"dialect\"") && !page.contains(before["uuid"].as_str().unwrap()));
    let fields = [
        ("name", "Big <Events>"),
        ("language", "fr"),
        ("contacts", " ops@example.org\r\n\r\nboss@example.org"),
        ("policy", "after"),
        ("failures", "5"),
        ("minutes", "1.5"),
        ("dialect", "creads"),
    ];
    let saved = browser
        .submit(SETTINGS_PAGE, SETTINGS_PAGE, &fields)
        .expect(303);
    let page = browser.follow(&saved).expect(200).text;
    assert!(words(&page).contains("The settings are saved."));
    assert!(!page.contains("<Events>") && words(&page).contains("Big <Events>"));
    assert!(page.contains("value=\"1.5\""));
    let after = organizer(&api);
    assert_eq!(after["name"], "Big <Events>");
    assert_eq!(after["language"], "fr");
    assert_eq!(
        after["contact_emails"],
        json!(["ops@example.org", "boss@example.org"])
    );
    assert_eq!(
        after["failure_policy"],
        json!({"disable_after": {"failures": 5, "seconds": 90}})
    );
    assert_eq!(
        after["dialects"], before["dialects"],
        "that is for operators"
    );

    let usual = [("name", "Big"), ("language", "en"), ("policy", "never")];
    browser
        .submit(SETTINGS_PAGE, SETTINGS_PAGE, &usual)
        .expect(303);
    assert_eq!(
        organizer(&api)["failure_policy"],
        json!({"disable_after": null})
    );
}

#[test]
fn shows_errors_beside_the_fields() {
    let api = Api::start();
    let browser = Browser::of(&api, &["organizer"]);
    let fields = [
        ("name", ""),
        ("language", "de"),
        ("contacts", "nobody"),
        ("policy", "after"),
        ("failures", "0"),
        ("minutes", "soon"),
    ];
    let before = organizer(&api);
    let answer = browser
        .submit(SETTINGS_PAGE, SETTINGS_PAGE, &fields)
        .expect(422);
    for field in ["name", "language", "contacts", "failures", "minutes"] {
        let id = format!("id=\"{field}-error\"");
        assert!(answer.text.contains(&id), "{field}: {}", answer.text);
    }
    assert!(words(&answer.text).contains("“nobody” is not an e-mail address."));
    assert!(
        answer.text.contains("value=\"soon\""),
        "what was typed is kept"
    );
    assert_eq!(organizer(&api), before);
}

#[test]
fn only_operators_choose_dialects() {
    let api = Api::start();
    let browser = Browser::of_operator(&api);
    assert!(
        browser
            .read(SETTINGS_PAGE)
            .contains(organizer(&api)["uuid"].as_str().unwrap())
    );
    assert!(
        browser
            .read(SETTINGS_PAGE)
            .contains("At present: it stays on, unless its receiver answers 410.")
    );
    let none = [("name", "Big"), ("language", "en")];
    let answer = browser
        .submit(SETTINGS_PAGE, SETTINGS_PAGE, &none)
        .expect(422);
    assert!(words(&answer.text).contains("Choose at least one dialect."));
    let fields = [
        ("name", "Big"),
        ("language", "en"),
        ("dialect", "creads"),
        ("dialect", "custom"),
    ];
    browser
        .submit(SETTINGS_PAGE, SETTINGS_PAGE, &fields)
        .expect(303);
    assert_eq!(organizer(&api)["dialects"], json!(["creads", "custom"]));
    assert!(
        browser
            .read(SETTINGS_PAGE)
            .contains("At present: it is disabled after 20 failures")
    );
}

#[test]
fn adds_renames_and_deletes_events() {
    let api = Api::start();
    let browser = Browser::of(&api, &["organizer"]);
    assert!(
        browser
            .read(EVENTS_PAGE)
            .contains("There are no events yet.")
    );
    let fields = [
        ("slug", "gala"),
        ("name", ""),
        ("date_from", "2026-12-24T18:00"),
    ];
    browser
        .submit(EVENTS_PAGE, EVENTS_PAGE, &fields)
        .expect(303);
    let event = api.get("events/gala/").json();
    assert_eq!(event["name"], "gala");
    assert_eq!(event["date_from"], "2026-12-24T18:00:00.000000Z");
    let again = browser
        .submit(EVENTS_PAGE, EVENTS_PAGE, &fields)
        .expect(422);
    assert!(words(&again.text).contains("There is an event “gala” already."));
    for (slug, date) in [("-x", ""), ("", ""), ("x", "soon")] {
        let fields = [("slug", slug), ("date_from", date)];
        browser
            .submit(EVENTS_PAGE, EVENTS_PAGE, &fields)
            .expect(422);
    }

    let page = format!("{EVENTS_PAGE}gala/");
    let fields = [("name", "The <Gala>"), ("date_from", "")];
    browser.submit(&page, &page, &fields).expect(303);
    let event = api.get("events/gala/").json();
    assert_eq!(
        (&event["name"], &event["date_from"]),
        (&json!("The <Gala>"), &json!(null))
    );
    browser.submit(&page, &page, &[("name", " ")]).expect(422);

    let body = json!({
        "target_url": "https://user:secret@a.example/", "limit_events": ["gala"], "action_types": [],
    });
    api.post("webhooks/", body).expect(201);
    let delete = format!("{page}delete/");
    let asks = browser.read(&delete);
    assert!(asks.contains("Delete “The <Gala>”?"), "{asks}");
    let affected = "no longer gets notifications of it: https://a.example/ (is then limited to no event at all)";
    assert!(asks.contains(affected), "{asks}");
    browser.submit(&delete, &delete, &[]).expect(303);
    api.get("events/gala/").expect(404);
    browser.get(&delete).expect(404);
}

#[test]
fn requires_the_permission_organizer() {
    let api = Api::start();
    let browser = Browser::of(&api, &["webhooks", "publish"]);
    for path in ["", "events/", "events/gala/", "events/gala/delete/"] {
        browser.get(&format!("{SETTINGS_PAGE}{path}")).expect(403);
    }
    browser.post(SETTINGS_PAGE, &[("name", "x")]).expect(403);
    browser.post(EVENTS_PAGE, &[("slug", "x")]).expect(403);
    let french = Browser::of(&api, &["organizer"]).in_french();
    assert!(
        french
            .read(SETTINGS_PAGE)
            .contains("Quand un webhook reste en échec")
    );
    assert!(french.read(EVENTS_PAGE).contains("Nouvel événement"));
    french.post(EVENTS_PAGE, &[("slug", "x")]).expect(403);
}

#[test]
fn a_name_is_a_single_line() {
    let api = Api::start();
    let browser = Browser::of(&api, &["organizer"]);
    let name = "Big\r\nBcc: everybody@example.org";
    let fields = [("name", name), ("language", "en"), ("policy", "never")];
    let read = words(
        &browser
            .submit(SETTINGS_PAGE, SETTINGS_PAGE, &fields)
            .expect(422)
            .text,
    );
    assert!(
        read.contains("Control characters are not allowed."),
        "{read}"
    );
    let body = json!({ "name": name });
    let refused = api.call_as(&api.operator, "PATCH", "", Some(body));
    let message = json!({"name": ["Control characters are not allowed."]});
    assert_eq!(refused.expect(400).json(), message);
    let made = api
        .place()
        .run(&["organizer", "create", "other", "--name", name]);
    assert!(made.refused(1).contains("control characters"));
}
