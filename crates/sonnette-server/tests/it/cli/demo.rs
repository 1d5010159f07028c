//! `demo` as a newcomer meets it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

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
fn it_delivers_shows_how_to_go_on_and_ends_when_asked() {
    let place = Sandbox::new();
    let mut command = place.command(&["demo"]);
    let mut demo = Demo(
        command
            .env("TMPDIR", place.path(""))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut lines = BufReader::new(demo.0.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);

    let story: Vec<String> = lines
        .by_ref()
        .take_while(|line| !line.starts_with("Now you"))
        .collect();
    let about = |word: &str| story.iter().filter(|line| line.contains(word)).count();
    assert_eq!(about("delivered"), 5, "{story:#?}");
    assert_eq!(about("signature ok"), 6, "{story:#?}");
    assert_eq!(about("answered 503"), 2, "{story:#?}");
    assert_eq!(about("try 2"), 1, "{story:#?}");

    assert_eq!(about("demo@example.org with the password"), 1, "{story:#?}");

    let invitation: Vec<String> = lines
        .by_ref()
        .take_while(|line| !line.starts_with("Ctrl-C"))
        .collect();
    let curls: Vec<&String> = invitation
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

    let began = Instant::now();
    let asked = Command::new("kill")
        .args(["-INT", &demo.0.id().to_string()])
        .status()
        .unwrap();
    assert!(asked.success());
    let _rest: Vec<String> = lines.collect();
    assert_eq!(demo.0.wait().unwrap().code(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(
        std::fs::read_dir(place.path("")).unwrap().count(),
        0,
        "its store is left over"
    );
}

#[test]
fn it_ends_when_nobody_reads() {
    let place = Sandbox::new();
    let mut demo = Demo(
        place
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
