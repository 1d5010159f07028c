//! Bounds of the work on the store, and of what the store can hold.

use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::{Value, json};

use super::client::{Api, order, receiver};

#[expect(
    clippy::disallowed_methods,
    reason = "how long a server takes is what is tested"
)]
fn now() -> Instant {
    Instant::now()
}

fn database(api: &Api) -> Connection {
    Connection::open(api.place().data().join("sonnette.db")).unwrap()
}

fn metric(api: &Api, name: &str) -> f64 {
    let text = api.raw("GET /metrics HTTP/1.1\r\n", b"").expect(200).text;
    let value = text.lines().find_map(|line| line.strip_prefix(name));
    value
        .unwrap_or_else(|| panic!("no {name}"))
        .trim()
        .parse()
        .unwrap()
}

/// Adds deliveries that wait for a webhook, past the server.
fn fill(api: &Api, webhook: i64, count: usize) {
    let sql = format!(
        "BEGIN;
         INSERT INTO notifications (id, organizer, action_type, event, published_at, shape, body, deliveries)
         SELECT 1000000 + value, 1, 'pretix.event.order.placed', 'democon', unixepoch() * 1000000, 'pretix', x'7b7d', 1
         FROM generate_series(1, {count});
         INSERT INTO deliveries (webhook, notification, attempts, tries, started_at, due_at)
         SELECT {webhook}, 1000000 + value, 0, 0, unixepoch() * 1000000, (unixepoch() + 86400) * 1000000
         FROM generate_series(1, {count});
         COMMIT;"
    )
    .replace(
        &format!("generate_series(1, {count})"),
        &format!(
            "(WITH RECURSIVE numbers(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM numbers WHERE value < {count})
              SELECT value FROM numbers)"
        ),
    );
    database(api).execute_batch(&sql).unwrap();
}

#[test]
fn scrapes_and_dry_runs_beside_many_waiting_deliveries_delay_nobody() {
    let api = Api::start();
    let id = api.webhook("http://127.0.0.1:1/");
    let number = id.trim_matches(|c: char| !c.is_ascii_digit()).parse();
    fill(&api, number.unwrap(), 200_000);
    // A scrape shows the latest count, and begins another.
    let began = now();
    while metric(&api, "sonnette_backlog ") < 200_000.0 {
        assert!(began.elapsed() < Duration::from_secs(5));
    }
    let body = json!({"since": "2020-01-01T00:00:00Z", "dry_run": true});
    let slowest = std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..10 {
                    metric(&api, "sonnette_backlog ");
                }
            });
        }
        for _ in 0..8 {
            scope.spawn(|| {
                let answer = api.post(&format!("{id}retry/"), body.clone());
                assert_eq!(answer.status, 200, "{}", answer.text);
            });
        }
        let took = (0..10).map(|_| {
            let began = now();
            api.get("webhooks/").expect(200);
            api.place_order("ABC");
            began.elapsed()
        });
        took.max().unwrap()
    });
    assert!(slowest < Duration::from_secs(3), "{slowest:?}");
}

#[test]
fn metrics_count_damaged_rows() {
    let api = Api::start();
    assert!(metric(&api, "sonnette_damaged_rows ") < 0.5);
    api.webhook("http://127.0.0.1:1/");
    let sql = "UPDATE webhooks SET secret = 'x', changed = changed + 1";
    database(&api).execute_batch(sql).unwrap();
    api.place().run(&["organizer", "create", "other"]).done();
    api.get("webhooks/").expect(200);
    assert!(metric(&api, "sonnette_damaged_rows ") > 0.5);
    let ready = api.raw("GET /readyz HTTP/1.1\r\n", b"").expect(200);
    assert_eq!(ready.json()["status"], "ok");
}

#[test]
fn the_last_second_of_the_year_9999_is_taken_everywhere() {
    const FOREVER: &str = "9999-12-31T23:59:59Z";
    let api = Api::start();
    let operator = |method: &str, path: &str, body: Option<Value>| {
        let path = format!("/api/v1/organizers/bigevents/{path}");
        api.call_as(&api.operator, method, &path, body)
    };
    for (slug, at, shown) in [
        ("forever", FOREVER, "9999-12-31T23:59:59.000000Z"),
        (
            "edge",
            "9999-12-30T22:00:00.5Z",
            "9999-12-30T22:00:00.500000Z",
        ),
    ] {
        let body = json!({"slug": slug, "date_from": at});
        let event = operator("POST", "events/", Some(body)).expect(201).json();
        assert_eq!(event["date_from"], shown);
        let path = format!("events/{slug}/");
        assert_eq!(
            operator("GET", &path, None).expect(200).json()["date_from"],
            shown
        );
    }
    let patch = json!({"date_from": FOREVER});
    operator("PATCH", "events/edge/", Some(patch)).expect(200);
    let beyond = json!({"date_from": "10000-01-01T00:00:00Z"});
    operator("PATCH", "events/edge/", Some(beyond)).expect(400);
    assert_eq!(
        operator("GET", "events/", None).expect(200).json()["count"],
        2
    );
    let webhook = api.webhook("http://127.0.0.1:1/");
    api.place_order("ABC");
    for path in [
        "notifications/".to_owned(),
        "attempts/".to_owned(),
        format!("{webhook}attempts/"),
    ] {
        let all = api.get(&format!("{path}?until={FOREVER}")).expect(200);
        assert!(all.json()["results"].is_array());
        let none = api.get(&format!("{path}?since={FOREVER}")).expect(200);
        assert_eq!(none.json()["results"], json!([]));
    }
    let retry = json!({"since": "2020-01-01T00:00:00Z", "until": FOREVER, "dry_run": true});
    api.post(&format!("{webhook}retry/"), retry).expect(200);
}

#[test]
fn a_membership_that_lasts_forever_is_valid() {
    let api = Api::start();
    let receiver = receiver();
    let dialects = json!({"dialects": ["tibillet"]});
    let path = "/api/v1/organizers/bigevents/";
    api.call_as(&api.operator, "PATCH", path, Some(dialects))
        .expect(200);
    let webhook = json!({
        "target_url": receiver.url(),
        "limit_events": [],
        "action_types": ["tibillet.membership"],
    });
    api.post("webhooks/", webhook).expect(201);
    let membership = json!({
        "action_type": "tibillet.membership",
        "data": {
            "id": 1,
            "uuid": "5a0b1c9e-0f3c-4c7e-9a43-0d3f0a1f6a55",
            "status": "O",
            "date_added": "9999-12-31T23:59:59.5Z",
            "deadline": "9999-12-31T23:59:59Z",
        },
    });
    let published = api.post("notifications/", membership).expect(201).json();
    assert_eq!(published["deliveries"], 1);
    let path = format!("notifications/{}/", published["notification_id"]);
    api.wait(&path, |found| {
        found["deliveries"][0]["state"] == "delivered"
    });
    let body: Value = serde_json::from_slice(&receiver.requests()[0].body).unwrap();
    assert_eq!(body["deadline"], "9999-12-31T23:59:59+00:00");
    assert_eq!(body["is_valid"], true);
}

#[test]
fn an_erasure_delays_no_other_publication() {
    let api = Api::start();
    let receiver = receiver();
    api.webhook(&receiver.url());
    for _ in 0..4 {
        let person: Vec<Value> = (0..50)
            .map(|_| {
                let mut publication = order("ABC");
                publication["subject"] = json!("person");
                publication
            })
            .collect();
        api.post("notifications/", Value::Array(person)).expect(201);
    }
    // A log in which a search for one notification would take long.
    let database = database(&api);
    let newest = "SELECT max(number) FROM log_segments";
    let segment: i64 = database.query_row(newest, [], |r| r.get(0)).unwrap();
    let sql = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)
               INSERT INTO attempts_{segment} (webhook, id, notification, target_url, number, started_at, duration_us, return_code,
                 request_headers, response_headers)
               SELECT 1, (unixepoch() - 86400) * 1000000 + i, 5000000, '', 1, 0, 1, 204, '', '' FROM n"
    );
    database.execute_batch(&sql).unwrap();
    std::thread::scope(|scope| {
        let erasure = scope.spawn(|| {
            let path = "/api/v1/organizers/bigevents/subjects/person/";
            api.call_as(&api.operator, "DELETE", path, None).expect(200)
        });
        let mut slowest = Duration::ZERO;
        for _ in 0..20 {
            let began = now();
            api.place_order("DEF");
            slowest = slowest.max(began.elapsed());
        }
        let erased = erasure.join().unwrap().json();
        assert_eq!(erased["notifications"], 200, "{erased}");
        assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    });
}

#[test]
fn a_webhook_change_shows_no_query_of_its_url() {
    let api = Api::start();
    let receiver = receiver();
    let dialects = json!({"dialects": ["pretix", "creads"]});
    let path = "/api/v1/organizers/bigevents/";
    api.call_as(&api.operator, "PATCH", path, Some(dialects))
        .expect(200);
    let webhook = |url: &str, action: &str| {
        let body = json!({"target_url": url, "limit_events": [], "action_types": [action]});
        api.post("webhooks/", body).expect(201).json()["id"].clone()
    };
    webhook(&receiver.url(), "creads.webhook.*");
    let about = webhook(
        "http://127.0.0.1:1/x?key=hidden",
        "pretix.event.order.placed",
    );
    // One change cannot be read: the others are published all the same.
    let sql = "INSERT INTO webhook_news (organizer, webhook, change, created_at, modified_at, target_url, enabled)
               VALUES (1, 1, 'exploded', 0, 0, 'nowhere', 1)";
    database(&api).execute_batch(sql).unwrap();
    let url = json!({"target_url": "http://user:word@127.0.0.1:1/y?key=hidden#part"});
    api.call("PATCH", &format!("webhooks/{about}/"), Some(url))
        .expect(200);
    for _ in 0..5_000 {
        if receiver.requests().len() >= 2 {
            break;
        }
        api.get("webhooks/").expect(200);
    }
    let requests = receiver.requests();
    assert!(requests.len() >= 2, "{}", requests.len());
    for request in requests {
        let body = String::from_utf8(request.body.to_vec()).unwrap();
        assert!(!body.contains("hidden") && !body.contains("word"), "{body}");
        assert!(body.contains("http://127.0.0.1:1/"), "{body}");
    }
    let doctor = api.place().run(&["doctor"]);
    assert!(
        doctor.out.contains("of webhook_news is damaged"),
        "{}",
        doctor.out
    );
}
