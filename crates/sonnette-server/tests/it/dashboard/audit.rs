//! The list of audit entries.

use serde_json::json;
use sonnette::store::{AccountStore as _, Actor, NewAuditEntry};

use super::browser::{Browser, user};
use crate::api::client::Api;

const AUDIT_PAGE: &str = "/organizers/bigevents/audit/";

#[test]
fn lists_who_changed_what() {
    let api = Api::start();
    let boss = Browser::of(&api, &["organizer"]);
    let events = "/organizers/bigevents/settings/events/";
    boss.submit(events, events, &[("slug", "gala"), ("name", "<b>Gala")])
        .expect(303);
    api.webhook("https://user:secret@a.example/");
    let reader = Browser::of(&api, &["webhooks"]);
    let answer = reader.get(AUDIT_PAGE).expect(200);
    let page = reader.read(AUDIT_PAGE);
    assert!(
        page.contains("organizer@example.org added an event gala Data"),
        "{page}"
    );
    assert!(
        page.contains("token 2 created a webhook https://a.example/"),
        "{page}"
    );
    assert!(
        page.contains("the command line created the organizer"),
        "{page}"
    );
    assert!(!page.contains("secret") && !answer.text.contains("<b>Gala"));
    let store = api.store();
    let users = store.users(None).unwrap();
    let gone = users
        .iter()
        .find(|user| user.email.as_str().starts_with("organizer@"));
    let note = NewAuditEntry {
        actor: Actor::CommandLine,
        action: "sonnette.user.removed",
        data: json!({}),
        at: users[0].created,
    };
    store.remove_user(gone.unwrap().id, note).unwrap();
    let page = reader.read(AUDIT_PAGE);
    assert!(
        page.contains("a removed user added an event gala"),
        "{page}"
    );
    let french = Browser::new(&api).in_french();
    french.log_in("webhooks@example.org");
    let page = french.read(AUDIT_PAGE);
    assert!(
        page.contains("un utilisateur supprimé a ajouté un événement"),
        "{page}"
    );
}

#[test]
fn has_several_pages() {
    let api = Api::start();
    let own = api.token_for("organizer");
    for number in 0..60 {
        let body = json!({"slug": format!("event-{number}")});
        api.call_as(&own, "POST", "events/", Some(body)).expect(201);
    }
    let browser = Browser::of(&api, &["webhooks"]);
    let first = browser.get(AUDIT_PAGE).expect(200).text;
    assert_eq!(first.matches("<time ").count(), 50);
    assert!(first.contains("/audit/?page=2\" rel=\"next\""));
    let second = browser
        .get(&format!("{AUDIT_PAGE}?page=2"))
        .expect(200)
        .text;
    assert!(second.contains("/audit/?page=1\" rel=\"prev\"") && !second.contains("rel=\"next\""));
    for odd in [
        "?page=0",
        "?page=x",
        "?page=99999999999999999999",
        "?page=60000",
    ] {
        browser.get(&format!("{AUDIT_PAGE}{odd}")).expect(200);
    }
}

#[test]
fn requires_a_permission() {
    let api = Api::start();
    user(&api, "publish@example.org", &["publish"]);
    let browser = Browser::new(&api);
    browser.log_in("publish@example.org");
    browser.get(AUDIT_PAGE).expect(403);
}
