//! How often a client may try what can be guessed, beside logging in.

use rusqlite::Connection;

use super::browser::{Browser, PASSWORD, hidden_fields, user, words};
use crate::api::client::{Api, pause};

#[test]
fn attempts_at_the_current_password_are_throttled() {
    let api = Api::start();
    let browser = Browser::of(&api, &[]);
    let change = |current: &str| {
        let page = browser.get("/account/").expect(200).text;
        let csrf = &hidden_fields(&page, "/logout/")[0].1;
        let fields = [
            ("csrf", csrf.as_str()),
            ("current", current),
            ("password", "another horse"),
            ("again", "another horse"),
        ];
        browser.post("/account/", &fields)
    };
    for _ in 0..10 {
        change("guess").expect(422);
    }
    let refused = change(PASSWORD).expect(429);
    assert!(words(&refused.text).contains("Too many attempts."));
    assert_eq!(refused.header("retry-after"), Some("90"));
}

#[test]
fn a_network_asks_for_a_bounded_number_of_emails() {
    let mail = ["--mail-host", "127.0.0.1", "--mail-port", "1"];
    let api = Api::start_with(&[&mail[..], &["--trusted-proxies", "127.0.0.1"]].concat());
    for email in ["ada@example.org", "bob@example.org"] {
        user(&api, email, &[]);
    }
    let ask = |network: &str, email: &str| {
        let browser = Browser::new(&api).with(&format!("X-Forwarded-For: {network}"));
        let answer = browser.submit("/forgot/", "/forgot/", &[("email", email)]);
        words(&answer.expect(200).text).replace(email, "…")
    };
    let first = ask("203.0.113.5", "nobody@example.org");
    for _ in 0..19 {
        ask("203.0.113.5", "nobody@example.org");
    }
    // No e-mail is queued, and the answer is the same.
    assert_eq!(ask("203.0.113.5", "ada@example.org"), first);
    ask("203.0.113.6", "bob@example.org");
    let database = Connection::open(api.place().data().join("sonnette.db")).unwrap();
    let queued = || {
        let sql = "SELECT u.email FROM letters l JOIN users u ON u.id = l.user";
        let mut statement = database.prepare(sql).unwrap();
        let emails = statement.query_map([], |row| row.get(0)).unwrap();
        emails.collect::<Result<Vec<String>, _>>().unwrap()
    };
    // The answer does not wait for the store.
    while queued().is_empty() {
        pause();
    }
    assert_eq!(queued(), ["bob@example.org"]);
}
