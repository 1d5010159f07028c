//! A damaged row is left out and named with its table and column. The tests write such rows with SQL, past the store.

use rusqlite::Connection;
use sonnette::domain::{NotificationId, SettlementKind, WebhookId};
use sonnette::store::sqlite::SqliteStore;
use sonnette::store::{
    AttemptQuery, DeliveryAdmin, DeliveryQuery, DeliveryStore, History, RegistryStore, Store,
};

use super::fixture::{Fixture, at};

fn connection(path: &std::path::Path) -> Connection {
    Connection::open(path.join("sonnette.db")).unwrap()
}

fn damage(path: &std::path::Path, sql: &str) {
    let connection = connection(path);
    assert!(
        connection.execute(sql, []).unwrap() > 0,
        "{sql} found nothing"
    );
}

/// A store with one webhook and two deliveries that is damaged by a statement; with the webhook.
fn damaged(path: &std::path::Path, sql: &str) -> (SqliteStore, WebhookId) {
    let store = SqliteStore::open(path).unwrap();
    let fixture = Fixture::new(&store);
    let webhook = fixture.add_webhook();
    let id = fixture.publish(&[webhook], &[0])[0];
    fixture.publish(&[webhook], &[1]);
    fixture.settle_delivery(webhook, id, SettlementKind::GivenUp, 2);
    // Also writes the buffered statistics.
    store.checkpoint();
    damage(path, sql);
    (store, webhook)
}

/// The only damaged row that was found: table, row and column.
#[track_caller]
fn found(store: &SqliteStore) -> (String, String, String) {
    let mut rows = store.damaged_rows();
    assert_eq!(rows.len(), 1, "{rows:?}");
    let row = rows.remove(0);
    (row.table, row.row, row.column)
}

#[track_caller]
fn assert_found(store: &SqliteStore, table: &str, row: &str, column: &str) {
    let expected = (table.to_owned(), row.to_owned(), column.to_owned());
    assert_eq!(found(store), expected);
}

#[test]
fn a_damaged_row_of_the_registry_is_left_out_alone() {
    for (sql, table, column) in [
        (
            "UPDATE organizers SET slug = '-' WHERE id = 1",
            "organizers",
            "slug",
        ),
        (
            "UPDATE organizers SET dialects = '[\"ours\"]' WHERE id = 1",
            "organizers",
            "dialects",
        ),
        (
            "UPDATE organizers SET disable_after = '{' WHERE id = 1",
            "organizers",
            "disable_after",
        ),
        (
            "UPDATE webhooks SET target_url = 'nowhere'",
            "webhooks",
            "target_url",
        ),
        ("UPDATE webhooks SET secret = 'mine'", "webhooks", "secret"),
        (
            "UPDATE webhooks SET disabled_at = 5",
            "webhooks",
            "disabled_reason",
        ),
        (
            "UPDATE webhooks SET disabled_reason = 'gone'",
            "webhooks",
            "disabled_at",
        ),
        (
            "UPDATE webhooks SET timeout_ms = 0",
            "webhooks",
            "timeout_ms",
        ),
        (
            "UPDATE webhooks SET action_types = '[\"*\"]'",
            "webhooks",
            "action_types",
        ),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let (store, webhook) = damaged(directory.path(), sql);
        let other = Fixture::new_organizer(&store, "other");
        let kept = other.add_webhook();
        let changes = store.load(0).unwrap();
        assert_found(&store, table, "1", column);
        let organizers: Vec<_> = changes.organizers.iter().map(|o| o.id.0).collect();
        let webhooks: Vec<_> = changes.webhooks.iter().map(|w| w.id).collect();
        if table == "organizers" {
            assert_eq!((organizers, webhooks), (vec![2], vec![webhook, kept]));
        } else {
            assert_eq!((organizers, webhooks), (vec![1, 2], vec![kept]));
        }
    }
}

#[test]
fn a_repaired_organizer_comes_back_with_its_webhooks() {
    let directory = tempfile::tempdir().unwrap();
    let (store, webhook) = damaged(directory.path(), "UPDATE organizers SET language = 'xx'");
    let before = store.load(0).unwrap();
    assert!(before.organizers.is_empty());
    damage(
        directory.path(),
        "UPDATE organizers SET language = 'en', name = 'again'",
    );
    let after = store.load(before.version).unwrap();
    assert_eq!(after.organizers.len(), 1);
    assert_eq!(after.webhooks[0].id, webhook);
    assert_eq!(after.damaged_organizers, []);
    assert!(store.damaged_rows().is_empty());
}

#[test]
fn a_lane_passes_over_a_damaged_delivery() {
    for (sql, table, row, column) in [
        (
            "UPDATE notifications SET action_type = 'x' WHERE id = 2",
            "notifications",
            "2 of webhook 1",
            "action_type",
        ),
        (
            "UPDATE notifications SET shape = 'round' WHERE id = 2",
            "notifications",
            "2 of webhook 1",
            "shape",
        ),
        (
            "DELETE FROM notifications WHERE id = 2",
            "deliveries",
            "2 of webhook 1",
            "notification",
        ),
        (
            "UPDATE deliveries SET tries = 'many' WHERE notification = 2",
            "deliveries",
            "2 of webhook 1",
            "tries",
        ),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let (store, webhook) = damaged(directory.path(), sql);
        let fixture = Fixture {
            store: &store,
            organizer: sonnette::domain::OrganizerId(1),
        };
        let next = fixture.publish(&[webhook], &[3])[0];
        let page = store.due_deliveries(webhook, at(9), None, 9).unwrap();
        let ids: Vec<_> = page.deliveries.iter().map(|d| d.notification.id).collect();
        assert_eq!(ids, [next], "{sql}");
        assert_eq!(page.next_due_at, None, "{sql}");
        assert_found(&store, table, row, column);
        // Alone in its lane it is not looked for again and again.
        fixture.settle_delivery(webhook, next, SettlementKind::Delivered, 4);
        let page = store.due_deliveries(webhook, at(9), None, 1).unwrap();
        assert_eq!(page.deliveries, []);
        assert_eq!(page.next_due_at, None, "{sql}");
    }
    let directory = tempfile::tempdir().unwrap();
    let sql = "UPDATE deliveries SET due_at = 'noon' WHERE notification = 2";
    let (store, webhook) = damaged(directory.path(), sql);
    assert_eq!(store.lane(webhook).unwrap().next_due_at, None);
    let page = store.due_deliveries(webhook, at(9), None, 9).unwrap();
    assert_eq!((page.deliveries, page.next_due_at), (vec![], None));
    let rows = store.find_damaged_rows().unwrap();
    assert_eq!(
        rows[0].to_string().split(": ").take(2).collect::<Vec<_>>(),
        ["row 2 of webhook 1 of deliveries is damaged", "due_at"]
    );
}

#[test]
fn a_list_passes_over_a_damaged_row() {
    let directory = tempfile::tempdir().unwrap();
    let sql = "UPDATE deliveries SET how = 'lost' WHERE how IS NOT NULL";
    let (store, webhook) = damaged(directory.path(), sql);
    let query = DeliveryQuery {
        state: None,
        after: None,
        limit: 1,
    };
    let page = store.deliveries(webhook, query).unwrap();
    assert_eq!(page[0].notification, NotificationId(2));
    let query = DeliveryQuery {
        after: Some(NotificationId(2)),
        ..query
    };
    assert_eq!(store.deliveries(webhook, query).unwrap(), []);
    assert_found(&store, "deliveries", "1 of webhook 1", "how");

    let directory = tempfile::tempdir().unwrap();
    let (store, webhook) = damaged(directory.path(), "UPDATE tallies SET times = x'ff'");
    assert_eq!(store.attempt_stats(&[webhook], at(0)).unwrap().len(), 0);
    assert_eq!(found(&store).2, "times");

    let directory = tempfile::tempdir().unwrap();
    let sql = "UPDATE attempts_0 SET return_code = 'fine'";
    let (store, webhook) = damaged(directory.path(), sql);
    assert_eq!(store.latest_attempts(&[webhook]).unwrap(), []);
    let query = AttemptQuery {
        limit: 9,
        ..AttemptQuery::default()
    };
    assert_eq!(store.attempt_page(&[webhook], &query).unwrap().attempts, []);
    assert_eq!(found(&store).2, "return_code");

    let directory = tempfile::tempdir().unwrap();
    let (store, webhook) = damaged(directory.path(), "UPDATE deliveries SET attempts = 'x'");
    assert!(store.delivery(webhook, NotificationId(1)).is_err());
}

#[test]
fn damaged_counters_are_set_beyond_what_was_given() {
    for value in ["'many'", "-5", "9223372036854775807"] {
        let directory = tempfile::tempdir().unwrap();
        let sql = format!("UPDATE counters SET value = {value}");
        let (store, _) = damaged(directory.path(), &sql);
        drop(store);
        let store = SqliteStore::open(directory.path()).unwrap();
        let fixture = Fixture {
            store: &store,
            organizer: sonnette::domain::OrganizerId(1),
        };
        assert!(store.version().unwrap() > 1_000, "{value}");
        assert!(fixture.publish(&[], &[1])[0].0 > 1_000, "{value}");
    }
}
