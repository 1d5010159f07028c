//! Commands that use the REST API.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use serde_json::{Value, json};
use standardwebhooks::Webhook;

use super::sandbox::{Sandbox, Server};

pub(super) const ORDER_PAID: &str = "pretix.event.order.paid";

/// A server with an organizer, and what clients need to know of it.
pub(super) struct Platform {
    pub(super) sandbox: Sandbox,
    pub(super) server: Server,
    pub(super) url: String,
    token: String,
}

impl Platform {
    pub(super) fn new() -> Self {
        let sandbox = Sandbox::with_store();
        sandbox.run(&["organizer", "create", "bigevents"]).done();
        let token = sandbox
            .run(&["token", "create", "--organizer", "bigevents"])
            .done()
            .trim()
            .to_owned();
        let server = sandbox.serve(&["--allow-target", "127.0.0.1"]);
        let url = format!("http://{}", server.address);
        Self {
            sandbox,
            server,
            url,
            token,
        }
    }

    pub(super) fn variables(&self) -> [(&str, &str); 2] {
        [("SONNETTE_URL", &self.url), ("SONNETTE_TOKEN", &self.token)]
    }

    pub(super) fn run(&self, args: &[&str]) -> super::sandbox::CommandResult {
        self.sandbox.run_with(args, &self.variables())
    }
}

/// Reads one request and answers it; header lines in lower case, and the body.
pub(super) fn take(stream: &mut TcpStream, status: u16) -> (Vec<(String, String)>, String) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(": ") {
            headers.push((name.to_lowercase(), value.trim().to_owned()));
        }
    }
    let length = headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .unwrap()
        .1
        .parse()
        .unwrap();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    write!(stream, "HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n").unwrap();
    (headers, String::from_utf8(body).unwrap())
}

/// As after the exports of the README.
#[test]
fn commands_find_the_operator_token_and_tokens_in_files() {
    let platform = Platform::new();
    let sandbox = &platform.sandbox;
    let operator = sandbox.run(&["token", "create", "--operator"]).done();
    sandbox.write("operator", &operator);
    sandbox.write("token", &format!("\u{feff}{}\n", platform.token));
    let publish = [
        "publish",
        "bigevents",
        ORDER_PAID,
        "--event",
        "democon",
        "--data",
        r#"{"code": "A"}"#,
    ];
    for (name, value) in [
        ("SONNETTE_OPERATOR_TOKEN", operator.trim()),
        ("SONNETTE_OPERATOR_TOKEN_FILE", "operator"),
        ("SONNETTE_TOKEN_FILE", "token"),
    ] {
        let variables = [("SONNETTE_URL", platform.url.as_str()), (name, value)];
        sandbox.run_with(&publish, &variables).done();
    }
    let variables = [
        ("SONNETTE_URL", platform.url.as_str()),
        ("SONNETTE_TOKEN", "unknown"),
        ("SONNETTE_OPERATOR_TOKEN", operator.trim()),
    ];
    sandbox.run_with(&publish, &variables).refused(1);
}

#[test]
fn publish_reads_arguments_files_and_standard_input() {
    let platform = Platform::new();
    let data = r#"{"code": "T0CHT"}"#;
    platform.sandbox.write("data.json", data);
    for (number, from) in [(1, data), (2, "@data.json")] {
        let out = platform
            .run(&[
                "publish",
                "bigevents",
                ORDER_PAID,
                "--event",
                "democon",
                "--data",
                from,
            ])
            .done();
        let answer: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(answer["notification_id"], number);
        assert_eq!(answer["deliveries"], 0);
    }
    let with_key = [
        "publish",
        "bigevents",
        ORDER_PAID,
        "--event",
        "democon",
        "--data",
        data,
        "--idempotency-key",
        "a",
    ];
    assert_eq!(
        platform.run(&with_key).done(),
        platform.run(&with_key).done()
    );
    let stdin = [
        "publish",
        "bigevents",
        ORDER_PAID,
        "--event",
        "democon",
        "--data",
        "-",
    ];
    let all: Vec<&str> = stdin
        .into_iter()
        .chain(["--url", &platform.url, "--token", &platform.token])
        .collect();
    platform.sandbox.run_fed(&all, data).done();
}

#[test]
fn publish_prints_the_error_of_the_server() {
    let platform = Platform::new();
    let err = platform
        .run(&["publish", "bigevents", ORDER_PAID, "--event", "democon"])
        .refused(1);
    assert!(
        err.contains("400 Bad Request") && err.contains("data.code"),
        "{err}"
    );
    let err = platform.run(&["publish", "nobody", ORDER_PAID]).refused(1);
    assert!(err.contains("403 Forbidden"), "{err}");
    let err = platform
        .run(&["publish", "bigevents", ORDER_PAID, "--token", "wrong"])
        .refused(1);
    assert!(
        err.contains("401 Unauthorized") && !err.contains("wrong"),
        "{err}"
    );
    let err = platform
        .run(&[
            "publish",
            "bigevents",
            ORDER_PAID,
            "--url",
            "http://127.0.0.1:1",
        ])
        .refused(1);
    assert!(err.contains("cannot connect to 127.0.0.1:1"), "{err}");
    let advice = "no server responds at http://127.0.0.1:1 (is it running? --url names another)";
    assert!(err.contains(advice), "{err}");
}

#[test]
fn webhooks_are_tested_and_retried() {
    let platform = Platform::new();
    let receiver = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/in", receiver.local_addr().unwrap());
    let create = [
        "webhook",
        "create",
        "bigevents",
        &url,
        "--action-type",
        ORDER_PAID,
        "--json",
    ];
    let webhook: Value = serde_json::from_str(&platform.sandbox.run(&create).done()).unwrap();
    let secret = Webhook::new(webhook["secret"].as_str().unwrap()).unwrap();
    let receiving = std::thread::spawn(move || {
        let mut stream = receiver.accept().unwrap().0;
        [200, 410].map(|status| take(&mut stream, status))
    });
    let out = platform.run(&["webhook", "test", "bigevents", "1"]).done();
    assert!(out.contains("responded 200"), "{out}");
    let ran = platform.run(&["webhook", "test", "bigevents", "1", "--json"]);
    let attempt: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        (ran.code, &attempt["return_code"], &attempt["test"]),
        (1, &json!(410), &json!(true))
    );
    for (headers, body) in receiving.join().unwrap() {
        let headers = headers
            .into_iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        secret.verify(body.as_bytes(), &headers.collect()).unwrap();
    }
    assert_eq!(
        platform
            .run(&["webhook", "retry", "bigevents", "1", "--dry-run"])
            .done(),
        "0\n"
    );
    platform
        .run(&["webhook", "retry", "bigevents", "9"])
        .refused(1);
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    let place = Sandbox::with_store();
    place.run(&["organizer", "create", "bigevents"]).done();
    let token = "operator-token-of-at-least-32-characters";
    place.write("token", &format!("\u{feff}{token}\n"));
    place.write("data.json", "\u{feff}{\"code\": \"ABC23\"}");
    place.write("sonnette.toml", "\u{feff}log_level = \"info\"\n");
    let (file, config) = (place.path("token"), place.path("sonnette.toml"));
    let server = place.serve(&[
        "--operator-token-file",
        file.to_str().unwrap(),
        "--config",
        config.to_str().unwrap(),
    ]);
    assert_eq!(server.get("/api/v1/organizers/", token), 200);
    let data = format!("@{}", place.path("data.json").display());
    let url = format!("http://{}", server.address);
    let args = |data| {
        vec![
            "publish",
            "bigevents",
            ORDER_PAID,
            "--event",
            "e",
            "--url",
            &url,
            "--token",
            token,
            "--data",
            data,
        ]
    };
    place.run(&args(&data)).done();
    place
        .run_fed(&args("-"), "\u{feff}{\"code\": \"ABC24\"}")
        .done();
}

#[test]
fn a_server_without_tls_is_named() {
    let platform = Platform::new();
    let url = platform.url.replace("http:", "https:");
    for args in [
        &["publish", "bigevents", ORDER_PAID][..],
        &["webhook", "test", "bigevents", "1"],
        &["healthcheck"],
    ] {
        let err = platform.run(&[args, &["--url", &url]].concat()).refused(1);
        assert!(
            err.contains("does not speak TLS there; is it an http:// URL?"),
            "{args:?}: {err}"
        );
    }
    let doctor = platform.sandbox.run(&["doctor", "--url", &url]);
    assert!(doctor.out.contains("does not speak TLS"), "{}", doctor.out);
}
