//! The attempt log with its filters, and the page of one attempt.

use serde_json::json;
use sonnette::testing::ScriptedResponse;

use super::browser::{Browser, PAGES};
use crate::api::client::{Api, order, receiver};

const HOSTILE: &str = "<h1>Oops</h1><script>alert(1)</script>";

#[test]
fn an_attempt_has_a_page() {
    let (api, target) = (Api::start(), receiver());
    target.respond_with(
        ScriptedResponse::status(500)
            .header("content-type", "text/html")
            .body(HOSTILE),
    );
    let webhook = api.webhook(&target.url().replace("http://", "http://ada:geheim@"));
    let headers = json!({"headers": {"X-Key": "streng geheim"}});
    api.call("PATCH", &format!("{webhook}settings/"), Some(headers))
        .expect(200);
    let id = api.place_order("A1");
    let log = api.wait(&format!("{webhook}attempts/"), |log| {
        log["results"][0].is_object()
    });
    let path = format!("{PAGES}/{webhook}attempts/{}/", log["results"][0]["id"]);
    let browser = Browser::of(&api, &["webhooks"]);
    let html = browser.get(&path).expect(200).text;
    assert!(
        !html.contains("<script>alert") && !html.contains("<h1>Oops"),
        "{html}"
    );
    assert!(!html.contains("geheim"), "{html}");
    assert!(
        html.contains(&format!("{PAGES}/{webhook}deliveries/{id}/retry/")),
        "{html}"
    );
    let words = browser.read(&path);
    for said in [
        "has an error of its own and answers 500 Internal Server Error.",
        "The fault is inside the receiver",
        "<script>alert(1)</script>",
        "\"code\": \"A1\",",
        "curl --globoff --path-as-is --request POST --url 'http://127.0.0.1:",
        "--header 'webhook-signature: v1,",
        "--header 'x-key: ***'",
        "Waits for its next attempt",
    ] {
        assert!(words.contains(said), "{said}: {words}");
    }
    let french = browser.in_french().read(&path);
    assert!(
        french.contains("rencontre une erreur interne et répond"),
        "{french}"
    );
}

#[test]
fn the_log_is_filtered_by_its_url() {
    let (api, target) = (Api::start(), receiver());
    target.script([ScriptedResponse::ok(), ScriptedResponse::status(503)]);
    let webhook = api.webhook(&target.url());
    let first = api.place_order("A1");
    let log = format!("{webhook}attempts/");
    api.wait(&log, |log| log["results"][0].is_object());
    let mut other = order("A2");
    other["event"] = json!("fair");
    api.post("notifications/", other).expect(201);
    api.wait(&log, |log| log["results"][1].is_object());
    let browser = Browser::of(&api, &["webhooks"]);
    let lines = |query: &str| {
        ["attempts/", &webhook].map(|page| {
            let html = browser
                .get(&format!("{PAGES}/{page}{query}"))
                .expect(200)
                .text;
            html.matches("<tr id=\"attempt-").count()
        })
    };
    assert!(lines("")[0] >= 2);
    assert_eq!(lines("?success=true"), [1, 1]);
    assert_eq!(lines("?event=democon"), [1, 1]);
    assert_eq!(lines(&format!("?notification_id={first}")), [1, 1]);
    assert_eq!(lines("?action_type=pretix.event.order.paid"), [0, 0]);
    assert_eq!(lines("?until=2020-01-01T00:00"), [0, 0]);
    assert_eq!(lines("?webhook=999")[0], 0);
    let page = format!("{PAGES}/{webhook}?notification_id=%22%3E%3Cscript%3Ex&event=democon");
    let html = browser.get(&page).expect(200).text;
    assert!(
        !html.contains("<script>x") && html.contains("aria-invalid=\"true\""),
        "{html}"
    );
    assert!(browser.read(&page).contains("is not valid there"));
    let none = browser
        .in_french()
        .read(&format!("{PAGES}/attempts/?event=none"));
    assert!(none.contains("Rien ne correspond à ces filtres."), "{none}");
}

#[test]
fn the_log_has_pages() {
    let (api, target) = (Api::start(), receiver());
    let webhook = api.webhook(&target.url());
    let orders: Vec<_> = (0..120).map(|n| order(&format!("A{n}"))).collect();
    api.post("notifications/", json!(orders)).expect(201);
    api.wait(&format!("{webhook}attempts/?page_size=120"), |log| {
        log["results"].as_array().unwrap().len() == 120
    });
    let browser = Browser::of(&api, &["webhooks"]);
    let mut path = format!("{PAGES}/{webhook}?success=true");
    for expected in [50, 50, 20] {
        let html = browser.get(&path).expect(200).text;
        assert_eq!(html.matches("<tr id=\"attempt-").count(), expected);
        let (before, _) = html.split_once("\" rel=\"next\"").unwrap_or_default();
        if expected == 50 {
            path = before
                .rsplit("href=\"")
                .next()
                .unwrap()
                .replace("&#38;", "&");
            assert!(
                path.contains("success=true") && path.contains("after="),
                "{path}"
            );
        } else {
            assert!(before.is_empty() && html.contains(">Newest<"), "{html}");
        }
    }
}

#[test]
fn an_empty_log_says_so() {
    let api = Api::start();
    let webhook = api.webhook("https://a.example/");
    let browser = Browser::of(&api, &["webhooks"]);
    let words = browser.read(&format!("{PAGES}/{webhook}"));
    assert!(words.contains("Nothing has been sent yet."), "{words}");
    assert!(
        words.contains("Nothing has been sent to a.example yet."),
        "{words}"
    );
    browser
        .get(&format!("{PAGES}/{webhook}attempts/1/"))
        .expect(404);
}
