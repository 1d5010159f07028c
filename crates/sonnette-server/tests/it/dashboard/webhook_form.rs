//! The form that creates or edits a webhook.

use serde_json::{Value, json};
use sonnette::testing::ScriptedResponse;

use super::browser::{Browser, PAGES, words};
use crate::api::client::{Api, order, receiver};

const ORDER_PLACED: &str = "pretix.event.order.placed";
const NEW_WEBHOOK_PAGE: &str = "/organizers/bigevents/webhooks/new/";

/// The newest entries of the audit log: action and data.
fn audit(api: &Api) -> Vec<(String, Value)> {
    let entries = api.get("audit/").expect(200).json()["results"].clone();
    let entries = entries.as_array().unwrap().clone();
    let of = |entry: &Value| {
        (
            entry["action"].as_str().unwrap().to_owned(),
            entry["data"].clone(),
        )
    };
    entries.iter().map(of).collect()
}

#[test]
fn creates_a_webhook_as_pretix_does() {
    let api = Api::start();
    let browser = Browser::of(&api, &["webhooks"]);
    let page = browser.get(NEW_WEBHOOK_PAGE).expect(200).text;
    for part in [
        "New order placed",
        "value=\"pretix.event.order.changed.*\"",
        "Stands for pretix.event.order.changed.add,",
        "name=\"enabled\" checked",
        "data-switches=\"limit_events\" checked",
        "data-search=\"types-list\"",
    ] {
        assert!(page.contains(part), "{part}");
    }
    let fields = [
        ("target_url", " user:pass@shop.example/hook?a=1 "),
        ("comment", ""),
        ("enabled", "on"),
        ("all_events", "on"),
        ("action_types", ORDER_PLACED),
        ("action_types", "pretix.event.order.changed.*"),
    ];
    let answer = browser
        .submit(NEW_WEBHOOK_PAGE, NEW_WEBHOOK_PAGE, &fields)
        .expect(303);
    assert_eq!(
        answer.header("location"),
        Some("/organizers/bigevents/webhooks/1/")
    );
    let webhook = api.get("webhooks/1/").expect(200).json();
    assert_eq!(
        webhook,
        json!({
            "id": 1,
            "enabled": true,
            "target_url": "https://user:pass@shop.example/hook?a=1",
            "all_events": true,
            "limit_events": [],
            "action_types": ["pretix.event.order.changed.*", ORDER_PLACED],
            "comment": null,
        })
    );
    let (action, data) = audit(&api).remove(0);
    assert_eq!(action, "pretix.webhook.created");
    let kept = json!({
        "target_url": "https://shop.example/hook?a=1",
        "events": ["pretix.event.order.changed.*", ORDER_PLACED],
        "id": 1,
    });
    assert_eq!(data, kept);
}

#[test]
fn saves_events_and_settings() {
    let api = Api::start();
    api.post("notifications/", order("A")).expect(201);
    let browser = Browser::of(&api, &["webhooks"]);
    let fields = [
        ("target_url", "https://shop.example/"),
        ("comment", "the shop"),
        ("action_types", ORDER_PLACED),
        ("limit_events", "democon"),
        ("headers", "X-Key: abc:def\r\n\r\nX-Other:1\r\n"),
        ("max_per_second", "5"),
        ("max_concurrency", ""),
        ("timeout_seconds", "10"),
        ("signature_scheme", "ed25519"),
        ("contact_emails", "a@shop.example\r\nb@shop.example"),
    ];
    browser
        .submit(NEW_WEBHOOK_PAGE, NEW_WEBHOOK_PAGE, &fields)
        .expect(303);
    let webhook = api.get("webhooks/1/").expect(200).json();
    assert_eq!(webhook["limit_events"], json!(["democon"]));
    assert_eq!(
        (&webhook["enabled"], &webhook["all_events"]),
        (&json!(false), &json!(false))
    );
    let settings = json!({
        "headers": {"X-Key": "***", "X-Other": "***"},
        "max_per_second": 5,
        "max_concurrency": null,
        "timeout_seconds": 10,
        "signature_scheme": ["standard", "ed25519"],
        "contact_emails": ["a@shop.example", "b@shop.example"],
    });
    assert_eq!(api.get("webhooks/1/settings/").expect(200).json(), settings);
    assert!(api.get("webhooks/1/secret/").json()["public_key"].is_string());
    let audit = audit(&api);
    assert_eq!(audit[0].0, "sonnette.webhook.settings.changed");
    let changed = [
        "headers",
        "max_per_second",
        "timeout_seconds",
        "signature_scheme",
        "contact_emails",
    ];
    assert_eq!(audit[0].1, json!({"id": 1, "changed": changed}));
    assert_eq!(audit[1].1["limit_events"], json!([1]));
    assert_eq!(audit[1].1["enabled"], json!(false));
    let page = browser
        .get(&format!("{PAGES}/webhooks/1/edit/"))
        .expect(200)
        .text;
    assert!(page.contains("X-Key: ***"), "{page}");
    assert!(!page.contains("abc:def"));
}

#[test]
fn changes_only_what_differs_and_keeps_masked_values() {
    let api = Api::start();
    let target = receiver();
    let path = api.webhook(&format!("http://{}/", target.address()));
    let headers = json!({"headers": {"X-Key": "kept"}});
    api.call("PATCH", &format!("{path}settings/"), Some(headers))
        .expect(200);
    let browser = Browser::of(&api, &["webhooks"]);
    let edit = format!("{PAGES}/{path}edit/");
    let url = format!("http://{}/", target.address());
    let mut fields = vec![
        ("target_url", url.as_str()),
        ("enabled", "on"),
        ("all_events", "on"),
        ("action_types", ORDER_PLACED),
        ("headers", "X-Key: ***"),
    ];
    let before = audit(&api).len();
    browser.submit(&edit, &edit, &fields).expect(303);
    assert_eq!(audit(&api).len(), before, "nothing changed");
    fields.push(("comment", "changed"));
    browser.submit(&edit, &edit, &fields).expect(303);
    let (action, data) = audit(&api).remove(0);
    assert_eq!(action, "pretix.webhook.changed");
    assert_eq!(data, json!({"comment": "changed", "id": 1}));
    api.place_order("A1");
    api.wait(&format!("{path}attempts/"), |list| {
        list["results"][0]["success"] == true
    });
    assert_eq!(target.requests()[0].header("x-key"), Some("kept"));
}

#[test]
fn shows_errors_and_keeps_the_input() {
    let api = Api::start();
    let browser = Browser::of(&api, &["webhooks"]);
    let hostile = "\"><script>alert(1)</script>";
    let fields = [
        ("target_url", hostile),
        ("comment", hostile),
        ("headers", "Host: a"),
        ("max_per_second", "many"),
        ("contact_emails", "nobody"),
    ];
    let page = browser
        .submit(NEW_WEBHOOK_PAGE, NEW_WEBHOOK_PAGE, &fields)
        .expect(422)
        .text;
    assert!(!page.contains("<script>alert"), "{page}");
    let read = words(&page);
    for said in [
        "Nothing was saved.",
        "Enter a valid URL",
        "Choose at least one action type.",
        "The header “Host” is set by the server.",
        "Enter a whole number from 1 to 10,000",
        "Enter valid e-mail addresses",
    ] {
        assert_eq!(
            read.matches(said).count(),
            if said.starts_with("Nothing") { 1 } else { 2 },
            "{said}: {read}"
        );
    }
    assert!(page.contains("aria-invalid=\"true\" aria-describedby=\"target_url-error\""));
    assert!(page.contains("<details open>"));
    let both = [
        ("target_url", "shop.example"),
        ("action_types", ORDER_PLACED),
        ("all_events", "on"),
        ("limit_events", "unknown"),
    ];
    let read = words(
        &browser
            .submit(NEW_WEBHOOK_PAGE, NEW_WEBHOOK_PAGE, &both)
            .expect(422)
            .text,
    );
    assert!(read.contains("There is no event “unknown”."), "{read}");
    api.post("notifications/", order("A")).expect(201);
    let both = both.map(|(name, value)| (name, if value == "unknown" { "democon" } else { value }));
    let french = Browser::new(&api).in_french();
    french.log_in("webhooks@example.org");
    let read = words(
        &french
            .submit(NEW_WEBHOOK_PAGE, NEW_WEBHOOK_PAGE, &both)
            .expect(422)
            .text,
    );
    assert!(
        read.contains("soit tous les événements, soit certains"),
        "{read}"
    );
    assert_eq!(api.get("webhooks/").json()["count"], 0);
}

#[test]
fn warns_of_unsafe_targets() {
    let api = Api::start();
    let browser = Browser::of(&api, &["webhooks"]);
    for (url, told) in [
        (
            "http://shop.example/",
            "Note that its target is not encrypted",
        ),
        (
            "https://10.1.2.3/",
            "its target is a private or local address",
        ),
        (
            "http://localhost:1/",
            "Note that its target is not encrypted",
        ),
        ("https://erp.local/", "The webhook is saved."),
    ] {
        let fields = [("target_url", url), ("action_types", ORDER_PLACED)];
        let answer = browser
            .submit(NEW_WEBHOOK_PAGE, NEW_WEBHOOK_PAGE, &fields)
            .expect(303);
        let to = format!("{}edit/", answer.header("location").unwrap());
        let html = browser.get(&to).expect(200).text;
        assert!(html.contains(told), "{url}: {html}");
        let warns = html.contains("class=\"notice warn\" role=\"status\"");
        assert!(warns || told == "The webhook is saved.", "{html}");
    }
    let read = browser.read(&format!("{PAGES}/webhooks/2/edit/"));
    assert!(
        read.contains("This server does not call such addresses"),
        "{read}"
    );
}

#[test]
fn refuses_http_targets_if_https_is_required() {
    let api = Api::start_with(&["--require-https"]);
    let browser = Browser::of(&api, &["webhooks"]);
    let fields = [
        ("target_url", "http://shop.example/"),
        ("action_types", ORDER_PLACED),
    ];
    let read = words(
        &browser
            .submit(NEW_WEBHOOK_PAGE, NEW_WEBHOOK_PAGE, &fields)
            .expect(422)
            .text,
    );
    assert!(
        read.contains("This server only calls https URLs."),
        "{read}"
    );
}

#[test]
fn tests_before_saving() {
    let api = Api::start();
    let target = receiver();
    let browser = Browser::of(&api, &["webhooks"]);
    target.script([
        ScriptedResponse::ok().body("<b>fine</b>"),
        ScriptedResponse::status(403).body("CSRF verification failed"),
    ]);
    let url = format!("http://{}/hook", target.address());
    let fields = [
        ("target_url", url.as_str()),
        ("comment", "kept"),
        ("action_types", ORDER_PLACED),
        ("headers", "X-Key: typed"),
        ("test", "1"),
    ];
    let page = browser
        .submit(NEW_WEBHOOK_PAGE, NEW_WEBHOOK_PAGE, &fields)
        .expect(200)
        .text;
    assert!(page.contains("&#60;b&#62;fine"), "{page}");
    let read = words(&page);
    assert!(read.contains("accepted it: 200 OK"), "{read}");
    assert!(
        read.contains("can be verified once the webhook is saved"),
        "{read}"
    );
    assert!(page.contains("value=\"kept\""));
    let requests = target.requests();
    assert_eq!(requests[0].header("webhook-test"), Some("1"));
    assert_eq!(requests[0].header("x-key"), Some("typed"));
    let read = words(
        &browser
            .submit(NEW_WEBHOOK_PAGE, NEW_WEBHOOK_PAGE, &fields)
            .expect(200)
            .text,
    );
    assert!(
        read.contains("a form check (CSRF) stands in the way"),
        "{read}"
    );
    assert_eq!(api.get("webhooks/").json()["count"], 0);
    let refused = [
        ("target_url", "https://10.0.0.1/"),
        ("action_types", ORDER_PLACED),
        ("test", "1"),
    ];
    let read = words(
        &browser
            .submit(NEW_WEBHOOK_PAGE, NEW_WEBHOOK_PAGE, &refused)
            .expect(200)
            .text,
    );
    assert!(
        read.contains("has an address that may not be called from here"),
        "{read}"
    );
    let nothing = [("target_url", "shop.example"), ("test", "1")];
    browser
        .submit(NEW_WEBHOOK_PAGE, NEW_WEBHOOK_PAGE, &nothing)
        .expect(422);
}

#[test]
fn requires_the_permission_webhooks() {
    let api = Api::start();
    let path = api.webhook("https://shop.example/");
    let edit = format!("{PAGES}/{path}edit/");
    let browser = Browser::of(&api, &["publish"]);
    for page in [NEW_WEBHOOK_PAGE, &edit] {
        let read = words(&browser.get(page).expect(403).text);
        assert!(read.contains("“webhooks”"), "{read}");
    }
    let allowed = Browser::of(&api, &["webhooks"]);
    allowed
        .get(&format!("{PAGES}/webhooks/99/edit/"))
        .expect(404);
    allowed
        .get(&format!("{PAGES}/webhooks/x/edit/"))
        .expect(404);
    let fields = [
        ("target_url", "https://shop.example/"),
        ("action_types", ORDER_PLACED),
    ];
    allowed.post(NEW_WEBHOOK_PAGE, &fields).expect(403);
    assert_eq!(api.get("webhooks/").json()["count"], 1);
}

/// The form says which wildcards pretix has, and what is wrong with an unknown name.
#[test]
fn unknown_action_types_are_explained() {
    let api = Api::start();
    let browser = Browser::of(&api, &["webhooks"]);
    assert!(
        browser
            .read(NEW_WEBHOOK_PAGE)
            .contains("only the wildcards listed here exist")
    );
    for (name, helps) in [
        (
            "pretix.event.order.*",
            &[
                "only the wildcards listed here exist",
                "pretix.event.order.changed.*",
            ][..],
        ),
        ("pretix.*", &["only the wildcards listed here exist"]),
        (
            "pretix.event.order.payed",
            &[
                "Similar ones: pretix.event.order.",
                "pretix.event.order.paid",
            ],
        ),
        (
            "tibillet.reservation",
            &["The dialect “tibillet” is off for this organizer"],
        ),
        ("no.such", &["There is no action type “no.such”."]),
    ] {
        let fields = [
            ("target_url", "https://a.example/"),
            ("all_events", "on"),
            ("action_types", name),
        ];
        let text = words(
            &browser
                .submit(NEW_WEBHOOK_PAGE, NEW_WEBHOOK_PAGE, &fields)
                .expect(422)
                .text,
        );
        for part in helps {
            assert!(text.contains(part), "{name}: {part}");
        }
    }
    let french = browser.in_french();
    let fields = [
        ("target_url", "https://a.example/"),
        ("action_types", "creads.*"),
    ];
    let text = words(
        &french
            .submit(NEW_WEBHOOK_PAGE, NEW_WEBHOOK_PAGE, &fields)
            .expect(422)
            .text,
    );
    assert!(
        text.contains("est désactivé pour cet organisateur"),
        "{text}"
    );
}
