//! `sonnette demo`.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sonnette::clock::{Clock as _, SystemClock};

use super::sandbox::Sandbox;

/// Ends it, however the test ends.
struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn it_delivers_prints_working_commands_and_stops_on_a_signal() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(&["demo"]);
    let mut demo = Demo(
        command
            .env("TMPDIR", sandbox.path(""))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut lines = BufReader::new(demo.0.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);

    let deliveries: Vec<String> = lines
        .by_ref()
        .take_while(|line| !line.starts_with("Try it yourself"))
        .collect();
    let count = |word: &str| deliveries.iter().filter(|line| line.contains(word)).count();
    assert_eq!(count("delivered"), 5, "{deliveries:#?}");
    assert_eq!(count("signature ok"), 6, "{deliveries:#?}");
    assert_eq!(count("responded 503"), 2, "{deliveries:#?}");
    assert_eq!(count("attempt 2"), 1, "{deliveries:#?}");

    let log_ins = count("demo@example.org with the password");
    assert_eq!(log_ins, 1, "{deliveries:#?}");

    let commands: Vec<String> = lines
        .by_ref()
        .take_while(|line| !line.starts_with("Press Ctrl-C"))
        .collect();
    let curls: Vec<&String> = commands
        .iter()
        .filter(|line| line.starts_with("curl "))
        .collect();
    assert_eq!(curls.len(), 3);
    for curl in curls {
        let shell = format!("{curl} --fail --silent --show-error");
        let ran = Command::new("sh").args(["-c", &shell]).output().unwrap();
        assert!(
            ran.status.success(),
            "{curl}: {}",
            String::from_utf8_lossy(&ran.stderr)
        );
    }
    let published = lines
        .by_ref()
        .find(|line| line.contains("delivered"))
        .unwrap();
    assert!(published.contains("pretix.event.order.paid"), "{published}");

    let began = SystemClock.instant();
    let asked = Command::new("kill")
        .args(["-INT", &demo.0.id().to_string()])
        .status()
        .unwrap();
    assert!(asked.success());
    let _rest: Vec<String> = lines.collect();
    assert_eq!(demo.0.wait().unwrap().code(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(
        std::fs::read_dir(sandbox.path("")).unwrap().count(),
        0,
        "its store still exists"
    );
}

#[test]
fn it_stops_when_its_output_is_closed() {
    let sandbox = Sandbox::new();
    let mut demo = Demo(
        sandbox
            .command(&["demo"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    drop(demo.0.stdout.take());
    assert_eq!(demo.0.wait().unwrap().code(), Some(1));
    let mut err = String::new();
    demo.0
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut err)
        .unwrap();
    assert_eq!(err, "");
}

#[test]
fn it_listens_on_the_address_of_the_flag_only() {
    let sandbox = Sandbox::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let err = sandbox.run(&["demo", "--listen", &address]).refused(1);
    assert!(
        err.contains(&format!("cannot listen on {address}")),
        "{err}"
    );
    drop(taken);
    for (args, variable, expected) in [
        (
            &["demo", "--listen", &address][..],
            "127.0.0.1:1",
            Some(&address),
        ),
        (
            &["demo", "--public-url", "https://a.example"],
            &address,
            None,
        ),
    ] {
        let mut command = sandbox.command(args);
        let mut demo = Demo(
            command
                .env("SONNETTE_LISTEN", variable)
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap(),
        );
        let mut lines = BufReader::new(demo.0.stdout.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        assert_eq!(first.contains(&address), expected.is_some(), "{first}");
        demo.0.kill().unwrap();
        let mut err = String::new();
        let mut stderr = demo.0.stderr.take().unwrap();
        stderr.read_to_string(&mut err).unwrap();
        let warning = "warning: --public-url has no effect on this command\n";
        assert_eq!(err, if expected.is_some() { "" } else { warning });
    }
}
