//! The list of webhooks, and the page of one.

use std::net::TcpListener;

use serde_json::json;
use sonnette::clock::{Clock as _, SystemClock};
use sonnette::store::sqlite::SqliteStore;
use sonnette::store::{Actor, HoldStore as _, NewAuditEntry};
use sonnette::testing::ScriptedResponse;

use super::browser::{Browser, PAGES, words};
use crate::api::client::{Api, receiver};

/// A port where nothing listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

#[test]
fn an_empty_list_offers_to_create_a_webhook() {
    let api = Api::start();
    let browser = Browser::of(&api, &["webhooks"]);
    let page = browser.get(&format!("{PAGES}/webhooks/")).expect(200).text;
    assert!(page.contains("No webhooks yet") && page.contains("A webhook tells another system"));
    assert!(page.contains("href=\"/organizers/bigevents/webhooks/new/\""));
    let french = browser.in_french().read(&format!("{PAGES}/webhooks/"));
    assert!(french.contains("Pas encore de webhook"), "{french}");
}

#[test]
fn the_list_shows_the_status_of_each_webhook() {
    let (api, target) = (Api::start(), receiver());
    let secret = target.url().replace("http://", "http://ada:geheim@");
    let well = api.webhook(&secret);
    let off = api.webhook("https://off.example/");
    let comment = json!({"comment": "<script>alert(1)</script>"});
    api.call("PATCH", &well, Some(comment)).expect(200);
    api.call("DELETE", &off, None).expect(204);
    api.place_order("A1");
    api.wait(&format!("{well}attempts/"), |log| {
        log["results"][0]["success"] == true
    });
    let browser = Browser::of(&api, &["webhooks"]);
    let path = format!("{PAGES}/webhooks/");
    let html = browser.get(&path).expect(200).text;
    assert!(
        !html.contains("geheim") && !html.contains("<script>alert"),
        "{html}"
    );
    assert!(
        html.contains("class=\"target off-target\">https://<wbr>off.<wbr>example/</a>"),
        "{html}"
    );
    assert!(
        html.contains("class=\"comment\">&#60;script&#62;alert"),
        "{html}"
    );
    assert!(html.contains("aria-label=\"1 of 1 attempt succeeded in the last 24 hours.\""));
    let words = browser.read(&path);
    for said in [
        "Working",
        "Last response",
        "200 OK",
        "100%",
        "Events: All",
        "Disabled",
    ] {
        assert!(words.contains(said), "{said}: {words}");
    }
    let french = browser.in_french().read(&path);
    assert!(
        french.contains("Dernière réponse") && french.contains("Désactivé"),
        "{french}"
    );
}

#[test]
fn an_unused_webhook_is_not_shown_as_working() {
    let api = Api::start();
    let webhook = api.webhook("https://erp.example/hook");
    let comment = json!({"comment": "Our <i>shop"});
    api.call("PATCH", &webhook, Some(comment)).expect(200);
    let browser = Browser::of(&api, &["webhooks"]);
    let words = browser.read(&format!("{PAGES}/webhooks/"));
    assert!(
        words.contains("Not used yet") && !words.contains("Working"),
        "{words}"
    );
    let path = format!("{PAGES}/{webhook}");
    let html = browser.get(&path).expect(200).text;
    assert!(html.contains("<h1>Our &#60;i&#62;shop</h1>"), "{html}");
    assert!(!html.contains("<svg"), "{html}");
    let words = browser.read(&path);
    for said in [
        "https://erp.example/hook Not used yet Nothing has been sent to erp.example yet.",
        "Nothing was sent in the last 24 hours.",
    ] {
        assert!(words.contains(said), "{said}: {words}");
    }
    let french = browser.in_french().read(&path);
    assert!(french.contains("Pas encore utilisé"), "{french}");
}

#[test]
fn every_page_says_that_deliveries_are_held() {
    let api = Api::start();
    let browser = Browser::of(&api, &["webhooks"]);
    let path = format!("{PAGES}/webhooks/");
    assert!(!browser.read(&path).contains("restored"));
    let store = SqliteStore::open(&api.place().data()).unwrap();
    let entry = NewAuditEntry {
        actor: Actor::CommandLine,
        action: "sonnette.deliveries.held",
        data: json!({}),
        at: SystemClock.now(),
    };
    store.hold_deliveries(&entry).unwrap();
    assert!(
        browser
            .read(&path)
            .contains("Deliveries are held: this server was restored")
    );
    let browser = browser.in_french();
    let french = browser.read(&path);
    assert!(
        french.contains("Les livraisons sont suspendues"),
        "{french}"
    );
    api.place().run(&["resume"]).done();
    assert!(!browser.read(&path).contains("suspendues"));
}

#[test]
fn a_failing_webhook_is_diagnosed() {
    let api = Api::start();
    let host = nobody();
    let webhook = api.webhook(&format!("http://{host}/hook"));
    for code in ["A1", "A2", "A3", "A4", "A5", "A6", "A7"] {
        api.place_order(code);
    }
    api.wait(&format!("{webhook}health/"), |health| {
        health["state"] == "failing"
    });
    let browser = Browser::of(&api, &["webhooks"]);
    let path = format!("{PAGES}/{webhook}");
    let words = browser.read(&path);
    let told = format!("The server at {host} refuses connections since ");
    assert!(words.contains(&told), "{words}");
    assert!(
        words.contains("7 notifications wait.") && words.contains("Next try in"),
        "{words}"
    );
    assert!(
        words.contains("Retry now") && words.contains("Stop retrying"),
        "{words}"
    );
    assert!(words.contains("nothing listens on this port"), "{words}");
    let html = browser.get(&path).expect(200).text;
    for action in [
        "edit/",
        "test/",
        "resend/",
        "secret/",
        "disable/",
        "delete/",
        "drop/",
        "expedite/",
    ] {
        assert!(html.contains(&format!("{path}{action}\"")), "{action}");
    }
    let waiting = browser.read(&format!("{path}deliveries/?state=waiting"));
    assert!(
        waiting.contains("Held") && waiting.contains("Send again now"),
        "{waiting}"
    );
    let log = api.get(&format!("{webhook}attempts/")).json();
    let attempt = &log["results"][0]["id"];
    let attempt = browser.read(&format!("{path}attempts/{attempt}/"));
    let held = "Held · The receiver keeps failing. The delivery is sent once the receiver succeeds";
    assert!(attempt.contains(held), "{attempt}");
    let expedite = format!("{path}expedite/");
    let answer = browser.submit(&path, &expedite, &[]);
    let html = browser.follow(&answer).expect(200).text;
    let told = "class=\"notice warn\" role=\"status\">7 deliveries are due now, but";
    assert!(html.contains(told), "{html}");
    let delivered = browser.read(&format!("{path}deliveries/?state=delivered"));
    assert!(delivered.contains("There are none."), "{delivered}");
    let french = browser.in_french().read(&path);
    let told = format!("Le serveur {host} refuse les connexions depuis le ");
    assert!(
        french.contains(&told) && french.contains("7 notifications attendent."),
        "{french}"
    );
}

#[test]
fn a_webhook_disabled_by_410_can_be_enabled() {
    let (api, target) = (Api::start(), receiver());
    target.respond_with(ScriptedResponse::status(410));
    let webhook = api.webhook(&target.url());
    api.place_order("A1");
    api.wait(&webhook, |webhook| webhook["enabled"] == false);
    let browser = Browser::of(&api, &["webhooks"]);
    let path = format!("{PAGES}/{webhook}");
    let html = browser.get(&path).expect(200).text;
    assert!(
        html.contains(&format!("{path}enable/\"")) && !html.contains("expedite"),
        "{html}"
    );
    let words = browser.read(&path);
    assert!(
        words.contains("answered 410, which means that it wants no more"),
        "{words}"
    );
    let overview = Browser::of_operator(&api).read("/");
    let row = format!("Disabled: answered 410 {}", target.url());
    assert!(overview.contains(&row), "{overview}");
    let changes = browser.read(&format!("{PAGES}/audit/"));
    let line = format!("the server disabled a webhook {}", target.url());
    assert!(changes.contains(&line), "{changes}");
}

#[test]
fn pages_require_the_permission_webhooks() {
    let api = Api::start();
    let webhook = api.webhook("https://a.example/");
    let browser = Browser::of(&api, &["publish"]);
    for path in [
        "webhooks/",
        &webhook,
        "attempts/",
        &format!("{webhook}deliveries/"),
    ] {
        browser.get(&format!("{PAGES}/{path}")).expect(403);
    }
    // They find the tab all the same, and are led to a page that they may open.
    let html = browser.get(&format!("{PAGES}/action-types/")).expect(200);
    assert!(
        html.text
            .contains("href=\"/organizers/bigevents/webhooks/\"")
    );
    let first = browser.get(&format!("{PAGES}/")).expect(303);
    let notifications = format!("{PAGES}/notifications/");
    assert_eq!(first.header("location"), Some(&*notifications));
    let browser = Browser::of(&api, &["webhooks"]);
    for path in [
        "webhooks/999/",
        "webhooks/x/",
        "webhooks/999/deliveries/",
        "webhooks/999/attempts/1/",
    ] {
        browser.get(&format!("{PAGES}/{path}")).expect(404);
    }
}

#[test]
fn organizers_are_found_on_the_server() {
    let api = Api::start();
    for (slug, name) in [("hangar", "Le Hangar Bleu"), ("box", "Black Box")] {
        let args = ["organizer", "create", slug, "--name", name];
        api.place().run(&args).done();
    }
    let browser = Browser::of_operator(&api);
    for (search, found) in [
        ("bleu", "Le Hangar Bleu"),
        ("BOX", "Black Box"),
        ("hang", "hangar"),
    ] {
        let page = browser.read(&format!("/?q={search}"));
        assert!(
            page.contains(found) && !page.contains("bigevents"),
            "{page}"
        );
    }
    let page = browser.read("/?q=nobody");
    assert!(
        page.contains("No organizer has “nobody” in its name."),
        "{page}"
    );
}

#[test]
fn an_unknown_organizer_is_named() {
    let api = Api::start();
    let operator = Browser::of_operator(&api);
    let other = json!({"slug": "other"});
    api.call_as(&api.operator, "POST", "/api/v1/organizers/", Some(other))
        .expect(201);
    let user = Browser::of(&api, &["webhooks"]);
    for (browser, path) in [
        (&operator, "/organizers/nobody/webhooks/"),
        (&operator, "/organizers/nobody/settings/"),
        (&user, "/organizers/nobody/webhooks/"),
        (&user, "/organizers/other/webhooks/"),
    ] {
        let slug = path.split('/').nth(2).unwrap();
        let text = words(&browser.get(path).expect(404).text);
        let expected = format!("There is no organizer “{slug}”, or you have no access to it.");
        assert!(text.contains(&expected), "{path}: {text}");
    }
}
