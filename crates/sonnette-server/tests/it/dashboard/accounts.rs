//! Invitations, passwords, permissions, and the portal.

use serde_json::json;

use super::browser::{Browser, PAGES, PASSWORD, user, words};
use crate::api::client::{Api, ApiResponse, ORGANIZER};

/// The one link for a password on a page, as a path.
#[track_caller]
fn link_on(answer: &ApiResponse) -> String {
    let mut parts = answer.text.split("/password/");
    let text = parts.nth(1).unwrap_or_else(|| panic!("{}", answer.text));
    format!("/password/{}/", text.split('/').next().unwrap())
}

/// Sends the form for a password behind a link.
#[track_caller]
fn choose(browser: &Browser<'_>, link: &str, password: &str, again: &str) -> ApiResponse {
    let page = browser.get(link).expect(200);
    let csrf = csrf_of(&page);
    let fields = [("csrf", &*csrf), ("password", password), ("again", again)];
    browser.post(link, &fields)
}

#[track_caller]
fn csrf_of(page: &ApiResponse) -> String {
    let after = page.text.split("name=\"csrf\" value=\"").nth(1).unwrap();
    after.split('"').next().unwrap().to_owned()
}

#[test]
fn an_invited_user_chooses_a_password_and_is_logged_in() {
    let api = Api::start();
    let owner = Browser::of_operator(&api);
    let users = format!("{PAGES}/users/");
    let fields = [("email", "Ada@Example.org"), ("permission", "webhooks")];
    let shown = owner.submit(&users, &users, &fields).expect(200);
    assert!(words(&shown.text).contains("Please hand this link to ada@example.org"));
    let link = link_on(&shown);
    assert!(
        owner
            .read(&users)
            .contains("ada@example.org webhooks invited")
    );

    let ada = Browser::new(&api);
    let short = choose(&ada, &link, "short", "short").expect(422);
    assert!(words(&short.text).contains("A password must have 8 to 1,000 characters."));
    let typo = choose(&ada, &link, "long enough", "long enuogh").expect(422);
    assert!(words(&typo.text).contains("The two passwords are not the same."));
    let chosen = choose(&ada, &link, PASSWORD, PASSWORD).expect(303);
    assert_eq!(chosen.header("location"), Some("/"));
    let first = ada.get("/").expect(303);
    assert_eq!(first.header("location"), Some("/organizers/bigevents/"));

    let over = Browser::new(&api).get(&link).expect(410);
    assert!(words(&over.text).contains("This link no longer works"));
    Browser::new(&api).log_in("ada@example.org");
    assert!(
        owner
            .read(&users)
            .contains("ada@example.org webhooks active")
    );
    let wrong = owner
        .submit(&users, &users, &[("email", "ada")])
        .expect(422);
    assert!(words(&wrong.text).contains("Enter an e-mail address."));
}

#[test]
fn users_grant_only_permissions_that_they_hold() {
    let api = Api::start();
    let owner = Browser::of(&api, &["organizer"]);
    let users = format!("{PAGES}/users/");
    let fields = [
        ("email", "ada@example.org"),
        ("permission", "webhooks"),
        ("permission", "organizer"),
    ];
    let came = owner.submit(&users, &users, &fields).expect(303);
    let text = words(&owner.follow(&came).text);
    assert!(text.contains("an operator of the server has to hand over a link"));
    assert!(text.contains("ada@example.org organizer invited"), "{text}");

    user(&api, "bob@example.org", &["webhooks", "publish"]);
    let page = owner.get(&users).expect(200).text;
    let path = |email: &str| {
        let before = page.split(&format!("\">{email}</a>")).next().unwrap();
        before.rsplit("href=\"").next().unwrap().to_owned()
    };
    let bob = path("bob@example.org");
    for fields in [[("permission", "organizer")], [("remove", "1")]] {
        let kept = owner.submit(&bob, &bob, &fields).expect(409);
        let text = words(&kept.text);
        assert!(text.contains("They have permissions that you do not have yourself."));
    }
    // Inviting whoever is there already adds, and takes nothing away.
    let fields = [("email", "bob@example.org"), ("permission", "organizer")];
    owner.submit(&users, &users, &fields).expect(303);
    let all = owner.read(&users);
    assert!(
        all.contains("bob@example.org webhooks publish organizer active"),
        "{all}"
    );

    let own = path("organizer@example.org");
    assert!(owner.read(&own).contains("This is your own account."));
    let csrf = csrf_of(&owner.get(&users));
    owner
        .post(&own, &[("csrf", &csrf), ("remove", "1")])
        .expect(409);
}

#[test]
fn a_user_without_permission_is_told_whom_to_ask() {
    let api = Api::start();
    let owner = Browser::of(&api, &["organizer"]);
    let reader = Browser::of(&api, &["webhooks"]);
    let told = reader.get(&format!("{PAGES}/users/")).expect(403);
    let text = words(&told.text);
    assert!(
        text.contains("It needs the permission “organizer”"),
        "{text}"
    );
    assert!(text.contains("organizer@example.org"), "{text}");
    let told = reader.in_french().get("/users/").expect(403);
    assert!(words(&told.text).contains("Elle est réservée aux opérateurs de ce serveur."));

    let users = format!("{PAGES}/users/");
    let page = owner.get(&users).expect(200).text;
    let path = page.split("\">webhooks@example.org</a>").next().unwrap();
    let path = path.rsplit("href=\"").next().unwrap();
    let root = Browser::of_operator(&api);
    let all = root.read("/users/");
    assert!(all.contains("root@example.org operator"), "{all}");
    root.submit(path, path, &[("remove", "1")]).expect(303);
    assert!(!root.read(&users).contains("webhooks@example.org"));
}

#[test]
fn an_invitation_does_not_give_access_to_an_existing_account() {
    let api = Api::start();
    let root = Browser::of_operator(&api);
    let owner = Browser::of(&api, &["organizer"]);
    let fields = [("email", "boss@example.org"), ("organizer", "*")];
    root.submit("/users/", "/users/", &fields).expect(200);
    let users = format!("{PAGES}/users/");
    let came = owner.submit(&users, &users, &[("email", "boss@example.org")]);
    assert!(!came.expect(303).text.contains("/password/"));
    // And whoever was let in by others before does not become an operator by it.
    let fields = [("email", "ada@example.org")];
    owner.submit(&users, &users, &fields).expect(303);
    let fields = [("email", "ada@example.org"), ("organizer", "*")];
    let taken = root.submit("/users/", "/users/", &fields).expect(409);
    assert!(words(&taken.text).contains("This address has an account already."));
}

#[test]
fn a_password_link_works_once() {
    let api = Api::start();
    let root = Browser::of_operator(&api);
    let fields = [("email", "ada@example.org"), ("organizer", "bigevents")];
    let link = link_on(&root.submit("/users/", "/users/", &fields).expect(200));
    let (one, other) = (Browser::new(&api), Browser::new(&api));
    let csrf = csrf_of(&other.get(&link).expect(200));
    choose(&one, &link, PASSWORD, PASSWORD).expect(303);
    let late = [
        ("csrf", &*csrf),
        ("password", "another horse"),
        ("again", "another horse"),
    ];
    other.post(&link, &late).expect(410);
    other
        .try_log_in("ada@example.org", "another horse")
        .expect(422);
}

#[test]
fn a_portal_does_not_show_users() {
    let api = Api::start();
    user(&api, "boss@example.org", &["organizer"]);
    let visitor = Browser::new(&api);
    visitor.get(&portal(&api)).expect(303);
    let shut = visitor.get("/portal/bigevents/tokens/").expect(403);
    assert!(!shut.text.contains("boss@example.org"), "{}", shut.text);
    visitor.get("/portal/bigevents/audit/").expect(404);
    let list = visitor.get("/portal/bigevents/webhooks/").expect(200);
    assert!(!list.text.contains("/audit/"));
    // The cookie of one kind of session is not that of the other.
    let text = visitor.cookie("sonnette_portal").unwrap();
    let elsewhere = Browser::new(&api);
    elsewhere.keep("sonnette_session", &text);
    elsewhere.get("/organizers/bigevents/webhooks/").expect(303);
}

#[test]
fn permissions_that_a_user_does_not_hold_are_neither_offered_nor_promised() {
    let api = Api::start();
    let bob = Browser::of(&api, &["organizer"]);
    let users = bob.get(&format!("{PAGES}/users/")).expect(200).text;
    assert!(!users.contains("checked disabled"), "{users}");
    user(&api, "ada@example.org", &["webhooks", "organizer"]);
    user(&api, "eve@example.org", &["webhooks"]);
    let refused = words(&bob.get(&format!("{PAGES}/webhooks/")).expect(403).text);
    let (_, people) = refused
        .split_once("These people can give it to you:")
        .unwrap();
    assert!(people.contains("ada@example.org"), "{people}");
    assert!(!people.contains("organizer@example.org"), "{people}");
    assert!(!people.contains("eve@example.org"), "{people}");
}

#[test]
fn an_operator_invites_and_removes_users() {
    let api = Api::start();
    let root = Browser::of_operator(&api);
    let fields = [("email", "ada@example.org"), ("organizer", "bigevents")];
    let shown = root.submit("/users/", "/users/", &fields).expect(200);
    let ada = Browser::new(&api);
    choose(&ada, &link_on(&shown), PASSWORD, PASSWORD).expect(303);
    ada.get(&format!("{PAGES}/")).expect(303);
    let fields = [("email", "eve@example.org"), ("organizer", "*")];
    let shown = root.submit("/users/", "/users/", &fields).expect(200);
    let eve = Browser::new(&api);
    choose(&eve, &link_on(&shown), PASSWORD, PASSWORD).expect(303);
    assert!(eve.read("/users/").contains("eve@example.org operator"));

    let page = eve.get("/users/").expect(200).text;
    let path = page.split("\">ada@example.org</a>").next().unwrap();
    let path = path.rsplit("href=\"").next().unwrap();
    eve.submit(path, path, &[("remove", "1")]).expect(303);
    let gone = ada.get(&format!("{PAGES}/")).expect(303);
    assert!(gone.header("location").unwrap().starts_with("/login/"));
}

#[test]
fn a_new_password_ends_all_other_sessions() {
    let api = Api::start();
    let (here, there) = (Browser::of(&api, &[]), Browser::new(&api));
    there.log_in("anybody@example.org");
    let page = here.get("/account/").expect(200);
    let csrf = csrf_of(&page);
    let fields = |current| {
        [
            ("csrf", &*csrf),
            ("current", current),
            ("password", "another horse"),
            ("again", "another horse"),
        ]
    };
    let wrong = here.post("/account/", &fields("wrong horse")).expect(422);
    assert!(words(&wrong.text).contains("The current password is wrong."));
    here.post("/account/", &fields(PASSWORD)).expect(303);
    assert!(here.read("/account/").contains("Your password is set."));
    there.get("/account/").expect(303);
    there
        .try_log_in("anybody@example.org", PASSWORD)
        .expect(422);
    there
        .try_log_in("anybody@example.org", "another horse")
        .expect(303);
    there.get("/account/").expect(200);

    let end = "/account/sessions/end/";
    here.submit("/account/", end, &[]).expect(303);
    here.get("/account/").expect(303);
    there.get("/account/").expect(303);
}

#[test]
fn a_reset_does_not_tell_whether_an_account_exists() {
    let api = Api::start_with(&["--mail-host", "127.0.0.1", "--mail-port", "1"]);
    user(&api, "ada@example.org", &[]);
    let browser = Browser::new(&api);
    let ask = |email: &str| {
        let answer = browser.submit("/forgot/", "/forgot/", &[("email", email)]);
        words(&answer.expect(200).text).replace(email, "…")
    };
    assert_eq!(ask("ada@example.org"), ask("nobody@example.org"));
    let without = Api::start();
    let text = Browser::new(&without).in_french().read("/forgot/");
    assert!(
        text.contains("Ce serveur ne peut pas envoyer d’e-mails."),
        "{text}"
    );
}

/// Asks for a link to the portal, as a platform does.
#[track_caller]
fn portal(api: &Api) -> String {
    let path = format!("{ORGANIZER}portal/");
    let answer = api.post(&path, json!({})).expect(201).json();
    assert!(
        answer["expires"].as_str().unwrap().ends_with('Z'),
        "{answer}"
    );
    let url = answer["url"].as_str().unwrap();
    url[url.find("/portal/").unwrap()..].to_owned()
}

#[test]
fn a_portal_link_opens_the_pages_of_one_organizer() {
    let api = Api::start_with(&["--embed-origins", "https://platform.example"]);
    let visitor = Browser::new(&api);
    let link = portal(&api);
    let entered = visitor.get(&link).expect(303);
    let pages = entered.header("location").unwrap().to_owned();
    assert_eq!(pages, "/portal/bigevents/webhooks/");
    let cookie = entered.header("set-cookie").unwrap();
    assert!(
        cookie.ends_with("HttpOnly; SameSite=Lax; Path=/portal/"),
        "{cookie}"
    );
    visitor.get("/portal/bigevents/").expect(303);
    let shut = visitor.get("/portal/bigevents/users/").expect(403);
    let policy = shut.header("content-security-policy").unwrap();
    assert!(
        policy.ends_with("frame-ancestors https://platform.example"),
        "{policy}"
    );
    assert_eq!(shut.header("x-frame-options"), None);
    visitor.get("/portal/other/").expect(404);
    let apart = visitor.get("/organizers/bigevents/").expect(303);
    assert!(apart.header("location").unwrap().starts_with("/login/"));
    // Frames are loaded anew.
    Browser::new(&api).get(&link).expect(303);
    Browser::new(&api).get("/portal/?key=guess").expect(401);
    Browser::new(&api)
        .get("/portal/bigevents/webhooks/")
        .expect(401);
}

#[test]
fn a_portal_link_sets_the_language() {
    let api = Api::start();
    let path = format!("{ORGANIZER}portal/");
    let answer = api.post(&path, json!({"language": "fr"})).expect(201);
    let url = answer.json()["url"].as_str().unwrap().to_owned();
    assert!(url.ends_with("&language=fr"), "{url}");
    let visitor = Browser::new(&api).with("Accept-Language: en");
    visitor
        .get(&url[url.find("/portal/").unwrap()..])
        .expect(303);
    assert!(visitor.cookie("sonnette_portal").is_some());
    let list = visitor.get("/portal/bigevents/webhooks/").expect(200);
    assert!(list.text.contains("<html lang=\"fr\">"));
    // Whoever reads it may choose another, for the portal alone.
    let chosen = visitor.get("/language/en/?next=/portal/bigevents/webhooks/");
    let cookie = chosen.header("set-cookie").unwrap();
    assert!(cookie.contains("; Path=/portal/;"), "{cookie}");
    let list = visitor.get("/portal/bigevents/webhooks/").expect(200);
    assert!(list.text.contains("<html lang=\"en\">"));

    let wrong = api.post(&path, json!({"language": "de"})).expect(400);
    assert!(wrong.json()["language"].is_array(), "{}", wrong.text);
    let unknown = api.post(&path, json!({"colour": "red"})).expect(400);
    assert!(unknown.json()["colour"].is_array(), "{}", unknown.text);
    api.call_as(&api.token, "POST", &path, None).expect(201);
}

#[test]
fn a_portal_cookie_works_in_a_frame_over_tls() {
    let proxied = ["--trusted-proxies", "127.0.0.1"];
    let api = Api::start_with(&[&proxied[..], &["--embed-origins", "https://p.example"]].concat());
    let secure = "X-Forwarded-Proto: https";
    let entered = Browser::new(&api)
        .with(secure)
        .get(&portal(&api))
        .expect(303);
    let cookie = entered.header("set-cookie").unwrap();
    assert!(
        cookie.ends_with("HttpOnly; SameSite=None; Partitioned; Secure; Path=/portal/"),
        "{cookie}"
    );
    let plain = Api::start_with(&proxied);
    let entered = Browser::new(&plain)
        .with(secure)
        .get(&portal(&plain))
        .expect(303);
    let cookie = entered.header("set-cookie").unwrap();
    assert!(
        cookie.ends_with("HttpOnly; SameSite=Lax; Secure; Path=/portal/"),
        "{cookie}"
    );
}

#[test]
fn a_portal_session_ends_with_its_token() {
    let api = Api::start();
    let visitor = Browser::new(&api);
    visitor.get(&portal(&api)).expect(303);
    visitor.get("/portal/bigevents/").expect(303);
    let tokens = api.get(&format!("{ORGANIZER}tokens/")).expect(200).json();
    let id = tokens["results"][0]["id"].as_i64().unwrap();
    let path = format!("{ORGANIZER}tokens/{id}/");
    api.call_as(&api.operator, "DELETE", &path, None)
        .expect(204);
    let over = visitor.get("/portal/bigevents/").expect(401);
    assert!(words(&over.text).contains("Your session has ended"));
}
