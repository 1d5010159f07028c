//! `sonnette doctor`: what it cannot look at is no tick, and URLs are judged by the rules of deliveries.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::Stdio;

use super::sandbox::{CommandResult, Sandbox};

/// A receiver that answers each connection with 200, for ever.
fn receiver() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
    });
    address.to_string()
}

/// The line about a check, and the exit code.
#[track_caller]
fn line_of(ran: &CommandResult, check: &str) -> String {
    let found = ran.out.lines().find(|line| line[4..].starts_with(check));
    let line = found.unwrap_or_else(|| panic!("no line about {check}: {}{}", ran.out, ran.err));
    assert_eq!(ran.code, i32::from(ran.out.contains('✗')), "{}", ran.out);
    line.to_owned()
}

#[test]
fn urls_are_judged_by_the_rules_of_deliveries() {
    let sandbox = Sandbox::new();
    let address = receiver();
    let port = address.split(':').nth(1).unwrap();
    let refused = |host: &str| format!("✗ http://{host}: the address ");
    for host in [
        "10.0.0.5".to_owned(),
        address.clone(),
        format!("localhost:{port}"),
        format!("[::ffff:127.0.0.1]:{port}"),
        "169.254.169.254".to_owned(),
    ] {
        let ran = sandbox.run(&["doctor", &format!("http://{host}/in?key=hush")]);
        let line = line_of(&ran, "http:");
        assert!(line.starts_with(&refused(&host)), "{line}");
        assert!(line.contains("is not publicly reachable"), "{line}");
        assert!(
            line.contains("allow_target") && !line.contains("hush"),
            "{line}"
        );
    }
    for (allowed, url) in [
        ("127.0.0.1", format!("http://{address}/in")),
        ("localhost", format!("http://localhost:{port}/")),
        ("127.0.0.0/8", format!("http://u:hush@{address}")),
    ] {
        let ran = sandbox.run(&["doctor", &url, "--allow-target", allowed]);
        let line = line_of(&ran, "http:");
        assert!(line.ends_with("responds 200 OK"), "{line}");
        assert!(!ran.out.contains("hush"), "{}", ran.out);
    }
    let url = format!("http://{address}/");
    let ran = sandbox.run(&[
        "doctor",
        &url,
        "--allow-target",
        "127.0.0.1",
        "--require-https",
        "true",
    ]);
    assert!(line_of(&ran, "http:").ends_with("only https targets are called from here"));
    let ran = sandbox.run(&[
        "doctor",
        &format!("https://{address}/"),
        "--allow-target",
        "127.0.0.1",
    ]);
    assert!(
        line_of(&ran, "https:").contains("the receiver does not speak TLS"),
        "{}",
        ran.out
    );
}

#[test]
fn a_url_that_no_delivery_can_use_is_a_finding() {
    let sandbox = Sandbox::new();
    for (url, shown) in [
        ("http://u:hush@", ""),
        ("http//u:hush@example.org/?key=hush", "example.org/"),
        ("ftp://u:hush@example.org/", "ftp://example.org"),
        ("https://u:hush@example.org:0/", "https://example.org:0"),
        ("", ""),
    ] {
        let ran = sandbox.run(&["doctor", "--", url]);
        let line = line_of(&ran, shown);
        assert!(ran.out.contains(&format!("✗ {shown}: ")), "{url}: {line}");
        assert!(
            !ran.out.contains("hush") && ran.err.is_empty(),
            "{}{}",
            ran.out,
            ran.err
        );
    }
}

#[test]
fn what_cannot_be_looked_at_is_no_tick() {
    let sandbox = Sandbox::with_store();
    let closed = std::fs::Permissions::from_mode(0o000);
    std::fs::set_permissions(sandbox.path(""), closed).unwrap();
    let mut command = sandbox.command(&["doctor"]);
    if rustix::process::getuid().is_root() {
        // Root may read everything, so the command runs as another user.
        command.uid(65_534);
    }
    let output = command
        .current_dir("/")
        .stdout(Stdio::piped())
        .output()
        .unwrap();
    std::fs::set_permissions(sandbox.path(""), std::fs::Permissions::from_mode(0o700)).unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    for check in ["store", "disk space"] {
        assert!(
            out.contains(&format!("✗ {check}: cannot look at ")),
            "{out}"
        );
    }
    assert!(!out.contains("✓ rows") && out.contains("✓ clock"), "{out}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_file_that_is_no_store_is_a_finding() {
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.data()).unwrap();
    std::fs::write(sandbox.data().join("sonnette.db"), "no database").unwrap();
    let ran = sandbox.run(&["doctor"]);
    assert!(line_of(&ran, "store").starts_with('✗'), "{}", ran.out);

    // The data directory is a file, or is to be created below one.
    sandbox.write("file", "");
    for directory in ["file", "file/below"] {
        let path = sandbox.path(directory);
        let ran = sandbox.run(&["doctor", "--data-dir", path.to_str().unwrap()]);
        let line = line_of(&ran, "store");
        assert!(
            line.starts_with('✗') && line.ends_with("is not a directory"),
            "{line}"
        );
    }
}

#[test]
fn files_that_the_settings_name_are_read() {
    let sandbox = Sandbox::new();
    for flag in [
        "--operator-token-file",
        "--token-file",
        "--mail-password-file",
    ] {
        let ran = sandbox.run(&["doctor", flag, "missing"]);
        let line = line_of(&ran, "settings");
        assert!(
            line.starts_with('✗') && line.contains("missing"),
            "{flag}: {line}"
        );
    }
}
