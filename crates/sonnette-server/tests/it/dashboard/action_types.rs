//! The catalogue of action types, and the form that registers one.

use serde_json::json;

use super::browser::{Browser, PAGES, words};
use crate::api::client::Api;

const ACTION_TYPES_PAGE: &str = "/organizers/bigevents/action-types/";
const NEW_ACTION_TYPE_PAGE: &str = "/organizers/bigevents/action-types/new/";
const RENEWED: &str = "/organizers/bigevents/action-types/membership.renewed/";
const SCHEMA: &str = r#"{"type": "object", "required": ["number"], "properties": {"number": {"type": "integer", "description": "Of the <b>member</b>."}}}"#;

#[test]
fn shows_the_catalogue_and_an_action_type() {
    let api = Api::start();
    api.webhook("https://user:secret@erp.example/hook");
    let browser = Browser::of(&api, &[]);
    let list = browser.read(ACTION_TYPES_PAGE);
    assert!(list.contains("pretix · Orders New order placed pretix.event.order.placed"));
    let answer = browser.get(&format!("{ACTION_TYPES_PAGE}pretix.event.order.placed/"));
    let page = words(&answer.expect(200).text);
    for part in [
        "A publication must name its event.",
        "code string yes The order's code: 1 to 16 letters or digits.",
        "\"additionalProperties\": false",
        "\"event\": \"democon\", \"code\": \"T0CHT\", \"action\": \"pretix.event.order.placed\"",
        "/api/v1/organizers/bigevents/notifications/' \\ --header \"Authorization: Token $SONNETTE_TOKEN\"",
        "Webhooks that listen https://erp.example/hook",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("secret"));
    let wildcard = browser.read(&format!(
        "{ACTION_TYPES_PAGE}pretix.event.order.changed.%2A/"
    ));
    assert!(
        wildcard.contains("pretix.event.order.changed.*"),
        "{wildcard}"
    );
    let customer = browser.read(&format!("{ACTION_TYPES_PAGE}pretix.customer.created/"));
    assert!(customer.contains("A publication must not name an event"));
    assert!(customer.contains("Webhooks that listen None."));
    browser
        .get(&format!("{ACTION_TYPES_PAGE}creads.work.created/"))
        .expect(404);
    let french = Browser::new(&api).in_french();
    french.log_in("anybody@example.org");
    assert!(
        french
            .read(ACTION_TYPES_PAGE)
            .contains("pretix · Commandes")
    );
}

#[test]
fn the_command_publishes_the_example() {
    let api = Api::start();
    let browser = Browser::of(&api, &["publish"]);
    let page = browser.read(&format!("{ACTION_TYPES_PAGE}pretix.event.checkin/"));
    assert!(!page.contains("Webhooks that listen"), "they may not know");
    let (_, data) = page.split_once("--data '").unwrap();
    let body = data.split_once('\'').unwrap().0;
    let body = serde_json::from_str(body).unwrap();
    api.post("notifications/", body).expect(201);
}

#[test]
fn registers_changes_and_deletes_a_type() {
    let api = Api::start();
    let browser = Browser::of(&api, &["organizer"]);
    assert!(
        browser
            .read(ACTION_TYPES_PAGE)
            .contains("Register an action type")
    );
    let fields = [
        ("name", "membership.renewed"),
        ("description", "A membership was renewed."),
        ("schema", SCHEMA),
        ("example", r#"{"number": 4711}"#),
    ];
    let made = browser
        .submit(NEW_ACTION_TYPE_PAGE, NEW_ACTION_TYPE_PAGE, &fields)
        .expect(303);
    assert_eq!(made.header("location"), Some(RENEWED));
    let answer = browser.follow(&made).expect(200);
    let page = words(&answer.text);
    assert!(page.contains("The action type is registered."));
    assert!(
        page.contains("number integer yes Of the <b>member</b>."),
        "{page}"
    );
    assert!(!answer.text.contains("<b>member"), "it is shown as text");
    let shown = api.get("action_types/membership.renewed/").json();
    assert_eq!(shown["example"], json!({"number": 4711}));

    let edit = format!("{RENEWED}edit/");
    let fields = [
        ("description", "Again."),
        ("schema", ""),
        ("example", "{\"a\": 1}"),
    ];
    browser.submit(&edit, &edit, &fields).expect(303);
    let shown = api.get("action_types/membership.renewed/").json();
    assert_eq!(shown["schema"], json!({"type": "object"}));
    assert_eq!(shown["description"], "Again.");

    let delete = format!("{RENEWED}delete/");
    assert!(browser.read(&delete).contains("Delete membership.renewed?"));
    let deleted = browser.submit(&delete, &delete, &[]).expect(303);
    assert!(words(&browser.follow(&deleted).text).contains("The action type is deleted."));
    api.get("action_types/membership.renewed/").expect(404);
    browser.get(&edit).expect(404);
}

#[test]
fn refuses_invalid_action_types() {
    let api = Api::start();
    let browser = Browser::of(&api, &["organizer"]);
    let wrong = |fields: &[(&str, &str)]| {
        let answer = browser
            .submit(NEW_ACTION_TYPE_PAGE, NEW_ACTION_TYPE_PAGE, fields)
            .expect(422);
        assert!(answer.text.contains("role=\"alert\""));
        assert!(answer.text.contains("aria-invalid=\"true\""));
        words(&answer.text)
    };
    assert!(wrong(&[("name", "No Name")]).contains("Enter a dotted lower-case name"));
    let hostile = [("name", "\"><script>alert(1)</script>")];
    let text = browser
        .submit(NEW_ACTION_TYPE_PAGE, NEW_ACTION_TYPE_PAGE, &hostile)
        .expect(422)
        .text;
    assert!(!text.contains("<script>"), "{text}");
    assert!(wrong(&[("name", "pretix.plugin.done")]).contains("Only operators"));
    assert!(wrong(&[("name", "tibillet.other")]).contains("cannot be registered"));
    assert!(wrong(&[("name", "a.*")]).contains("may be wildcards"));
    let schema = |text| wrong(&[("name", "a.b"), ("schema", text), ("description", "kept")]);
    assert!(schema("{").contains("This is not JSON"));
    assert!(schema("[]").contains("This schema cannot be used"));
    assert!(schema("{\"type\": 3}").contains("This schema cannot be used"));
    let example = wrong(&[("name", "a.b"), ("schema", SCHEMA), ("example", "{}")]);
    assert!(example.contains("The example does not fit"), "{example}");
    browser
        .submit(
            NEW_ACTION_TYPE_PAGE,
            NEW_ACTION_TYPE_PAGE,
            &[("name", "a.b")],
        )
        .expect(303);
    assert!(wrong(&[("name", "a.b")]).contains("There is an action type “a.b” already."));

    let builtin = format!("{ACTION_TYPES_PAGE}pretix.event.order.placed/");
    assert!(!browser.read(&builtin).contains("Delete"));
    let answer = browser.get(&format!("{builtin}delete/")).expect(409);
    assert!(words(&answer.text).contains("was not registered for the organizer"));
}

#[test]
fn only_operators_register_pretix_names() {
    let api = Api::start();
    let operator = Browser::of_operator(&api);
    let name = ("name", "pretix.plugin.done");
    let answer = operator
        .submit(NEW_ACTION_TYPE_PAGE, NEW_ACTION_TYPE_PAGE, &[name])
        .expect(422);
    assert!(words(&answer.text).contains("need a family"));
    let fields = [name, ("family", "order")];
    operator
        .submit(NEW_ACTION_TYPE_PAGE, NEW_ACTION_TYPE_PAGE, &fields)
        .expect(303);
    let browser = Browser::of(&api, &["organizer"]);
    let page = format!("{ACTION_TYPES_PAGE}pretix.plugin.done/");
    assert!(!browser.read(&page).contains("Delete"));
    browser.get(&format!("{page}delete/")).expect(403);
}

#[test]
fn users_without_permission_can_only_read() {
    let api = Api::start();
    let browser = Browser::of(&api, &["webhooks", "publish"]);
    assert!(!browser.read(ACTION_TYPES_PAGE).contains("Register"));
    for path in [
        NEW_ACTION_TYPE_PAGE.to_owned(),
        format!("{ACTION_TYPES_PAGE}a.b/edit/"),
        format!("{ACTION_TYPES_PAGE}a.b/delete/"),
    ] {
        let page = words(&browser.get(&path).expect(403).text);
        assert!(page.contains("the permission “organizer”"), "{page}");
    }
    let token = super::browser::hidden_fields(&browser.get(ACTION_TYPES_PAGE).text, "/logout/")[0]
        .1
        .clone();
    let fields = [("csrf", token.as_str()), ("name", "a.b")];
    browser.post(NEW_ACTION_TYPE_PAGE, &fields).expect(403);
    browser
        .post(NEW_ACTION_TYPE_PAGE, &[("name", "a.b")])
        .expect(403);
    api.get("action_types/a.b/").expect(404);
    Browser::new(&api)
        .get(&format!("{PAGES}/action-types/"))
        .expect(303);
}

#[test]
fn names_of_a_dialect_that_is_off_are_refused_in_the_language_of_the_page() {
    let api = Api::start();
    for (slug, dialect) in [("tickets", "pretix"), ("parcels", "custom")] {
        let body = serde_json::json!({"slug": slug, "name": slug, "dialects": [dialect]});
        api.call_as(&api.operator, "POST", "/api/v1/organizers/", Some(body))
            .expect(201);
    }
    let root = Browser::of_operator(&api);
    let french = Browser::new(&api).in_french();
    french.log_in("root@example.org");
    for (slug, name, dialect) in [
        ("tickets", "parcel.sent", "custom"),
        ("parcels", "pretix.plugin.done", "pretix"),
    ] {
        let page = format!("/organizers/{slug}/action-types/new/");
        let refused = |browser: &Browser<'_>| {
            let answer = browser.submit(&page, &page, &[("name", name)]).expect(422);
            words(&answer.text)
        };
        let english = format!("The dialect “{dialect}” is off for this organizer");
        assert!(refused(&root).contains(&english));
        // French quotation marks are set off by narrow no-break spaces.
        let in_french =
            format!("Le dialecte «\u{202f}{dialect}\u{202f}» est désactivé pour cet organisateur");
        assert!(refused(&french).contains(&in_french));
    }
}
