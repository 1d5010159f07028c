//! Secrets of a webhook are masked in its form and stay with their server.

use serde_json::json;

use super::browser::{Browser, PAGES, words};
use crate::api::client::{Api, receiver};

const ORDER_PLACED: &str = "pretix.event.order.placed";
const NEW_WEBHOOK_PAGE: &str = "/organizers/bigevents/webhooks/new/";
/// `user:pass`, as Basic authentication has it.
const BASIC: &str = "Basic dXNlcjpwYXNz";

/// The fields of a form without fault.
fn to(url: &str) -> Vec<(&str, &str)> {
    vec![
        ("target_url", url),
        ("enabled", "on"),
        ("all_events", "on"),
        ("action_types", ORDER_PLACED),
    ]
}

#[test]
fn masked_credentials_stay_with_their_server() {
    let (api, target, other) = (Api::start(), receiver(), receiver());
    let path = api.webhook(&format!("http://user:pass@{}/a", target.address()));
    let browser = Browser::of(&api, &["webhooks"]);
    let edit = format!("{PAGES}/{path}edit/");
    let page = browser.get(&edit).expect(200).text;
    let masked = format!("http://***@{}/a", target.address());
    assert!(page.contains(&format!("value=\"{masked}\"")), "{page}");
    assert!(!page.contains("pass@127"), "{page}");

    let moved = format!("http://***@{}/b", target.address());
    let mut fields = to(&moved);
    fields.push(("test", "1"));
    let page = browser.submit(&edit, &edit, &fields).expect(200).text;
    assert!(!page.contains("pass@127"), "{page}");
    assert_eq!(target.requests()[0].header("authorization"), Some(BASIC));
    browser.submit(&edit, &edit, &to(&moved)).expect(303);
    let kept = format!("http://user:pass@{}/b", target.address());
    let stored = || api.get(&path).expect(200).json()["target_url"].clone();
    assert_eq!(stored(), json!(kept));

    let half = format!("http://other:***@{}/b", target.address());
    for elsewhere in [format!("http://***@{}/b", other.address()), half] {
        let mut fields = to(&elsewhere);
        browser.submit(&edit, &edit, &fields).expect(422);
        browser
            .submit(NEW_WEBHOOK_PAGE, NEW_WEBHOOK_PAGE, &fields)
            .expect(422);
        fields.push(("test", "1"));
        let page = browser.submit(&edit, &edit, &fields).expect(422).text;
        let read = words(&page);
        assert!(
            read.contains("No user and password are stored for this server"),
            "{read}"
        );
        assert!(!page.contains("pass@127"), "{page}");
    }
    assert_eq!(stored(), json!(kept));
    assert_eq!(other.requests().len(), 0);
    // Without any the URL is taken as it is.
    let none = format!("http://{}/b", other.address());
    browser.submit(&edit, &edit, &to(&none)).expect(303);
    assert_eq!(stored(), json!(none));
}

#[test]
fn masked_headers_stay_with_their_server() {
    let (api, target, other) = (Api::start(), receiver(), receiver());
    let path = api.webhook(&target.url());
    let headers = json!({"headers": {"X-Key": "kept", "X-More": "more"}});
    api.call("PATCH", &format!("{path}settings/"), Some(headers))
        .expect(200);
    let browser = Browser::of(&api, &["webhooks"]);
    let edit = format!("{PAGES}/{path}edit/");
    let elsewhere = other.url();
    for headers in ["X-Key: ***", "X-Key: ***\r\nX-More: typed"] {
        let mut fields = to(&elsewhere);
        fields.push(("headers", headers));
        browser.submit(&edit, &edit, &fields).expect(422);
        fields.push(("test", "1"));
        let read = words(&browser.submit(&edit, &edit, &fields).expect(422).text);
        let said = "The value of “X-Key” is stored for another server.";
        assert_eq!(read.matches(said).count(), 2, "{read}");
    }
    assert_eq!(other.requests().len(), 0);
    let mut fields = to(&elsewhere);
    fields.extend([("headers", "X-Key: typed"), ("test", "1")]);
    browser.submit(&edit, &edit, &fields).expect(200);
    assert_eq!(other.requests()[0].header("x-key"), Some("typed"));
}

#[test]
fn a_test_before_saving_is_audited() {
    let (api, target) = (Api::start(), receiver());
    let path = api.webhook("https://shop.example/");
    let browser = Browser::of(&api, &["webhooks"]);
    let url = format!("http://user:pass@{}/", target.address());
    let mut fields = to(&url);
    fields.push(("test", "1"));
    browser
        .submit(NEW_WEBHOOK_PAGE, NEW_WEBHOOK_PAGE, &fields)
        .expect(200);
    let edit = format!("{PAGES}/{path}edit/");
    browser.submit(&edit, &edit, &fields).expect(200);
    let entries = api.get("audit/").expect(200).json()["results"].clone();
    let redacted = target.url();
    for (entry, data) in [
        (&entries[0], json!({"target_url": redacted, "id": 1})),
        (&entries[1], json!({"target_url": redacted})),
    ] {
        assert_eq!(entry["action"], "sonnette.webhook.tried");
        assert_eq!(entry["data"], data);
    }
    let read = browser.read(&format!("{PAGES}/audit/"));
    assert!(read.contains("tested a webhook before saving it"), "{read}");
}

#[test]
fn the_page_says_what_the_previous_secret_does_not_sign() {
    let api = Api::start();
    let path = api.webhook("http://127.0.0.1:1/");
    let browser = Browser::of(&api, &["webhooks"]);
    let pages = ["secret/", "secret/rotate/"].map(|page| format!("{PAGES}/{path}{page}"));
    let exception = "The header X-Partners-Signature has one signature only: after a change it is made with the new secret at once.";
    let is_shown = || {
        pages
            .each_ref()
            .map(|page| browser.read(page).contains(exception))
    };
    assert_eq!(is_shown(), [false, false]);
    let schemes = json!({"signature_scheme": ["standard", "creads"]});
    api.call("PATCH", &format!("{path}settings/"), Some(schemes))
        .expect(200);
    assert_eq!(is_shown(), [true, true]);
}
