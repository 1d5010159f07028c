//! The front page: sums over what the user may see.

use std::time::Duration;

use serde_json::json;

use super::browser::{Browser, user, words};
use crate::api::client::{Api, order};

const HEALTHY: &str = "Every webhook is working, and nothing is waiting.";

/// An organizer with so many failing webhooks, and three users' worth of nothing else.
fn add_failing(api: &Api, slug: &str, webhooks: usize) {
    let post = |path: String, body| {
        api.call_as(&api.operator, "POST", &path, Some(body))
            .expect(201);
    };
    if slug != "bigevents" {
        post("/api/v1/organizers/".to_owned(), json!({ "slug": slug }));
    }
    let base = format!("/api/v1/organizers/{slug}/");
    let webhook = json!({
        "target_url": "http://127.0.0.1:1/",
        "limit_events": [],
        "action_types": ["pretix.event.order.placed"],
    });
    for _ in 0..webhooks {
        post(format!("{base}webhooks/"), webhook.clone());
    }
    let orders = ["A", "B", "C", "D", "E", "F"].map(order);
    post(format!("{base}notifications/"), json!(orders));
}

/// Reads the front page until a row of the organizer has so many webhooks and failing ones.
#[track_caller]
fn wait_for_row(browser: &Browser<'_>, slug: &str, webhooks: usize) -> String {
    let row = format!("{slug} {slug} {webhooks} 0 {webhooks} {}", webhooks * 6);
    let mut text = String::new();
    for _ in 0..150 {
        text = words(&browser.read("/"));
        if text.contains(&row) {
            return text;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    panic!("no row {row:?}: {text}");
}

/// The many failing webhooks of one organizer, more than the page lists, change nothing for others.
#[test]
fn sums_are_over_what_the_user_may_see() {
    let api = Api::start();
    for (slug, webhooks) in [("bigevents", 230), ("small", 20), ("tiny", 15)] {
        add_failing(&api, slug, webhooks);
    }
    let operator = Browser::of_operator(&api);
    for (slug, webhooks) in [("bigevents", 230), ("small", 20), ("tiny", 15)] {
        wait_for_row(&operator, slug, webhooks);
    }
    for (email, organizers) in [
        ("a@example.org", ["small", "tiny"]),
        ("b@example.org", ["tiny", "quiet"]),
    ] {
        if organizers.contains(&"quiet") {
            api.place().run(&["organizer", "create", "quiet"]).done();
        }
        let [first, second] = organizers;
        let create = [
            "user",
            "create",
            email,
            "--organizer",
            first,
            "--password-stdin",
        ];
        api.place()
            .run_fed(&create, &format!("{}\n", super::browser::PASSWORD))
            .done();
        api.place()
            .run(&["user", "invite", email, "--organizer", second])
            .done();
        let browser = Browser::new(&api);
        browser.log_in(email);
        let text = wait_for_row(&browser, "tiny", 15);
        assert!(
            !text.contains(HEALTHY) && !text.contains("bigevents"),
            "{text}"
        );
    }
    // Whoever may not see webhooks gets no sums.
    user(&api, "c@example.org", &["publish"]);
    api.place()
        .run(&[
            "user",
            "invite",
            "c@example.org",
            "--organizer",
            "tiny",
            "--permission",
            "publish",
        ])
        .done();
    let browser = Browser::new(&api);
    browser.log_in("c@example.org");
    let text = words(&browser.read("/"));
    assert!(text.contains("tiny tiny 15 0 0 0"), "{text}");
}
