//! The front page: sums over what the user may see.

use serde_json::json;

use super::browser::{Browser, user, words};
use crate::api::client::{Api, order, pause};

const HEALTHY: &str = "Every webhook is working, and nothing is waiting.";

/// An organizer with so many failing webhooks, and six notifications that wait for each.
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
    for _ in 0..600 {
        text = words(&browser.read("/"));
        if text.contains(&row) {
            return text;
        }
        pause();
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

/// The search finds organizers on every page, by slug and by name in any case.
#[test]
fn an_organizer_on_the_second_page_is_found() {
    let api = Api::start();
    for number in 0..220 {
        let body =
            json!({"slug": format!("o{number:03}"), "name": format!("Organizer {number:03} Été")});
        api.call_as(&api.operator, "POST", "/api/v1/organizers/", Some(body))
            .expect(201);
    }
    let browser = Browser::of_operator(&api);
    let first = words(&browser.read("/"));
    assert!(first.contains("o000") && !first.contains("o219"), "{first}");
    assert!(words(&browser.read("/?page=2")).contains("o219"));
    for search in ["o219", "219", "219%20%C3%A9T%C3%89", "O219"] {
        let found = words(&browser.read(&format!("/?q={search}")));
        assert!(
            found.contains("o219") && !found.contains("o000"),
            "{search}: {found}"
        );
    }
    // A search has pages, too.
    let page = words(&browser.read("/?q=organizer&page=2"));
    assert!(page.contains("o219") && !page.contains("o000"), "{page}");
    let none = words(&browser.read("/?q=o220"));
    assert!(
        none.contains("No organizer has “o220” in its name."),
        "{none}"
    );
}
