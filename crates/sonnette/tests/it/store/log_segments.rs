//! The segments of the log and the templates of headers, which only the embedded store has.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::SignedDuration;
use rusqlite::Connection;
use sonnette::domain::{Attempt, AttemptId, SettlementKind, WebhookId};
use sonnette::store::sqlite::SqliteStore;
use sonnette::store::{
    AttemptQuery, BatchAuditEntry, DeliveryUpdate, ErasureStore, History, RetentionStore,
    SettlementCause, Store,
};

use super::fixture::{Fixture, at, attempt, publication, settlement, stored};
use crate::test_engine::batch_entry;

const DAY_SECONDS: i64 = 86_400;

fn connection(path: &Path) -> Connection {
    Connection::open(path.join("sonnette.db")).unwrap()
}

fn numbers(path: &Path, sql: &str) -> Vec<i64> {
    let connection = connection(path);
    let mut statement = connection.prepare(sql).unwrap();
    let found = statement.query_map([], |r| r.get(0)).unwrap();
    found.collect::<Result<_, _>>().unwrap()
}

fn segments(path: &Path) -> Vec<i64> {
    numbers(
        path,
        "SELECT number FROM log_segments WHERE removed = 0 ORDER BY number",
    )
}

fn tables(path: &Path) -> i64 {
    let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name GLOB 'attempts_*'";
    numbers(path, sql)[0]
}

/// Removes what is older than 30 days, as the janitor does at this time.
fn prune(store: &SqliteStore, second: i64) {
    let kept = SignedDuration::from_hours(30 * 24);
    while store.prune(at(second) - kept, at(second)).unwrap() {}
}

/// Records a successful attempt for a notification of its own.
fn deliver(fixture: &Fixture<'_>, webhook: WebhookId, second: i64) {
    let id = fixture.publish(&[webhook], &[second])[0];
    fixture.settle_delivery(webhook, id, SettlementKind::Delivered, second);
}

fn newest(limit: usize) -> AttemptQuery {
    AttemptQuery {
        limit,
        ..AttemptQuery::default()
    }
}

/// The seconds of all attempts, read in pages.
fn attempt_seconds(store: &dyn Store, webhooks: &[WebhookId], limit: usize) -> Vec<i64> {
    let mut query = newest(limit);
    let mut seconds = Vec::new();
    loop {
        let page = store.attempts(webhooks, &query).unwrap();
        let Some(last) = page.last() else {
            return seconds;
        };
        query.after = Some(last.id);
        let noon = at(0).as_microsecond();
        seconds.extend(page.iter().map(|a| (a.id.0 - noon) / 1_000_000));
    }
}

#[test]
fn a_day_of_the_log_is_removed_as_a_whole() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path()).unwrap();
    let fixture = Fixture::new(&store);
    let webhooks = [fixture.add_webhook(), fixture.add_webhook()];
    let mut expected = Vec::new();
    for day in 0..40 {
        prune(&store, day * DAY_SECONDS);
        for (second, webhook) in [(1, 0), (2, 1), (3, 0)] {
            deliver(&fixture, webhooks[webhook], day * DAY_SECONDS + second);
            expected.insert(0, day * DAY_SECONDS + second);
        }
    }
    prune(&store, 39 * DAY_SECONDS + 4);
    expected.retain(|second| *second >= 9 * DAY_SECONDS);
    assert_eq!(attempt_seconds(&store, &webhooks, 1_000), expected);
    assert_eq!(attempt_seconds(&store, &webhooks, 1), expected);
    let of_second: Vec<_> = expected
        .iter()
        .copied()
        .filter(|s| s % DAY_SECONDS == 2)
        .collect();
    assert_eq!(attempt_seconds(&store, &webhooks[1..], 4), of_second);
    assert_eq!(segments(directory.path()).len(), 32);
    assert_eq!(tables(directory.path()), 32);
    let query = AttemptQuery {
        notification: Some(
            fixture.store.attempts(&webhooks, &newest(99)).unwrap()[40].notification,
        ),
        ..newest(9)
    };
    assert_eq!(store.attempts(&webhooks, &query).unwrap().len(), 1);
    assert_eq!(store.latest_attempts(&webhooks).unwrap().len(), 2);
    assert_eq!(store.find_damaged_rows().unwrap(), []);
    // Nothing happens for two months.
    prune(&store, 100 * DAY_SECONDS);
    assert_eq!(segments(directory.path()).len(), 1);
    assert_eq!(tables(directory.path()), 1);
    assert!(attempt_seconds(&store, &webhooks, 9).is_empty());
}

#[test]
fn a_jump_of_the_clock_hides_no_attempt_and_stops_no_segment() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path()).unwrap();
    let fixture = Fixture::new(&store);
    let (jumped, webhook) = (fixture.add_webhook(), fixture.add_webhook());
    let future = 3_650 * DAY_SECONDS;
    prune(&store, 0);
    deliver(&fixture, webhook, 10);
    // Attempts in the future, before and after a new segment begins there.
    deliver(&fixture, jumped, future);
    prune(&store, future - 40 * DAY_SECONDS);
    deliver(&fixture, jumped, future + 1);
    // The clock is set back. The lane of one webhook continues after its last attempt.
    for day in 1..=3 {
        deliver(&fixture, webhook, day * DAY_SECONDS);
        deliver(&fixture, jumped, future + 1 + day);
        prune(&store, day * DAY_SECONDS + 60);
    }
    let future_seconds = [4, 3, 2, 1, 0].map(|second| future + second);
    let expected = [
        &future_seconds[..],
        &[3 * DAY_SECONDS, 2 * DAY_SECONDS, DAY_SECONDS],
    ]
    .concat();
    for limit in [1, 3, 99] {
        assert_eq!(attempt_seconds(&store, &[jumped, webhook], limit), expected);
    }
    assert_eq!(
        attempt_seconds(&store, &[webhook], 2),
        [3 * DAY_SECONDS, 2 * DAY_SECONDS, DAY_SECONDS]
    );
    assert_eq!(segments(directory.path()).len(), 5);
    // Past days are removed, too, where they are mixed with the future.
    deliver(&fixture, webhook, 32 * DAY_SECONDS);
    prune(&store, 32 * DAY_SECONDS + 1);
    let expected = [&future_seconds[..], &[32 * DAY_SECONDS, 3 * DAY_SECONDS]].concat();
    assert_eq!(attempt_seconds(&store, &[jumped, webhook], 2), expected);
    let id = AttemptId(at(future).as_microsecond());
    assert!(store.attempt(jumped, id).unwrap().is_some());
    let lane = fixture.store.lane(jumped).unwrap();
    assert_eq!(
        lane.last_attempt.map(|id| id.0),
        Some(at(future + 4).as_microsecond())
    );
    // A clock that jumps all the time makes no table each time.
    for round in 0..200 {
        prune(&store, 40 * DAY_SECONDS + round % 2 * 10 * DAY_SECONDS);
    }
    assert_eq!(tables(directory.path()), 100);
    deliver(&fixture, webhook, 50 * DAY_SECONDS);
    assert_eq!(attempt_seconds(&store, &[webhook], 1)[0], 50 * DAY_SECONDS);
}

#[test]
fn a_longer_log_has_about_60_segments() {
    for log_days in [60, 600, 6_000] {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(directory.path()).unwrap();
        let kept = SignedDuration::from_hours(24 * log_days);
        // Half of a segment passes from one look to the next.
        let table_count = |half| {
            let now = at(half * log_days * DAY_SECONDS / 120);
            while store.prune(now - kept, now).unwrap() {}
            tables(directory.path())
        };
        let count = (0..150).map(table_count).max();
        assert_eq!(count, Some(62), "{log_days} days");
    }
}

#[test]
fn pages_are_read_while_segments_are_removed() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(directory.path()).unwrap());
    let fixture = Fixture::new(&*store);
    let webhooks = [fixture.add_webhook(), fixture.add_webhook()];
    let stopped = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for webhooks in [&webhooks[..], &webhooks[1..]] {
            let (store, stopped) = (store.clone(), &stopped);
            scope.spawn(move || {
                while !stopped.load(Ordering::Relaxed) {
                    let seconds = attempt_seconds(&*store, webhooks, 7);
                    assert!(seconds.is_sorted_by(|newer, older| newer > older));
                    store.latest_attempts(webhooks).unwrap();
                    store.attempt_timings(webhooks[0], at(0)).unwrap();
                }
            });
        }
        for day in 0..60 {
            prune(&store, day * DAY_SECONDS);
            for second in 0..6 {
                deliver(
                    &fixture,
                    webhooks[usize::from(second % 2 == 0)],
                    day * DAY_SECONDS + second,
                );
            }
        }
        stopped.store(true, Ordering::Relaxed);
    });
    assert!(attempt_seconds(&*store, &webhooks, 9).len() >= 30 * 6);
}

#[test]
fn an_attempt_that_is_settled_again_in_the_next_segment_is_not_repeated() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path()).unwrap();
    let fixture = Fixture::new(&store);
    let webhook = fixture.add_webhook();
    prune(&store, 0);
    let id = fixture.publish(&[webhook], &[DAY_SECONDS])[0];
    let update = DeliveryUpdate::Settle {
        end: SettlementKind::Delivered,
        attempts: 1,
        started_at: at(DAY_SECONDS),
    };
    let settlement = settlement(webhook, id, DAY_SECONDS + 1, Some(update));
    fixture.settle(vec![settlement.clone()], at(DAY_SECONDS + 1));
    prune(&store, DAY_SECONDS + 2);
    fixture.settle(vec![settlement], at(DAY_SECONDS + 3));
    assert_eq!(attempt_seconds(&store, &[webhook], 9), [DAY_SECONDS + 1]);
    let stats = store.attempt_stats(&[webhook], at(0)).unwrap();
    assert_eq!(stats.iter().map(|s| s.succeeded).sum::<u64>(), 1);
}

/// An attempt whose request and response are recorded as a sender does.
fn record_attempt(
    fixture: &Fixture<'_>,
    webhook: WebhookId,
    second: i64,
    response: &str,
) -> Attempt {
    record_attempt_with_header(fixture, webhook, second, response, "")
}

/// The same, with a further header of the request.
fn record_attempt_with_header(
    fixture: &Fixture<'_>,
    webhook: WebhookId,
    second: i64,
    response: &str,
    request_header: &str,
) -> Attempt {
    let mut person = publication(&[webhook], second);
    person.subject = Some("person".to_owned());
    let answers = fixture.commit(vec![fixture.group(vec![person])]);
    let id = stored(&answers[0])[0].id;
    let mut attempt = attempt(webhook, id, second);
    "https://example.org/events?key=value".clone_into(&mut attempt.target_url);
    attempt.exchange.started_at = at(second) - SignedDuration::from_micros(12_345);
    attempt.exchange.request_headers = format!(
        "host: example.org\nuser-agent: Sonnette\ncontent-length: 250\nwebhook-id: msg_0123456789ab_{webhook}_{id}_fcxmmx1m51\n\
         webhook-timestamp: {}\nwebhook-signature: v1,AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
        attempt.exchange.started_at.as_second()
    ) + request_header;
    response.clone_into(&mut attempt.exchange.response_headers);
    let mut settlement = settlement(webhook, id, second, None);
    settlement.cause = SettlementCause::Attempted {
        attempt: Arc::new(attempt.clone()),
        update: None,
    };
    fixture.settle(vec![settlement], at(second));
    attempt.sent_body = Some(
        stored(&answers[0])[0]
            .body
            .clone()
            .expect("it was published now"),
    );
    attempt
}

#[test]
fn headers_are_stored_once_for_many_attempts_and_read_as_they_were() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let store = SqliteStore::open(path).unwrap();
    let fixture = Fixture::new(&store);
    let (webhook, organizer) = (fixture.add_webhook(), fixture.organizer);
    let count = || numbers(path, "SELECT count(*) FROM header_templates")[0];
    let response =
        |second: i64| format!("server: nginx\nset-cookie: {second}\ncontent-length: {second}\n");
    prune(&store, 0);
    let mut attempts: Vec<_> = (1..=9)
        .map(|second| record_attempt(&fixture, webhook, second, &response(second)))
        .collect();
    assert_eq!(count(), 2);
    // A receiver whose headers all differ does not fill the table.
    for second in 10..99 {
        let headers = format!("server: {second}\nx: y\n");
        attempts.push(record_attempt(&fixture, webhook, second, &headers));
    }
    assert_eq!(count(), 32);
    attempts.push(record_attempt(&fixture, webhook, DAY_SECONDS, ""));
    attempts.push(record_attempt(
        &fixture,
        webhook,
        DAY_SECONDS + 1,
        "a\u{1}b",
    ));
    let read_all = |store: &SqliteStore| {
        for attempt in &attempts {
            let read = store.attempt(webhook, attempt.id).unwrap();
            assert_eq!(read.as_ref(), Some(attempt));
        }
    };
    read_all(&store);
    drop(store);
    let store = SqliteStore::open(path).unwrap();
    read_all(&store);
    // A template remains as long as an attempt uses it.
    let fixture = Fixture {
        store: &store,
        organizer,
    };
    prune(&store, 2 * DAY_SECONDS);
    attempts.push(record_attempt(
        &fixture,
        webhook,
        2 * DAY_SECONDS,
        &response(0),
    ));
    prune(&store, 33 * DAY_SECONDS);
    assert_eq!(attempt_seconds(&store, &[webhook], 9), [2 * DAY_SECONDS]);
    let last = attempts.last().unwrap();
    let read = store.attempt(webhook, last.id).unwrap();
    assert_eq!(read.as_ref(), Some(last));
    assert_eq!(count(), 2);
    prune(&store, 80 * DAY_SECONDS);
    assert_eq!(count(), 0);
}

#[test]
fn headers_of_more_than_4_kib_are_stored_in_full() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let store = SqliteStore::open(path).unwrap();
    let fixture = Fixture::new(&store);
    let webhook = fixture.add_webhook();
    prune(&store, 0);
    let record = |second, bytes| {
        let header = format!("x-long: {}\n", "a".repeat(bytes));
        let attempt = record_attempt_with_header(&fixture, webhook, second, "", &header);
        let read = store.attempt(webhook, attempt.id).unwrap();
        assert_eq!(read.as_ref(), Some(&attempt));
        numbers(
            path,
            "SELECT length(headers) FROM header_templates WHERE headers <> ''",
        )
    };
    let template_bytes = record(1, 0)[0];
    let longest = usize::try_from(4_096 - template_bytes).unwrap();
    assert_eq!(record(2, longest), [template_bytes, 4_096]);
    assert_eq!(record(3, longest + 1), [template_bytes, 4_096]);
}

#[test]
fn an_erasure_clears_attempts_in_every_segment() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path()).unwrap();
    let fixture = Fixture::new(&store);
    let webhook = fixture.add_webhook();
    let response = "server: nginx\nx-person: ada\ncontent-length: 3\n";
    let mut attempts = Vec::new();
    for day in 0..3 {
        prune(&store, day * DAY_SECONDS);
        attempts.push(record_attempt(
            &fixture,
            webhook,
            day * DAY_SECONDS + 1,
            response,
        ));
    }
    let last = attempts[2].notification;
    let mut entry: BatchAuditEntry = batch_entry();
    let organizer = fixture.organizer;
    // Their deliveries are pending, so the lane is named as paused.
    store
        .erase_subject(
            organizer,
            "person",
            last,
            at(3 * DAY_SECONDS),
            &[webhook],
            &mut entry,
        )
        .unwrap();
    store.purge_erased().unwrap();
    for attempt in &attempts {
        let read = store.attempt(webhook, attempt.id).unwrap().unwrap();
        assert_eq!(read.sent_body.as_deref(), Some(&b""[..]));
        assert_eq!(read.exchange.response_headers, "");
        assert_eq!(
            read.exchange.request_headers,
            attempt.exchange.request_headers
        );
    }
    drop(store);
    let file = std::fs::read(directory.path().join("sonnette.db")).unwrap();
    assert!(!file.windows(8).any(|bytes| bytes == b"x-person"));
}

#[test]
fn a_damaged_segment_harms_only_itself() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let store = SqliteStore::open(path).unwrap();
    let fixture = Fixture::new(&store);
    let webhook = fixture.add_webhook();
    for day in 0..3 {
        prune(&store, day * DAY_SECONDS);
        deliver(&fixture, webhook, day * DAY_SECONDS);
    }
    let expected = [2 * DAY_SECONDS, DAY_SECONDS, 0];
    for column in ["created_at", "first_id", "last_id", "removed"] {
        let sql = format!("UPDATE log_segments SET {column} = 'x' WHERE number = 2");
        connection(path).execute(&sql, []).unwrap();
        assert_eq!(attempt_seconds(&store, &[webhook], 1), expected, "{column}");
    }
    connection(path)
        .execute("DELETE FROM log_segments WHERE number IN (1, 3)", [])
        .unwrap();
    assert_eq!(attempt_seconds(&store, &[webhook], 1), [DAY_SECONDS]);
    deliver(&fixture, webhook, 2 * DAY_SECONDS + 1);
    drop(store);
    // The tables are found when the store is opened.
    let store = SqliteStore::open(path).unwrap();
    let found = attempt_seconds(&store, &[webhook], 1);
    assert_eq!(
        found,
        [2 * DAY_SECONDS + 1, 2 * DAY_SECONDS, DAY_SECONDS, 0]
    );
    connection(path)
        .execute("UPDATE header_templates SET headers = x'00'", [])
        .unwrap();
    assert!(attempt_seconds(&store, &[webhook], 9).is_empty());
    assert!(!store.damaged_rows().is_empty());
}
