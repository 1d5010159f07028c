//! Pages of tokens.

use super::browser::{Browser, user, words};
use crate::api::client::{Api, order};

const TOKENS_PAGE: &str = "/organizers/bigevents/tokens/";

/// The text of a token that has just been made.
fn text_of(html: &str) -> String {
    let after = html.split("<code id=\"token\">").nth(1).unwrap();
    after.split('<').next().unwrap().to_owned()
}

#[test]
fn creates_a_token_and_shows_its_text_once() {
    let api = Api::start();
    let browser = Browser::of(&api, &["organizer", "publish"]);
    let fields = [("name", "shop <b>"), ("permission", "publish")];
    let made = browser
        .submit(TOKENS_PAGE, TOKENS_PAGE, &fields)
        .expect(201);
    assert_eq!(made.header("cache-control"), Some("no-store"));
    assert!(words(&made.text).contains("The token “shop <b>” is created."));
    assert!(!made.text.contains("shop <b>"));
    let token = text_of(&made.text);
    assert!(
        made.headers("set-cookie")
            .all(|line| !line.contains(&token))
    );
    assert_eq!(made.header("location"), None);
    api.call_as(&token, "POST", "notifications/", Some(order("A1")))
        .expect(201);
    api.call_as(&token, "GET", "webhooks/", None).expect(403);
    let list = browser.get(TOKENS_PAGE).expect(200).text;
    assert!(!list.contains(&token));
    assert!(
        words(&list).contains("shop <b> publish Active"),
        "{}",
        words(&list)
    );
}

#[test]
fn a_token_gets_only_permissions_of_its_creator() {
    let api = Api::start();
    let browser = Browser::of(&api, &["organizer"]);
    let page = browser.get(TOKENS_PAGE).expect(200).text;
    assert!(page.contains("value=\"webhooks\" disabled"), "{page}");
    let forged = [("name", "more"), ("permission", "webhooks")];
    let answer = browser
        .submit(TOKENS_PAGE, TOKENS_PAGE, &forged)
        .expect(422);
    assert!(words(&answer.text).contains("that you do not have yourself"));
    let none = browser
        .submit(TOKENS_PAGE, TOKENS_PAGE, &[("name", "none")])
        .expect(422);
    assert!(words(&none.text).contains("Choose at least one permission."));
    let own = api.call_as(&api.operator, "GET", "tokens/", None).json();
    assert_eq!(own["count"], 1, "nothing was made");

    // The first token of the organizer has permissions that this user lacks.
    let first = format!("{TOKENS_PAGE}{}/", own["results"][0]["id"]);
    let more = [
        ("permission", "webhooks"),
        ("permission", "publish"),
        ("permission", "organizer"),
    ];
    browser.submit(&first, &first, &more).expect(422);
    let less = [("name", "old"), ("permission", "publish")];
    browser.submit(&first, &first, &less).expect(303);
    let own = api.call_as(&api.operator, "GET", "tokens/", None).json();
    assert_eq!(
        own["results"][0]["permissions"],
        serde_json::json!(["publish"])
    );
    assert_eq!(own["results"][0]["name"], "old");
    let off = format!("{first}deactivate/");
    browser.submit(&off, &off, &[]).expect(303);
    let on = format!("{first}activate/");
    let answer = browser.submit(&first, &on, &[]).expect(409);
    assert!(words(&answer.text).contains("that you do not have yourself"));
}

#[test]
fn deactivates_a_token_after_confirmation_and_activates_it() {
    let api = Api::start();
    let browser = Browser::of(&api, &["webhooks", "publish", "organizer"]);
    let own = api.call_as(&api.operator, "GET", "tokens/", None).json();
    let page = format!("{TOKENS_PAGE}{}/", own["results"][0]["id"]);
    api.get("webhooks/").expect(200);
    let off = format!("{page}deactivate/");
    assert!(browser.read(&off).contains("are refused from now on"));
    let answer = browser.submit(&off, &off, &[]).expect(303);
    assert!(words(&browser.follow(&answer).text).contains("The token is refused from now on."));
    api.get("webhooks/").expect(401);
    let on = format!("{page}activate/");
    browser.submit(TOKENS_PAGE, &on, &[]).expect(303);
    api.get("webhooks/").expect(200);
    browser.get(&on).expect(405);
}

#[test]
fn requires_the_permission_organizer() {
    let api = Api::start();
    let browser = Browser::of(&api, &["webhooks", "publish"]);
    for path in ["", "1/", "1/deactivate/"] {
        browser.get(&format!("{TOKENS_PAGE}{path}")).expect(403);
    }
    browser
        .post(TOKENS_PAGE, &[("permission", "publish")])
        .expect(403);
    user(&api, "boss@example.org", &["organizer"]);
    let boss = Browser::new(&api).in_french();
    boss.log_in("boss@example.org");
    boss.post(TOKENS_PAGE, &[("permission", "organizer")])
        .expect(403);
    boss.get(&format!("{TOKENS_PAGE}999/")).expect(404);
    // The operator's own token is none of the organizer's.
    let operators = boss.get(TOKENS_PAGE).expect(200).text;
    assert_eq!(operators.matches("deactivate/\"").count(), 1);
    assert!(words(&operators).contains("Nouveau jeton"));
}
