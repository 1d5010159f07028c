//! Alerts about failing webhooks.

use std::io::BufRead as _;
use std::time::Duration;

use rusqlite::Connection;
use serde_json::json;
use sonnette::clock::{Clock as _, SystemClock};
use sonnette::store::AlertStore as _;
use sonnette::testing::ScriptedResponse;

use super::smtp_server::{Encryption, MailServer, SmtpBehavior};
use crate::api::client::{Api, receiver};

/// The settings by which this server mails.
pub(super) fn arguments(server: &MailServer) -> Vec<String> {
    let port = server.port();
    let args = [
        "--mail-host",
        "127.0.0.1",
        "--mail-port",
        &port,
        "--mail-tls",
        "none",
        "--mail-from",
        "Sonnette <webhooks@example.org>",
        "--public-url",
        "https://hooks.example.org",
    ];
    args.map(str::to_owned).to_vec()
}

/// A server that switches webhooks off after three failures in a row.
fn strict(server: &MailServer, language: &str) -> Api {
    let args = arguments(server);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let api = Api::start_with(&args);
    let organizer = json!({
        "name": "Big Events",
        "language": language,
        "contact_emails": ["ops@example.org", "it@example.org"],
        "failure_policy": {"disable_after": {"failures": 3, "seconds": 0}},
    });
    let set = api
        .call_as(&api.operator, "PATCH", "", Some(organizer))
        .expect(200)
        .json();
    assert_eq!(
        set["failure_policy"],
        json!({"disable_after": {"failures": 3, "seconds": 0}})
    );
    api
}

fn fail_three_times(api: &Api, webhook: &str) {
    for code in ["A", "B", "C"] {
        api.place_order(code);
    }
    api.wait(&format!("{webhook}health/"), |health| {
        health["state"] == "disabled"
    });
}

#[test]
fn a_failing_webhook_is_disabled_with_one_alert_and_its_backlog_is_sent() {
    let mail = MailServer::start(Encryption::None, "");
    let api = strict(&mail, "en");
    let receiver = receiver();
    receiver.respond_with(ScriptedResponse::status(500));
    let url = receiver
        .url_of("/in?key=hush")
        .replace("http://", "http://me:hush@");
    let webhook = api.webhook(&url);
    let mut news = api.watch();
    fail_three_times(&api, &webhook);
    let health = api.get(&format!("{webhook}health/")).json();
    assert_eq!(health["consecutive_failures"], 3);
    assert!(health["since"].is_string());
    assert!(
        health["reason"]
            .as_str()
            .unwrap()
            .contains("too many failures")
    );

    let mails = mail.wait_for(1);
    assert_eq!(mails[0].to, ["ops@example.org", "it@example.org"]);
    assert!(!mails[0].text.contains("hush"));
    let port = receiver.address().port().to_string();
    insta::assert_snapshot!(redacted(&mails[0].text, &port));

    // What matches meanwhile makes no delivery, and can be recovered.
    let answer = api.post("notifications/", crate::api::client::order("D"));
    assert_eq!(answer.expect(201).json()["deliveries"], 0);
    receiver.respond_with(ScriptedResponse::ok());
    let back = Some(json!({"enabled": true}));
    api.call("PATCH", &webhook, back).expect(200);
    let delivered = format!("{webhook}deliveries/?state=delivered");
    let count = |page: &serde_json::Value| page["results"].as_array().unwrap().len();
    api.wait(&delivered, |page| count(page) == 3);
    let health = api.get(&format!("{webhook}health/")).json();
    assert_eq!(
        (&health["state"], &health["consecutive_failures"]),
        (&json!("healthy"), &json!(0))
    );
    let retry = format!("{webhook}retry/");
    let body =
        |dry_run| json!({"since": "2020-01-01T00:00:00Z", "state": "missed", "dry_run": dry_run});
    assert_eq!(
        api.post(&retry, body(true)).expect(200).text,
        r#"{"count":1}"#
    );
    assert_eq!(
        api.post(&retry, body(false)).expect(200).text,
        r#"{"count":1}"#
    );
    api.wait(&delivered, |page| count(page) == 4);
    assert_eq!(
        api.post(&retry, body(true)).expect(200).text,
        r#"{"count":0}"#
    );
    assert_eq!(mail.mails().len(), 1);
    assert_eq!(lanes(&mut news, 2), ["disabled failures", "healthy null"]);
}

/// The next lane events of a stream.
fn lanes(news: &mut impl std::io::BufRead, count: usize) -> Vec<String> {
    let mut found = Vec::new();
    let mut wanted = false;
    for line in news.lines() {
        let line = line.unwrap();
        if let Some(data) = line.strip_prefix("data: ").filter(|_| wanted) {
            let data: serde_json::Value = serde_json::from_str(data).unwrap();
            let word = |name: &str| data[name].as_str().unwrap_or("null").to_owned();
            found.push(format!("{} {}", word("state"), word("reason")));
            if found.len() == count {
                break;
            }
        }
        wanted = line == "event: lane";
    }
    found
}

/// Readable, and without what differs from run to run.
fn redacted(text: &str, port: &str) -> String {
    let text = text
        .replace("=\r\n", "")
        .replace("=20", " ")
        .replace("=3D", "=");
    let mut lines = Vec::new();
    let mut boundary = None;
    for line in text.lines() {
        if let Some((_, rest)) = line.split_once("boundary=\"") {
            boundary = rest.split('"').next().map(str::to_owned);
        }
        let line = match &boundary {
            Some(boundary) => line.replace(boundary, "[boundary]"),
            None => line.to_owned(),
        };
        let known = |name: &str| line.starts_with(name);
        lines.push(if known("Date: ") {
            "Date: [date]".to_owned()
        } else if known("Message-ID: ") {
            let (head, domain) = line.split_once('@').unwrap();
            assert!(head.starts_with("Message-ID: <alert-failures-1-"), "{head}");
            format!("Message-ID: [id]@{domain}")
        } else {
            without_times(&line.replace(port, "[port]"))
        });
    }
    lines.join("\n")
}

/// `21 November 2026 at 20:15 UTC` and `2026-11-21T20:15:00Z` are whatever the clock says.
fn without_times(line: &str) -> String {
    let mut line = line.to_owned();
    while let Some(end) = line.find(" UTC") {
        let words: Vec<usize> = line[..end].match_indices(' ').map(|(at, _)| at).collect();
        let from = words.len().checked_sub(5).map_or(0, |n| words[n] + 1);
        line.replace_range(from..end + 4, "[time]");
    }
    if let Some(from) = line.find("\"since\": \"") {
        let from = from + 10;
        line.replace_range(from..from + 20, "[time]");
    }
    line
}

#[test]
fn a_refused_alert_in_french_is_sent_again_with_the_same_id() {
    let mail = MailServer::start(Encryption::None, "");
    mail.script([SmtpBehavior::Refuse("451 4.7.1 greylisted")]);
    let api = strict(&mail, "fr");
    let receiver = receiver();
    receiver.respond_with(ScriptedResponse::status(410));
    let webhook = api.webhook(&receiver.url());
    api.place_order("A");
    api.wait(&format!("{webhook}health/"), |health| {
        health["state"] == "disabled"
    });
    let mails = mail.wait_for(1);
    assert_eq!(mail.connections(), 2);
    assert!(mails[0].header("Message-ID").starts_with("<alert-gone-1-"));
    assert!(mails[0].text.contains("410"));
    assert!(
        mails[0].header("Subject").contains("=?utf-8?"),
        "{}",
        mails[0].text
    );
}

#[test]
fn an_unconfirmed_alert_is_sent_again_with_the_same_id_after_a_crash() {
    let mail = MailServer::start(Encryption::None, "");
    mail.script([SmtpBehavior::AcceptWithoutReply]);
    let mut api = strict(&mail, "en");
    let receiver = receiver();
    receiver.respond_with(ScriptedResponse::status(500));
    let webhook = api.webhook(&receiver.url());
    fail_three_times(&api, &webhook);
    mail.wait_for(1);
    let args = arguments(&mail);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    api.crash_and_start(&args);
    let mails = mail.wait_for(2);
    assert_eq!(mails[0].header("Message-ID"), mails[1].header("Message-ID"));
    // Confirmed, and written down: a further start sends nothing.
    let store = api.store();
    let later = SystemClock.now() + Duration::from_hours(1_000);
    api.wait(&format!("{webhook}health/"), |_| {
        store.due_alerts(later, 1).unwrap().is_empty()
    });
    api.crash_and_start(&args);
    api.place_order("later");
    assert_eq!(mail.mails().len(), 2);
}

#[test]
fn a_dead_mail_server_delays_no_delivery() {
    let mail = MailServer::start(Encryption::None, "");
    mail.script([SmtpBehavior::Hang, SmtpBehavior::Hang, SmtpBehavior::Hang]);
    let api = strict(&mail, "en");
    let (bad, good) = (receiver(), receiver());
    bad.respond_with(ScriptedResponse::status(500));
    let failing = api.webhook(&bad.url());
    let well = api.webhook(&good.url());
    fail_three_times(&api, &failing);
    api.wait(&format!("{well}deliveries/?state=delivered"), |page| {
        page["results"].as_array().unwrap().len() == 3
    });
    api.place_order("D");
    api.wait(&format!("{well}deliveries/?state=delivered"), |page| {
        page["results"].as_array().unwrap().len() == 4
    });
    let began = SystemClock.instant();
    api.end();
    assert!(began.elapsed().as_secs() < 5);
}

#[test]
fn one_invalid_address_does_not_affect_the_others() {
    let mail = MailServer::start(Encryption::None, "");
    mail.script([SmtpBehavior::RefuseRecipient("ops@example.org"); 2]);
    let api = strict(&mail, "en");
    let receiver = receiver();
    receiver.respond_with(ScriptedResponse::status(500));
    let webhook = api.webhook(&receiver.url());
    fail_three_times(&api, &webhook);
    let mails = mail.wait_for(1);
    assert_eq!(mails[0].to, ["it@example.org"]);
    // The other is tried again on its own, and gets the same.
    let mails = mail.wait_for(2);
    assert_eq!(mails[1].to, ["ops@example.org"]);
    assert_eq!(mails[0].header("Message-ID"), mails[1].header("Message-ID"));
    assert_eq!(mails[1].header("To"), "ops@example.org, it@example.org");
}

/// Addresses that version 0.1 stored although no mail server takes them, and a domain that is not ASCII.
#[test]
fn the_good_one_of_several_addresses_is_mailed() {
    let mail = MailServer::start(Encryption::None, "");
    let mut api = strict(&mail, "en");
    let receiver = receiver();
    receiver.respond_with(ScriptedResponse::status(500));
    let webhook = api.webhook(&receiver.url());
    let database = Connection::open(api.place().data().join("sonnette.db")).unwrap();
    let contacts =
        r#"["a..b@example.org", "good@example.org", "info@m\u00fcller.example", ".c@example.org"]"#;
    database
        .execute("UPDATE organizers SET contact_emails = ?1", [contacts])
        .unwrap();
    drop(database);
    let args = arguments(&mail);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    api.crash_and_start(&args);
    fail_three_times(&api, &webhook);
    let mails = mail.wait_for(2);
    let mut recipients: Vec<_> = mails.iter().flat_map(|mail| mail.to.clone()).collect();
    recipients.sort();
    assert_eq!(
        recipients,
        ["good@example.org", "info@xn--mller-kva.example"]
    );
}

#[test]
fn addresses_that_no_mail_server_takes_are_refused() {
    let api = Api::start();
    let webhook = api.webhook("http://127.0.0.1:1/");
    let settings = format!("{webhook}settings/");
    for wrong in [
        "a..b@example.org",
        ".a@example.org",
        "a.@example.org",
        "a@example..org",
        "a@-example.org",
        "a@example",
        "a b@example.org",
        "a@b@example.org",
        "\"a\"@example.org",
    ] {
        let body = json!({"contact_emails": ["good@example.org", wrong]});
        let expected =
            json!({"contact_emails": [format!("\"{wrong}\" is not a valid email address.")]});
        let answer = api.call_as(&api.operator, "PATCH", "", Some(body.clone()));
        assert_eq!(answer.expect(400).json(), expected, "{wrong}");
        let answer = api.call("PATCH", &settings, Some(body));
        assert_eq!(answer.expect(400).json(), expected, "{wrong}");
    }
    let good = json!({"contact_emails": ["ada@m\u{fc}ller.example", "a+b.c@localhost"]});
    let answer = api.call("PATCH", &settings, Some(good.clone())).expect(200);
    assert_eq!(answer.json()["contact_emails"], good["contact_emails"]);
}
