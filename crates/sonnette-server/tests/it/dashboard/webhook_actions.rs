//! Actions on a webhook: test, send again, enable and disable, change the secret.

use serde_json::{Value, json};
use sonnette::testing;

use super::browser::{Browser, PAGES, hidden_fields, words};
use crate::api::client::{Api, ApiResponse, Target, order, receiver};

/// A webhook with a receiver, and somebody who may mend it.
struct WebhookPageTest {
    target: Target,
    /// Below the organizer in the API.
    path: String,
    /// Of the dashboard.
    page: String,
}

impl WebhookPageTest {
    fn of(api: &Api) -> Self {
        let target = receiver();
        let path = api.webhook(&target.url());
        let page = format!("{PAGES}/{path}");
        Self { target, path, page }
    }

    /// Sends the form that stands on one of the webhook's pages.
    #[track_caller]
    fn send_form(
        &self,
        browser: &Browser<'_>,
        below: &str,
        fields: &[(&str, &str)],
    ) -> ApiResponse {
        let page = format!("{}{below}", self.page);
        browser.submit(&page, &page, fields)
    }

    /// The same, answered by the way back to the webhook.
    #[track_caller]
    fn submit(&self, browser: &Browser<'_>, below: &str, fields: &[(&str, &str)]) {
        let answer = self.send_form(browser, below, fields).expect(303);
        assert_eq!(answer.header("location"), Some(self.page.as_str()));
    }

    /// Posts to a page without a form of its own, with the token of another.
    #[track_caller]
    fn post(&self, browser: &Browser<'_>, below: &str, fields: &[(&str, &str)]) -> ApiResponse {
        let drop = format!("{}drop/", self.page);
        let html = browser.get(&drop).expect(200).text;
        let csrf = hidden_fields(&html, &drop).remove(0).1;
        let mut all = vec![("csrf", csrf.as_str())];
        all.extend(fields);
        browser.post(&format!("{}{below}", self.page), &all)
    }

    /// How many deliveries are in this state.
    #[track_caller]
    fn wait(&self, api: &Api, state: &str, count: usize) {
        let path = format!("{}deliveries/?state={state}", self.path);
        api.wait(&path, |list| {
            list["results"].as_array().unwrap().len() == count
        });
    }
}

/// The newest entry of the audit log.
fn latest_audit_entry(api: &Api) -> (String, Value) {
    let entry = api.get("audit/").expect(200).json()["results"][0].clone();
    (
        entry["action"].as_str().unwrap().to_owned(),
        entry["data"].clone(),
    )
}

#[test]
fn tests_with_the_example_of_an_action_type() {
    let api = Api::start();
    let browser = Browser::of(&api, &["webhooks"]);
    let bench = WebhookPageTest::of(&api);
    let read = browser.read(&format!("{}test/", bench.page));
    assert!(
        read.contains("\"action\": \"pretix.event.order.placed\""),
        "{read}"
    );
    let chosen = [("action_type", "pretix.voucher.added")];
    let read = words(&bench.send_form(&browser, "test/", &chosen).expect(200).text);
    assert!(
        read.contains("\"action\": \"pretix.voucher.added\""),
        "{read}"
    );
    assert_eq!(bench.target.requests().len(), 0);
    bench
        .target
        .respond_with(testing::ScriptedResponse::status(500).body("<i>oh</i>"));
    let fields = [("action_type", "pretix.voucher.added"), ("send", "")];
    let page = bench.send_form(&browser, "test/", &fields).expect(200).text;
    assert!(page.contains("&#60;i&#62;oh"), "{page}");
    let read = words(&page);
    assert!(
        read.contains("has an error of its own and answers 500 Internal Server Error."),
        "{read}"
    );
    let log = api.wait(&format!("{}attempts/", bench.path), |list| {
        list["results"][0].is_object()
    });
    let attempt = &log["results"][0]["id"];
    assert!(
        page.contains(&format!("href=\"{}attempts/{attempt}/\"", bench.page)),
        "{page}"
    );
    let request = bench.target.requests().remove(0);
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(body["action"], "pretix.voucher.added");
}

/// Publishes two orders, which fail, and drops them on the page. Returns the first one's notification.
fn drop_two_deliveries(api: &Api, browser: &Browser<'_>, bench: &WebhookPageTest) -> i64 {
    bench
        .target
        .respond_with(testing::ScriptedResponse::status(500));
    let first = api.place_order("A1");
    api.place_order("A2");
    bench.wait(api, "scheduled", 2);
    let read = browser.read(&format!("{}drop/", bench.page));
    assert!(read.contains("2 deliveries are waiting."), "{read}");
    bench.submit(browser, "drop/", &[]);
    bench.wait(api, "dropped", 2);
    bench.target.respond_with(testing::ScriptedResponse::ok());
    first
}

#[test]
fn drops_and_expedites_waiting_deliveries() {
    let api = Api::start();
    let browser = Browser::of(&api, &["webhooks"]);
    let bench = WebhookPageTest::of(&api);
    drop_two_deliveries(&api, &browser, &bench);
    let id = json!({"webhook": 1});
    assert_eq!(
        latest_audit_entry(&api),
        ("pretix.webhook.retries.dropped".to_owned(), id.clone())
    );
    bench.post(&browser, "expedite/", &[]).expect(303);
    assert_eq!(
        latest_audit_entry(&api),
        ("pretix.webhook.retries.expedited".to_owned(), id)
    );
}

#[test]
fn sends_dropped_deliveries_again() {
    let api = Api::start();
    let browser = Browser::of(&api, &["webhooks"]);
    let bench = WebhookPageTest::of(&api);
    let first = drop_two_deliveries(&api, &browser, &bench);
    let to = format!("{PAGES}/attempts/?success=false");
    let next = [("next", to.as_str())];
    let retry = format!("deliveries/{first}/retry/");
    let answer = bench.post(&browser, &retry, &next).expect(303);
    assert_eq!(answer.header("location"), Some(to.as_str()));
    bench.wait(&api, "delivered", 1);
    let elsewhere = [("next", "//evil.example/")];
    let answer = bench.post(&browser, &retry, &elsewhere).expect(303);
    assert_eq!(answer.header("location"), Some("/"));
    bench.wait(&api, "delivered", 1);
    bench
        .post(&browser, "deliveries/999999/retry/", &[])
        .expect(404);

    let mut fields = vec![
        ("since", "2020-01-01T00:00"),
        ("undelivered", "on"),
        ("count", ""),
    ];
    let page = bench
        .send_form(&browser, "resend/", &fields)
        .expect(200)
        .text;
    assert!(
        words(&page).contains("One delivery would be sent again."),
        "{page}"
    );
    assert!(page.contains("name=\"send\""));
    bench.wait(&api, "dropped", 1);
    fields[2] = ("send", "");
    bench.submit(&browser, "resend/", &fields);
    bench.wait(&api, "delivered", 2);
    let (action, data) = latest_audit_entry(&api);
    assert_eq!(action, "sonnette.webhook.retried");
    assert_eq!(data, json!({"webhook": 1, "count": 1}));
    let wrong = [("since", "yesterday"), ("until", "x"), ("count", "")];
    let read = words(
        &bench
            .send_form(&browser, "resend/", &wrong)
            .expect(422)
            .text,
    );
    assert_eq!(read.matches("Enter a date and time.").count(), 2, "{read}");
    assert!(read.contains("Choose at least one."), "{read}");
}

#[test]
fn disables_and_enables_with_a_choice_for_waiting_deliveries() {
    let api = Api::start();
    let browser = Browser::of(&api, &["webhooks"]);
    let bench = WebhookPageTest::of(&api);
    bench
        .target
        .respond_with(testing::ScriptedResponse::status(500));
    api.place_order("A1");
    bench.wait(&api, "scheduled", 1);
    bench.submit(&browser, "disable/", &[]);
    assert_eq!(api.get(&bench.path).json()["enabled"], false);
    api.post("notifications/", order("A2")).expect(201);
    bench.post(&browser, "expedite/", &[]).expect(409);
    let read = browser.read(&format!("{}resend/", bench.page));
    assert!(read.contains("The webhook is disabled"), "{read}");
    let read = browser.read(&format!("{}enable/", bench.page));
    assert!(read.contains("One delivery is waiting"), "{read}");
    bench.target.respond_with(testing::ScriptedResponse::ok());
    bench.submit(
        &browser,
        "enable/",
        &[("waiting", "send"), ("missed", "on")],
    );
    let read = browser.read(&format!("{}test/", bench.page));
    assert!(
        read.contains("One delivery that it missed is being sent."),
        "{read}"
    );
    bench.wait(&api, "delivered", 2);

    bench
        .target
        .respond_with(testing::ScriptedResponse::status(500));
    api.place_order("A3");
    bench.wait(&api, "scheduled", 1);
    bench.submit(&browser, "disable/", &[]);
    bench.submit(&browser, "enable/", &[("waiting", "drop")]);
    bench.wait(&api, "dropped", 1);
    assert_eq!(api.get(&bench.path).json()["enabled"], true);
    assert_eq!(
        latest_audit_entry(&api).1,
        json!({"enabled": true, "id": 1})
    );
    let read = browser.read(&bench.page);
    assert!(
        read.contains("since the webhook was enabled or its address was changed."),
        "{read}"
    );
    browser.get(&format!("{}enable/", bench.page)).expect(303);
}

#[test]
fn deletes_as_the_api_does() {
    let api = Api::start();
    let browser = Browser::of(&api, &["webhooks"]).in_french();
    let bench = WebhookPageTest::of(&api);
    bench
        .target
        .respond_with(testing::ScriptedResponse::status(500));
    api.place_order("A1");
    bench.wait(&api, "scheduled", 1);
    let read = browser.read(&format!("{}delete/", bench.page));
    assert!(read.contains("Un envoi attend. Il sera annulé."), "{read}");
    bench.submit(&browser, "delete/", &[]);
    assert_eq!(api.get(&bench.path).expect(200).json()["enabled"], false);
    bench.wait(&api, "dropped", 1);
    let data = json!({"enabled": false, "id": 1});
    assert_eq!(
        latest_audit_entry(&api),
        ("pretix.webhook.changed".to_owned(), data)
    );
    let page = browser.get(&bench.page).expect(200).text;
    assert!(!page.contains("/delete/\""), "{page}");
}

#[test]
fn shows_and_changes_the_secret() {
    let api = Api::start();
    let browser = Browser::of(&api, &["webhooks"]);
    let bench = WebhookPageTest::of(&api);
    let secret = || api.get(&format!("{}secret/", bench.path)).json()["secret"].clone();
    let first = secret();
    let page = format!("{}secret/", bench.page);
    let html = browser.get(&page).expect(200).text;
    assert!(html.contains(first.as_str().unwrap()) && !html.contains("previous-text"));
    let rotate = format!("{page}rotate/");
    let answer = browser.submit(&rotate, &rotate, &[]).expect(303);
    assert_eq!(answer.header("location"), Some(page.as_str()));
    let second = secret();
    assert_ne!(first, second);
    let html = browser.get(&page).expect(200).text;
    assert!(html.contains(first.as_str().unwrap()) && html.contains(second.as_str().unwrap()));
    assert_eq!(
        latest_audit_entry(&api).0,
        "sonnette.webhook.secret.rotated"
    );
    let read = words(
        &browser
            .submit(&page, &page, &[("secret", "whsec_x")])
            .expect(422)
            .text,
    );
    assert!(read.contains("Enter whsec_ followed by"), "{read}");
    let own = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=";
    let read = words(
        &browser
            .submit(&page, &page, &[("secret", own)])
            .expect(409)
            .text,
    );
    assert!(read.contains("The previous secret still signs"), "{read}");
    assert_eq!(secret(), second);
    api.webhook("http://127.0.0.1:1/");
    let (other, path) = (page.replace("/1/", "/2/"), bench.path.replace("/1/", "/2/"));
    browser
        .submit(&other, &other, &[("secret", own)])
        .expect(303);
    assert_eq!(api.get(&format!("{path}secret/")).json()["secret"], own);
    for (language, part) in [
        ("python", "csrf_exempt"),
        ("php", "<?php"),
        ("nothing", "django"),
    ] {
        let read = browser
            .get(&format!("{page}?language={language}"))
            .expect(200)
            .text;
        assert!(read.contains(&part.replace('<', "&#60;")), "{language}");
    }
}

#[test]
fn actions_require_a_permission() {
    let api = Api::start();
    let bench = WebhookPageTest::of(&api);
    let others = Browser::of(&api, &["publish"]);
    let pages = [
        "test/",
        "resend/",
        "drop/",
        "enable/",
        "disable/",
        "delete/",
        "secret/",
        "secret/rotate/",
    ];
    for below in pages {
        let page = format!("{}{below}", bench.page);
        others.get(&page).expect(403);
        others.post(&page, &[]).expect(403);
    }
    let browser = Browser::of(&api, &["webhooks"]);
    for below in pages {
        let page = format!("{}{below}", bench.page);
        // A form that does not come from the page.
        browser.post(&page, &[]).expect(403);
        browser
            .get(&page.replace("/webhooks/1/", "/webhooks/2/"))
            .expect(404);
    }
    browser
        .post(&format!("{}expedite/", bench.page), &[])
        .expect(403);
    assert_eq!(api.get(&bench.path).json()["enabled"], true);
    assert_eq!(bench.target.requests().len(), 0);
}
