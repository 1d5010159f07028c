//! `sonnette serve`.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use sonnette::clock::{Clock as _, SystemClock};

use super::sandbox::{Sandbox, Server};

#[test]
fn it_logs_its_address_as_json_and_writes_nothing_to_standard_output() {
    let server = Sandbox::new().serve(&[]);
    let line: Value = serde_json::from_str(server.early.lines().last().unwrap()).unwrap();
    assert_eq!(line["address"], server.address);
    assert_eq!(line["level"], "INFO");
    let (status, out) = server.end("-TERM");
    assert_eq!((status.code(), out.as_str()), (Some(0), ""));
}

#[test]
fn it_stops_within_five_seconds_despite_open_connections() {
    for signal in ["-TERM", "-INT"] {
        let server = Sandbox::new().serve(&[]);
        let mut half = TcpStream::connect(&server.address).unwrap();
        half.write_all(b"GET / HTTP/1.1\r\nHost:").unwrap();
        let began = SystemClock.instant();
        let (status, _) = server.end(signal);
        assert_eq!(status.code(), Some(0));
        assert!(began.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn a_second_server_on_the_same_store_is_refused() {
    let sandbox = Sandbox::new();
    let server = sandbox.serve(&[]);
    let err = sandbox
        .run(&["serve", "--listen", "127.0.0.1:0"])
        .refused(1);
    assert!(
        err.contains(
            "another sonnette serves from this data directory; stop it, or use another directory"
        ),
        "{err}"
    );
    drop(server);
    sandbox.serve(&[]);
}

#[test]
fn an_address_in_use_is_named() {
    let server = Sandbox::new().serve(&[]);
    let err = Sandbox::new()
        .run(&["serve", "--listen", &server.address])
        .refused(1);
    assert!(
        err.contains(&format!(
            "cannot listen on {} (choose another address with --listen)",
            server.address
        )),
        "{err}"
    );
}

#[test]
fn the_operator_token_of_the_settings_is_registered_once() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "token",
        "\u{feff}  from-the-file-0123456789abcdef0123456789\n",
    );
    let token = [
        "--operator-token",
        "from-the-flag-0123456789abcdef0123456789",
        "--operator-token-file",
        "token",
    ];
    for _ in 0..2 {
        drop(sandbox.serve(&token));
        let list = sandbox.list(&["token", "list"]);
        assert_eq!(list.len(), 2);
        assert!(
            list.iter()
                .all(|t| t["operator"] == true && t["active"] == true)
        );
    }
}

#[test]
fn a_short_operator_token_is_refused() {
    let sandbox = Sandbox::new();
    let short = "abcdefghijklmnopqrstuvwxyz01234";
    sandbox.write("token", &format!("  {short}  \n"));
    sandbox.write("empty", "\n");
    for (name, value) in [
        ("SONNETTE_OPERATOR_TOKEN", short),
        (
            "SONNETTE_OPERATOR_TOKEN",
            "abcdefghijklmnop qrstuvwxyz01234",
        ),
        ("SONNETTE_OPERATOR_TOKEN_FILE", "token"),
        ("SONNETTE_OPERATOR_TOKEN_FILE", "empty"),
        ("SONNETTE_OPERATOR_TOKEN_FILE", "no-such-file"),
    ] {
        let err = sandbox.run_with(&["serve"], &[(name, value)]).refused(2);
        assert!(
            err.contains("operator_token") && !err.contains(short),
            "{err}"
        );
    }
    assert!(!sandbox.data().exists());
    sandbox.serve(&["--operator-token", &format!("{short}5")]);
}

#[test]
fn notifications_continue_from_the_first_id_of_the_settings() {
    let sandbox = Sandbox::with_store();
    let token = "0123456789abcdef0123456789abcdef";
    sandbox.run(&["organizer", "create", "bigevents"]).done();
    let publish = |first: &str| {
        let args = ["--operator-token", token, "--first-notification-id", first];
        let server = sandbox.serve(&args);
        let url = format!("http://{}", server.address);
        let answer = sandbox
            .run(&[
                "publish",
                "bigevents",
                "pretix.event.order.paid",
                "--event",
                "democon",
                "--data",
                r#"{"code": "T0CHT"}"#,
                "--url",
                &url,
                "--operator-token",
                token,
            ])
            .done();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        answer["notification_id"].as_i64().unwrap()
    };
    assert_eq!(publish("70001"), 70_001);
    // The store is no longer empty.
    assert_eq!(publish("5"), 70_002);
    assert_eq!(publish("900000"), 70_003);
    for wrong in ["0", "-1", "9007199254740992", "x"] {
        let args = ["serve", "--first-notification-id", wrong];
        assert_eq!(sandbox.run(&args).code, 2, "{wrong}");
    }
}

#[test]
fn healthcheck_asks_the_running_server() {
    let sandbox = Sandbox::new();
    let server = sandbox.serve(&[]);
    let address = server.address.clone();
    let out = sandbox.run(&["healthcheck", "--listen", &address]).done();
    assert_eq!(out, "{\"status\":\"ok\"}\n");
    let wildcard = address.replace("127.0.0.1", "0.0.0.0");
    sandbox.run(&["healthcheck", "--listen", &wildcard]).done();
    let url = format!("http://{address}");
    sandbox.run(&["healthcheck", "--url", &url]).done();
    drop(server);
    let err = sandbox.run(&["healthcheck", "--url", &url]).refused(1);
    assert!(err.contains(&address), "{err}");
}

#[test]
fn a_data_dir_named_like_an_sqlite_uri_is_a_directory() {
    let sandbox = Sandbox::new();
    for name in ["file:x", "file:y?mode=memory", ":memory:"] {
        sandbox.run(&["migrate", "--data-dir", name]).done();
        assert!(sandbox.path(name).join("sonnette.db").exists(), "{name}");
        let backup = format!("file:{}.db", name.len());
        sandbox.run(&["backup", "--data-dir", name, &backup]).done();
        assert!(
            std::fs::metadata(sandbox.path(&backup)).unwrap().len() > 0,
            "{name}"
        );
    }
    let sandbox = Sandbox::with_store();
    sandbox.run(&["backup", ":memory:"]).done();
    assert!(std::fs::metadata(sandbox.path(":memory:")).unwrap().len() > 0);
}

#[test]
fn an_endless_header_is_refused() {
    let server = Sandbox::new().serve(&[]);
    let mut stream = TcpStream::connect(&server.address).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nX-Big: ").unwrap();
    // The server stops reading at some point, so that writing fails, or answers and closes.
    let piece = [b'a'; 16 * 1024];
    let began = SystemClock.instant();
    while stream.write_all(&piece).is_ok() {
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "it takes everything"
        );
    }
}

#[test]
fn tokens_created_and_revoked_by_commands_take_effect_at_once() {
    let sandbox = Sandbox::with_store();
    sandbox.run(&["organizer", "create", "bigevents"]).done();
    let server = sandbox.serve(&[]);
    let path = "/api/v1/organizers/bigevents/webhooks/";
    let token = sandbox
        .run(&["token", "create", "--organizer", "bigevents"])
        .done();
    assert_eq!(server.get(path, "unknown"), 401);
    assert_eq!(server.get(path, token.trim()), 200);
    sandbox.run(&["token", "revoke", "1"]).done();
    assert_eq!(server.get(path, token.trim()), 401);
}

#[test]
fn action_types_of_the_file_are_added_and_deleted() {
    let sandbox = Sandbox::with_store();
    sandbox.run(&["organizer", "create", "bigevents"]).done();
    let create = [
        "webhook",
        "create",
        "bigevents",
        "https://example.org/",
        "--action-type",
        "shop.parcel.sent",
    ];
    sandbox.run(&create).refused(1);
    for description in ["A parcel.", "A parcel is on its way."] {
        let text = format!(
            "[[action_types]]\naction_type = \"shop.parcel.sent\"\ndescription = \"{description}\"\n"
        );
        sandbox.write("s.toml", &text);
        sandbox.serve(&["--config", "s.toml"]);
    }
    sandbox.run(&create).done();
    sandbox.write("s.toml", "");
    sandbox.serve(&["--config", "s.toml"]);
    let gone = sandbox.run(&create).refused(1);
    assert!(gone.contains("shop.parcel.sent"), "{gone}");
    sandbox.write(
        "s.toml",
        "[[action_types]]\naction_type = \"shop.parcel.sent\"\norganizer = \"nobody\"\n",
    );
    let err = sandbox.run(&["serve", "--config", "s.toml"]).refused(1);
    assert!(err.contains("organizer nobody does not exist"), "{err}");
    let organizer = ["organizer", "create", "tickets", "--dialect", "pretix"];
    sandbox.run(&organizer).done();
    sandbox.write(
        "s.toml",
        "[[action_types]]\naction_type = \"shop.parcel.sent\"\norganizer = \"tickets\"\n",
    );
    let server = sandbox.serve(&["--config", "s.toml"]);
    let warning =
        "organizer tickets does not see shop.parcel.sent: it does not have the dialect custom";
    assert!(server.early.contains(warning), "{}", server.early);
}

#[test]
fn an_idle_connection_is_evicted_at_the_limit() {
    let server = Sandbox::new().serve(&["--max-connections", "1", "--threads", "1"]);
    let request = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut answer = [0; 15];
    let mut first = TcpStream::connect(&server.address).unwrap();
    first.write_all(request).unwrap();
    first.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    let mut second = TcpStream::connect(&server.address).unwrap();
    second.write_all(request).unwrap();
    second.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    let mut rest = Vec::new();
    first.read_to_end(&mut rest).unwrap();
    assert!(rest.ends_with(br#"{"status":"ok"}"#));
}

#[test]
fn connections_leave_open_files_for_sending() {
    let sandbox = Sandbox::new();
    let serve = format!(
        "ulimit -n 200 && exec {} serve --listen 127.0.0.1:0",
        env!("CARGO_BIN_EXE_sonnette")
    );
    let mut command = Command::new("sh");
    command
        .args(["-c", &serve])
        .env("SONNETTE_DATA_DIR", sandbox.data());
    let server = Server::start(command);
    assert!(
        server.early.contains("only 100 connections are served"),
        "{}",
        server.early
    );
    let silent: Vec<_> = (0..300)
        .filter_map(|_| TcpStream::connect(&server.address).ok())
        .collect();
    assert_eq!(server.get("/healthz", ""), 200);
    drop(silent);
}

#[test]
fn the_last_use_of_a_token_is_stored() {
    let sandbox = Sandbox::with_store();
    sandbox.run(&["organizer", "create", "bigevents"]).done();
    let make = ["token", "create", "--organizer", "bigevents"];
    let tokens = [sandbox.run(&make).done(), sandbox.run(&make).done()];
    let server = sandbox.serve(&[]);
    for token in &tokens {
        let path = "/api/v1/organizers/bigevents/webhooks/";
        assert_eq!(server.get(path, token.trim()), 200);
    }
    server.end("-TERM");
    let list = sandbox.list(&["token", "list"]);
    assert!(
        list.iter().all(|token| token["last_used"].is_string()),
        "{list:?}"
    );
}
