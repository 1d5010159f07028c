//! Holding deliveries after a restore.

use std::time::Duration;

use serde_json::{Value, json};
use sonnette::testing::Receiver;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::restore::Platform;
use super::sandbox::{Server, request};

fn hold(server: &Server) -> Value {
    let (status, body) = server.request("GET", "/readyz", "", &json!(null));
    assert_eq!(status, 200);
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["status"], "ok");
    body["hold"].clone()
}

async fn nothing_comes(receiver: &Receiver, before: usize) {
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert_eq!(receiver.requests().len(), before);
}

/// A platform whose store was restored with a hold.
fn held_platform(receiver: &Receiver) -> (Platform, Server) {
    let platform = Platform::new();
    let server = platform.serve();
    platform.add_webhook(&server, receiver);
    platform.sandbox.run(&["backup", "backup.db"]).done();
    drop(server);
    let restore = ["restore", "backup.db", "--hold"];
    let out = platform.sandbox.run(&restore).done();
    assert!(out.contains("sonnette resume"), "{out}");
    let server = platform.serve();
    (platform, server)
}

#[tokio::test]
async fn after_a_restore_with_hold_only_tests_are_sent() {
    let receiver = Receiver::start().await;
    let (platform, server) = held_platform(&receiver);
    let early = &server.early;
    assert!(early.contains("deliveries are held"), "{early}");
    assert!(hold(&server)["since"].is_string());
    let findings = platform.sandbox.run(&["doctor"]).done();
    assert!(findings.contains("deliveries: held since"), "{findings}");
    assert_eq!(platform.publish(&server, "ada"), 1);
    nothing_comes(&receiver, 0).await;
    // The receiver responds on this thread.
    let (address, token) = (server.address.clone(), platform.token.clone());
    let test = "/api/v1/organizers/bigevents/webhooks/1/test/";
    let tested = spawn_blocking(move || request(&address, "POST", test, &token, &json!({})));
    let (status, attempt) = tested.await.unwrap();
    assert_eq!(status, 200, "{attempt}");
    assert_eq!(receiver.requests().len(), 1);
    let call = |method: &str, rest: &str| {
        platform.call(&server, method, &format!("webhooks/1/{rest}"), &json!({}))
    };
    call("POST", "deliveries/1/retry/");
    call("POST", "expedite/");
    nothing_comes(&receiver, 1).await;
    let health = call("GET", "health/");
    let reason = health["reason"].as_str().unwrap();
    assert!(reason.contains("restored from a backup"), "{health}");
    assert_eq!(health["next_attempt"], Value::Null);
    assert_eq!(health["backlog"], 1);
    let held = call("GET", "deliveries/?state=held");
    assert_eq!(held["results"][0]["id"], 1, "{held}");
}

#[tokio::test]
async fn a_hold_outlasts_restarts_and_ends_with_resume() {
    let receiver = Receiver::start().await;
    let (platform, server) = held_platform(&receiver);
    let run = |args: &[&str]| platform.sandbox.run(args);
    platform.publish(&server, "ada");
    drop(server);
    // Organizers that are created meanwhile are held, too.
    run(&["organizer", "create", "later"]).done();
    let server = platform.serve();
    run(&["resume", "--organizer", "later"]).done();
    run(&["resume", "--organizer", "later"]).refused(1);
    run(&["resume", "--organizer", "unknown"]).refused(1);
    nothing_comes(&receiver, 0).await;
    assert!(hold(&server).is_object());
    let out = run(&["resume", "--organizer", "bigevents"]).done();
    assert!(out.contains("bigevents"), "{out}");
    let arrival = receiver.wait_for(1);
    timeout(Duration::from_secs(1), arrival).await.unwrap();
    // None is held any longer.
    assert_eq!(hold(&server), Value::Null);
    assert!(run(&["resume"]).done().contains("no deliveries are held"));
    platform.publish(&server, "ada");
    receiver.wait_for(2).await;
}
