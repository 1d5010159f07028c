//! Rows that make no sense are refused by name. What such a row looks like only the database itself can be told.

use rusqlite::Connection;
use sonnette::domain::{SettlementKind, WebhookId};
use sonnette::store::sqlite::SqliteStore;
use sonnette::store::{DeliveryAdmin, DeliveryStore, History, RegistryStore, Store};

use super::bench::{Bench, at, named};

/// Damages a store that has one webhook with one delivery, and gives it with the webhook.
fn damaged(path: &std::path::Path, sql: &str) -> (SqliteStore, WebhookId) {
    let store = SqliteStore::open(path).unwrap();
    let bench = Bench::new(&store);
    let webhook = bench.add_webhook();
    let id = bench.publish(&[webhook], &[0])[0];
    bench.publish(&[webhook], &[1]);
    bench.ends(webhook, id, SettlementKind::GivenUp, 2);
    // Writes the sums, too.
    store.checkpoint();
    let connection = Connection::open(path.join("sonnette.db")).unwrap();
    assert!(
        connection.execute(sql, []).unwrap() > 0,
        "{sql} found nothing"
    );
    (store, webhook)
}

#[test]
fn a_row_of_the_registry_that_makes_no_sense_is_named() {
    for (sql, table, column) in [
        ("UPDATE organizers SET slug = '-'", "organizers", "slug"),
        (
            "UPDATE organizers SET dialects = '[\"ours\"]'",
            "organizers",
            "dialects",
        ),
        (
            "UPDATE organizers SET disable_after = '{'",
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
            "UPDATE webhooks SET action_types = '[\"*\"]'",
            "webhooks",
            "action_types",
        ),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let (store, _) = damaged(directory.path(), sql);
        let error = store.load(0).unwrap_err();
        let told = error.to_string();
        assert_eq!(named(error), (table, column, "1".to_owned()), "{told}");
    }
}

#[test]
fn a_row_of_the_flow_that_makes_no_sense_is_named() {
    for (sql, table, column) in [
        (
            "UPDATE notifications SET action_type = 'x'",
            "notifications",
            "action_type",
        ),
        (
            "UPDATE notifications SET shape = 'round'",
            "notifications",
            "shape",
        ),
        (
            "UPDATE deliveries SET tries = 'many'",
            "deliveries",
            "tries",
        ),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let (store, webhook) = damaged(directory.path(), sql);
        let error = store.due_deliveries(webhook, at(9), None, 9).unwrap_err();
        let told = error.to_string();
        assert_eq!(named(error), (table, column, "2".to_owned()), "{told}");
    }
    let directory = tempfile::tempdir().unwrap();
    let sql = "UPDATE deliveries SET how = 'lost' WHERE how IS NOT NULL";
    let (store, webhook) = damaged(directory.path(), sql);
    let error = store
        .delivery(webhook, sonnette::domain::NotificationId(1))
        .unwrap_err();
    assert_eq!(named(error), ("deliveries", "how", "1".to_owned()));

    let directory = tempfile::tempdir().unwrap();
    let (store, webhook) = damaged(directory.path(), "UPDATE tallies SET times = x'ff'");
    let error = store.attempt_stats(&[webhook], at(0)).unwrap_err();
    assert_eq!(named(error).1, "times");
}
