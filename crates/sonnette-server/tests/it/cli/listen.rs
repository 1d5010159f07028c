//! `sonnette listen`.

use std::io::{BufRead as _, BufReader, Lines};
use std::net::TcpListener;
use std::process::{Child, ChildStderr, ChildStdout, Stdio};

use serde_json::json;
use standardwebhooks::Webhook;

use super::remote_commands::{ORDER_PAID, Platform, take};

/// A running `listen`; killed when dropped.
struct Listener {
    child: Child,
    out: Lines<BufReader<ChildStdout>>,
    err: Lines<BufReader<ChildStderr>>,
}

impl Listener {
    fn start(platform: &Platform, args: &[&str]) -> Self {
        let mut command = platform
            .sandbox
            .command(&[&["listen", "bigevents"][..], args].concat());
        let mut child = command
            .envs(platform.variables())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap()).lines();
        let err = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, out, err }
    }

    #[track_caller]
    fn wait_for_log(&mut self, text: &str) {
        let found = self
            .err
            .by_ref()
            .map(Result::unwrap)
            .find(|line| line.contains(text));
        assert!(found.is_some(), "{text}");
    }

    /// The next line that names a notification, and its payload.
    fn next(&mut self) -> (String, String) {
        let mut line = || self.out.next().unwrap().unwrap();
        (line(), line().trim().to_owned())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn publish(platform: &Platform, url: &str, code: &str) {
    let data = json!({ "code": code }).to_string();
    platform
        .run(&[
            "publish",
            "bigevents",
            ORDER_PAID,
            "--event",
            "democon",
            "--data",
            &data,
            "--url",
            url,
        ])
        .done();
}

/// What is published while `listen` is not connected is shown once it is.
#[test]
fn listen_resumes_after_a_gap() {
    let mut platform = Platform::new();
    let mut listener = Listener::start(&platform, &[]);
    listener.wait_for_log("listening to bigevents");
    let address = platform.server.address.clone();
    let url = platform.url.clone();
    // The gap may come before the first notification, and again later.
    for (seen, missed) in [("#0", ["#1 ", "#2 "]), ("#2", ["#3 ", "#4 "])] {
        platform.server.kill();
        listener.wait_for_log("not connected");
        let elsewhere = platform.sandbox.serve(&[]);
        let other_url = format!("http://{}", elsewhere.address);
        publish(&platform, &other_url, "A");
        publish(&platform, &other_url, "B");
        let (status, _) = elsewhere.end("-TERM");
        assert!(status.success());
        platform.server = platform.sandbox.serve_at(&address, &[]);
        listener.wait_for_log(&format!("listening to bigevents again, after {seen}"));
        for id in missed {
            let (line, payload) = listener.next();
            assert!(
                line.contains(id) && payload.contains("\"code\":"),
                "{line} {payload}"
            );
        }
    }
    publish(&platform, &url, "C");
    assert!(listener.next().0.contains("#5 "));
}

/// As a delivery does: percent-decoded, and only if the URL has a password.
#[test]
fn listen_forwards_with_the_credentials_of_the_url() {
    let platform = Platform::new();
    for (user_info, header) in [
        ("ada:secret@", Some("Basic YWRhOnNlY3JldA==")),
        ("a%20b:p%40ss%3A@", Some("Basic YSBiOnBAc3M6")),
        ("ada:@", Some("Basic YWRhOg==")),
        ("ada@", None),
        ("", None),
    ] {
        let receiver = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = receiver.local_addr().unwrap();
        let url = format!("http://{user_info}{address}/in");
        let mut listener = Listener::start(&platform, &["--forward", &url]);
        listener.wait_for_log("listening to bigevents");
        publish(&platform, &platform.url, "A");
        let (headers, _) = take(&mut receiver.accept().unwrap().0, 202);
        let sent = headers.iter().find(|(name, _)| name == "authorization");
        assert_eq!(sent.map(|(_, value)| value.as_str()), header, "{user_info}");
    }
}

#[test]
fn listen_prints_and_forwards_notifications() {
    let platform = Platform::new();
    let receiver = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/in", receiver.local_addr().unwrap());
    let mut command = platform.sandbox.command(&[
        "listen",
        "bigevents",
        "--forward",
        &url,
        "--action-type",
        ORDER_PAID,
    ]);
    let command = command
        .envs(platform.variables())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut listening = command.spawn().unwrap();
    let mut said = BufReader::new(listening.stderr.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let secret = said.next().unwrap();
    let secret = Webhook::new(secret.strip_prefix("signing with ").unwrap()).unwrap();
    assert_eq!(said.next().unwrap(), "listening to bigevents");

    let data = ["--event", "democon", "--data", r#"{"code": "T0CHT"}"#];
    for action_type in ["pretix.event.order.placed", ORDER_PAID] {
        platform
            .run(&[&["publish", "bigevents", action_type][..], &data].concat())
            .done();
    }
    let (headers, body) = take(&mut receiver.accept().unwrap().0, 202);
    let headers = headers
        .into_iter()
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    secret.verify(body.as_bytes(), &headers.collect()).unwrap();
    let mut shown = BufReader::new(listening.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let first = shown.next().unwrap();
    assert!(
        first.ends_with("#2 pretix.event.order.paid democon"),
        "{first}"
    );
    assert_eq!(shown.next().unwrap().trim(), body);
    assert!(shown.next().unwrap().contains("-> 202"));
    listening.kill().unwrap();
    listening.wait().unwrap();
}

#[test]
fn listen_stops_if_the_server_refuses() {
    let platform = Platform::new();
    let err = platform.run(&["listen", "nobody"]).refused(1);
    assert!(err.contains("403 Forbidden"), "{err}");
}

#[test]
fn a_forward_url_that_cannot_be_used_is_a_usage_error() {
    let platform = Platform::new();
    for url in [
        "127.0.0.1:3000/in",
        "ftp://u:hush@example.org/",
        "http://u:hush@:x/",
        "/in",
    ] {
        let err = platform
            .run(&["listen", "bigevents", "--forward", url])
            .refused(2);
        assert!(
            err.contains("http://127.0.0.1:3000/in") && !err.contains("hush"),
            "{err}"
        );
    }
}
