//! `/readyz` while the store cannot be written, and afterwards.

use std::process::Command;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::Value;

use super::client::{Api, ApiResponse, order};
use crate::dashboard::browser::{Browser, PAGES};

/// The answer of `/readyz`, which comes within a second.
fn ready(api: &Api) -> ApiResponse {
    let began = now();
    let answer = api.raw("GET /readyz HTTP/1.1\r\n", b"");
    let took = began.elapsed();
    assert!(took < Duration::from_secs(1), "{took:?}");
    answer
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long a server takes is what is tested"
)]
fn now() -> Instant {
    Instant::now()
}

/// Asks until the status is this one, for at most two seconds.
#[track_caller]
fn wait_for(api: &Api, status: u16) -> Value {
    let began = now();
    loop {
        let answer = ready(api);
        if answer.status == status {
            return answer.json();
        }
        assert!(began.elapsed() < Duration::from_secs(2), "{answer:?}");
    }
}

/// Bounds the size of each file that the server writes, as a full disk does.
fn limit_files(api: &Api, bytes: &str) {
    let process = format!("--pid={}", api.process_id());
    let limit = format!("--fsize={bytes}:unlimited");
    let status = Command::new("prlimit").args([process, limit]).status();
    assert!(status.unwrap().success());
}

#[test]
fn a_full_disk_is_reported_until_there_is_room() {
    let api = Api::start();
    let webhook = api.webhook("http://127.0.0.1:1/");
    let browser = Browser::of(&api, &["webhooks"]);
    assert_eq!(ready(&api).status, 200);
    limit_files(&api, "4096");
    let told = wait_for(&api, 503);
    assert_eq!(told["reason"], "store_unavailable");
    assert!(told["detail"].as_str().unwrap().contains("disk"), "{told}");
    let refused = api.post("notifications/", order("ABC"));
    assert_eq!(refused.status, 503, "{}", refused.text);
    assert!(refused.header("retry-after").is_some());
    // What needs no write is answered.
    for path in [&webhook, "webhooks/", "notifications/"] {
        api.get(path).expect(200);
    }
    let page = format!("{PAGES}/webhooks/new/");
    let fields = [
        ("target_url", "http://127.0.0.1:1/"),
        ("action_types", "pretix.event.order.placed"),
    ];
    let refused = browser.submit(&page, &page, &fields).expect(503);
    assert_eq!(refused.header("retry-after"), Some("5"));
    assert!(refused.text.contains("</html>"), "{}", refused.text);
    limit_files(&api, "unlimited");
    wait_for(&api, 200);
    api.place_order("ABC");
}

#[test]
fn a_locked_database_is_reported_within_a_second() {
    let api = Api::start();
    let webhook = api.webhook("http://127.0.0.1:1/");
    assert_eq!(ready(&api).status, 200);
    let other = Connection::open(api.place().data().join("sonnette.db")).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    for _ in 0..3 {
        let told = wait_for(&api, 503);
        assert_eq!(told["reason"], "store_unavailable");
    }
    for path in [&webhook, "webhooks/", "notifications/", "attempts/"] {
        let began = now();
        api.get(path).expect(200);
        assert!(began.elapsed() < Duration::from_secs(1), "{path}");
    }
    other.execute_batch("ROLLBACK").unwrap();
    wait_for(&api, 200);
    api.place_order("ABC");
}

#[test]
fn many_checks_share_one() {
    let api = Api::start();
    let began = now();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..50 {
                    assert_eq!(ready(&api).status, 200);
                }
            });
        }
    });
    // 400 checks of their own, each a durable write, would take longer than that.
    let wal = api.place().data().join("sonnette.db-wal");
    let written = std::fs::metadata(wal).unwrap().len();
    let most = 1 + 4 * (1 + began.elapsed().as_secs());
    assert!(written < most * (128 << 10) + (1 << 20), "{written}");
}
