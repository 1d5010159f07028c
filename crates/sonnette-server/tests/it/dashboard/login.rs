//! Login, sessions, and what the layer around all pages does.

use sonnette::store::{AccountStore as _, Actor, NewAuditEntry};

use super::browser::{Browser, PAGES, PASSWORD, hidden_fields, operator, user, words};
use crate::api::client::{Api, ApiResponse};

/// The cookie with this name as the answer sets it.
#[track_caller]
fn set_cookie<'a>(answer: &'a ApiResponse, name: &str) -> &'a str {
    let mut lines = answer.headers("set-cookie");
    lines
        .find(|line| line.starts_with(&format!("{name}_")))
        .unwrap()
}

#[test]
fn a_correct_password_logs_in() {
    let api = Api::start();
    user(&api, "ada@example.org", &[]);
    let browser = Browser::new(&api);
    let asked = browser.get("/organizers/bigevents/?a=b").expect(303);
    let to = "/login/?next=%2Forganizers%2Fbigevents%2F%3Fa%3Db";
    assert_eq!(asked.header("location"), Some(to));
    for (email, password) in [
        ("ada@example.org", "wrong horse"),
        ("ada@example.org", ""),
        ("nobody@example.org", PASSWORD),
        ("\"><script>", PASSWORD),
    ] {
        let answer = browser.try_log_in(email, password).expect(422);
        assert!(words(&answer.text).contains("The e-mail address or the password is wrong."));
        assert!(!answer.text.contains("<script>"), "{}", answer.text);
        assert_eq!(browser.cookie("sonnette_session"), None);
    }
    let fields = [("email", " ADA@example.org"), ("password", PASSWORD)];
    let answer = browser.submit(to, "/login/", &fields).expect(303);
    assert_eq!(
        answer.header("location"),
        Some("/organizers/bigevents/?a=b")
    );
    let first = browser.get(&format!("{PAGES}/")).expect(303);
    let location = first.header("location").unwrap();
    assert_eq!(location, "/organizers/bigevents/webhooks/");
    browser.get("/login/").expect(303);
}

#[test]
fn failed_logins_are_throttled() {
    let api = Api::start();
    user(&api, "ada@example.org", &[]);
    let browser = Browser::new(&api);
    for _ in 0..10 {
        browser.try_log_in("ada@example.org", "guess").expect(422);
    }
    let answer = browser.try_log_in("Ada@example.org", PASSWORD).expect(429);
    assert!(words(&answer.text).contains("Too many attempts."));
    assert_eq!(browser.cookie("sonnette_session"), None);
    user(&api, "bob@example.org", &[]);
    browser.log_in("bob@example.org");
}

#[test]
fn logout_ends_the_session() {
    let api = Api::start();
    let browser = Browser::of_operator(&api);
    let text = browser.cookie("sonnette_session").unwrap();
    let answer = browser.submit("/", "/logout/", &[]).expect(303);
    assert!(words(&browser.follow(&answer).text).contains("You are logged out."));
    assert_eq!(browser.cookie("sonnette_session"), None);
    assert!(!browser.read("/login/").contains("You are logged out."));
    browser.keep("sonnette_session", &text);
    browser.get("/").expect(303);
}

#[test]
fn forms_require_a_csrf_token() {
    let api = Api::start();
    let browser = Browser::of_operator(&api);
    let html = browser.get("/").expect(200).text;
    let token = hidden_fields(&html, "/logout/")[0].1.clone();
    let refused = |answer: ApiResponse| {
        let answer = answer.expect(403);
        assert!(words(&answer.text).contains("Nothing was changed"));
    };
    refused(browser.post("/logout/", &[]));
    refused(browser.post("/logout/", &[("csrf", "x")]));
    let other = Browser::new(&api);
    let others = hidden_fields(&other.get("/login/").text, "/login/")[0]
        .1
        .clone();
    refused(browser.post("/logout/", &[("csrf", &others)]));
    refused(other.post(
        "/login/",
        &[("email", "root@example.org"), ("password", PASSWORD)],
    ));
    let session = browser.cookie("sonnette_session").unwrap();
    for site in ["cross-site", "same-site"] {
        let elsewhere = Browser::new(&api).with(&format!("Sec-Fetch-Site: {site}"));
        elsewhere.keep("sonnette_session", &session);
        refused(elsewhere.post("/logout/", &[("csrf", &token)]));
    }
    browser.get("/").expect(200);
    let own = Browser::new(&api).with("Sec-Fetch-Site: same-origin");
    own.keep("sonnette_session", &session);
    own.post("/logout/", &[("csrf", &token)]).expect(303);
    browser.get("/").expect(303);
}

#[test]
fn cookies_are_http_only_and_same_site() {
    let api = Api::start();
    user(&api, "ada@example.org", &[]);
    let proxied = Browser::new(&api).with("X-Forwarded-Proto: https");
    let visit = proxied.get("/login/").expect(200);
    // Nobody has said that this proxy is to be believed.
    let plain = "; HttpOnly; SameSite=Lax; Path=/";
    assert!(set_cookie(&visit, "sonnette_visit").ends_with(plain));
    let answer = proxied.try_log_in("ada@example.org", PASSWORD).expect(303);
    assert!(set_cookie(&answer, "sonnette_session").ends_with(plain));
}

#[test]
fn cookies_are_secure_behind_tls() {
    let api = Api::start_with(&["--trusted-proxies", "127.0.0.0/8"]);
    user(&api, "ada@example.org", &[]);
    let proxied = Browser::new(&api).with("X-Forwarded-Proto: https");
    let visit = proxied.get("/login/").expect(200);
    let secure = "; HttpOnly; SameSite=Lax; Secure; Path=/";
    assert!(set_cookie(&visit, "sonnette_visit").ends_with(secure));
    let answer = proxied.try_log_in("ada@example.org", PASSWORD).expect(303);
    assert!(set_cookie(&answer, "sonnette_session").ends_with(secure));
    let answer = proxied.submit("/account/", "/logout/", &[]).expect(303);
    let said = set_cookie(&answer, "sonnette_said");
    assert!(
        said.contains("HttpOnly; SameSite=Lax; Secure; Path=/;"),
        "{said}"
    );
    let direct = Browser::new(&api);
    let answer = direct.try_log_in("ada@example.org", PASSWORD).expect(303);
    assert!(!set_cookie(&answer, "sonnette_session").contains("Secure"));
}

#[test]
fn redirects_stay_on_the_server() {
    let api = Api::start();
    user(&api, "ada@example.org", &[]);
    for next in [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
    ] {
        let fields = [
            ("email", "ada@example.org"),
            ("password", PASSWORD),
            ("next", next),
        ];
        let browser = Browser::new(&api);
        let answer = browser.submit("/login/", "/login/", &fields).expect(303);
        assert_eq!(answer.header("location"), Some("/"), "{next}");
        let again = browser
            .get("/login/?next=https://evil.example/")
            .expect(303);
        assert_eq!(again.header("location"), Some("/"));
        let language = browser
            .get("/language/fr/?next=//evil.example/")
            .expect(303);
        assert_eq!(language.header("location"), Some("/"));
    }
}

#[test]
fn pages_have_security_headers() {
    let api = Api::start();
    let browser = Browser::of_operator(&api);
    for path in [
        "/",
        "/login/",
        "/nothing/",
        "/organizers/bigevents/nothing/",
    ] {
        let answer = match browser.get(path) {
            answer if answer.status == 303 => Browser::new(&api).get(path),
            answer => answer,
        };
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; "));
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        for (name, value) in [
            ("x-frame-options", "DENY"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
        for forbidden in ["<script>", " style=\"", " onclick=", "http://", "https://"] {
            assert!(!answer.text.contains(forbidden), "{path}: {forbidden}");
        }
    }
}

#[test]
fn pages_use_the_preferred_language() {
    let api = Api::start();
    let text = |browser: &Browser<'_>| browser.get("/login/").expect(200).text;
    let browser = Browser::new(&api);
    assert!(text(&browser).contains("<html lang=\"en\">"));
    let french = Browser::new(&api).with("Accept-Language: de, fr-CA;q=0.8, en;q=0.5");
    assert!(text(&french).contains("<html lang=\"fr\">"));
    assert!(words(&text(&french)).contains("Se connecter"));
    let path = "/language/en/?next=%2Flogin%2F%3Fnext%3D%252F";
    assert!(text(&french).contains("href=\"/language/en/?next=%2Flogin%2F\""));
    let chosen = french.get(path).expect(303);
    assert_eq!(chosen.header("location"), Some("/login/?next=%2F"));
    assert!(text(&french).contains("<html lang=\"en\">"));
    french.get("/language/de/").expect(404);
}

#[test]
fn a_session_ends_when_its_user_is_removed() {
    let api = Api::start();
    let browser = Browser::of(&api, &[]);
    browser.get("/").expect(303);
    let store = api.store();
    let users = store.users(None).unwrap();
    let note = NewAuditEntry {
        actor: Actor::CommandLine,
        action: "sonnette.user.deleted",
        data: serde_json::json!({}),
        at: users[0].created,
    };
    store.remove_user(users[0].id, note).unwrap();
    let answer = browser.get("/").expect(303);
    assert!(answer.header("location").unwrap().starts_with("/login/"));
    let session = browser.cookie("sonnette_session");
    assert!(session.is_some(), "the browser still has it");
}
#[test]
fn an_error_names_users_who_can_grant_a_permission() {
    let api = Api::start();
    operator(&api, "root@example.org");
    user(&api, "boss@example.org", &["organizer"]);
    user(&api, "other@example.org", &["webhooks"]);
    let browser = Browser::of(&api, &["publish"]);
    let answer = browser.get(&format!("{PAGES}/settings/")).expect(403);
    let text = words(&answer.text);
    assert!(text.contains("It needs the permission “organizer”, which you do not have."));
    assert!(text.contains("boss@example.org root@example.org"), "{text}");
    assert!(!text.contains("other@example.org"));
    browser.get("/organizers/elsewhere/settings/").expect(404);
}

#[test]
fn assets_are_compressed_and_pages_are_not() {
    let api = Api::start();
    let visitor = Browser::new(&api).with("Accept-Encoding: gzip");
    let page = visitor.get("/login/").expect(200);
    assert_eq!(page.header("content-encoding"), None);
    let style = page
        .text
        .split('"')
        .find(|url| url.starts_with("/assets/style."));
    let head = format!(
        "HEAD {} HTTP/1.1\r\nAccept-Encoding: gzip\r\n",
        style.unwrap()
    );
    let style = api.raw(&head, b"").expect(200);
    assert_eq!(style.header("content-encoding"), Some("gzip"));
    assert_eq!(style.header("vary"), Some("accept-encoding"));
}

#[test]
fn clients_behind_a_proxy_that_adds_ports_are_throttled_apart() {
    let api = Api::start_with(&["--trusted-proxies", "127.0.0.1"]);
    let guess = |client: &str, number: usize| {
        let browser = Browser::new(&api).with(&format!("X-Forwarded-For: {client}"));
        let email = format!("{number}@example.org");
        browser.try_log_in(&email, "guess").status
    };
    for number in 0..50 {
        assert_eq!(
            guess(&format!("203.0.113.5:{}", 4000 + number), number),
            422
        );
    }
    assert_eq!(guess("203.0.113.5:9", 50), 429);
    assert_eq!(guess("203.0.113.6:9", 51), 422);
    assert_eq!(guess("[2001:db8::1]:9", 52), 422);
}
