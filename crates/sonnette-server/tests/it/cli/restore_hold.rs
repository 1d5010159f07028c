//! Holding deliveries after a restore.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sonnette::testing::Receiver;
use tokio::task::spawn_blocking;

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

#[tokio::test]
async fn after_a_restore_with_hold_nothing_is_delivered_until_resume() {
    let platform = Platform::new();
    let run = |args: &[&str]| platform.sandbox.run(args).done();
    let receiver = Receiver::start().await;
    let server = platform.serve();
    let webhook = platform.add_webhook(&server, &receiver);
    run(&["backup", "backup.db"]);
    drop(server);
    let out = run(&["restore", "backup.db", "--hold"]);
    assert!(out.contains("sonnette resume"), "{out}");

    let server = platform.serve();
    assert!(
        server.early.contains("deliveries are held"),
        "{}",
        server.early
    );
    assert!(hold(&server)["since"].is_string());
    assert!(run(&["doctor"]).contains("deliveries: held since"));
    platform.publish(&server, "ada");
    nothing_comes(&receiver, 0).await;
    let path = format!("webhooks/{webhook}");
    let call = |method: &str, rest: &str| {
        platform.call(&server, method, &format!("{path}/{rest}"), &json!({}))
    };
    // The receiver responds on this thread.
    let (address, token) = (server.address.clone(), platform.token.clone());
    let test = format!("/api/v1/organizers/bigevents/{path}/test/");
    let tested = spawn_blocking(move || request(&address, "POST", &test, &token, &json!({})));
    let (status, attempt) = tested.await.unwrap();
    assert!(
        status == 200 && attempt.contains(r#""return_code":200"#),
        "{attempt}"
    );
    assert_eq!(receiver.requests().len(), 1);
    call("POST", "deliveries/1/retry/");
    call("POST", "expedite/");
    nothing_comes(&receiver, 1).await;
    let health = call("GET", "health/");
    assert!(
        health["reason"].as_str().unwrap().contains("backup"),
        "{health}"
    );
    assert_eq!(
        (&health["next_attempt"], &health["backlog"]),
        (&Value::Null, &json!(1))
    );
    assert_eq!(call("GET", "deliveries/?state=held")["results"][0]["id"], 1);
    // It outlasts a restart, and holds organizers that are created meanwhile.
    drop(server);
    run(&["organizer", "create", "later"]);
    let server = platform.serve();
    assert!(hold(&server).is_object());
    run(&["resume", "--organizer", "later"]);
    platform
        .sandbox
        .run(&["resume", "--organizer", "later"])
        .refused(1);
    nothing_comes(&receiver, 1).await;
    assert!(hold(&server).is_object());
    let resumed_at = Instant::now();
    let out = run(&["resume", "--organizer", "bigevents"]);
    assert!(out.contains("bigevents"), "{out}");
    receiver.wait_for(2).await;
    assert!(resumed_at.elapsed() < Duration::from_secs(1));
    // None is held any longer.
    assert_eq!(hold(&server), Value::Null);
    assert!(run(&["resume"]).contains("no deliveries are held"));
    platform.publish(&server, "ada");
    receiver.wait_for(3).await;
}
