//! Looks for damaged rows in the whole store.

use rusqlite::Connection;

use super::attempt_rows::{HAS_ACTION_TYPE_SQL, select_attempt};
use super::delivery_rows::{self, PENDING_COLUMNS};
use super::table_row::TableRow;
use super::{
    SqliteStore, StoreError, account_email_store, account_store, alert_store, attempt_rows,
    attempt_stats, audit_log, history, lane_rows, pending_webhook_changes, registry_changes,
    registry_store, session_store,
};
use crate::domain::WebhookId;
use crate::store::DamagedRow;

/// Reads a row and drops what it holds.
type RowCheck = fn(TableRow<'_>) -> Result<(), StoreError>;

/// The tables that are not loaded with the registry or with the users, each with what reads a row of it.
fn row_checks() -> [(&'static str, String, RowCheck); 12] {
    let pending = format!(
        "SELECT {PENDING_COLUMNS} FROM deliveries d LEFT JOIN notifications n ON n.id = d.notification
         WHERE d.settled_at IS NULL"
    );
    let settled = "SELECT d.notification, n.action_type, n.event, d.attempts, d.due_at, d.settled_at, d.how, d.reason,
           d.webhook AS webhook
         FROM deliveries d JOIN notifications n ON n.id = d.notification WHERE d.settled_at IS NOT NULL";
    let letters = "SELECT l.*, u.email FROM letters l JOIN users u ON u.id = l.user";
    [
        ("events", all("events"), |row| {
            registry_store::event(row).map(drop)
        }),
        (
            "notifications",
            history::SELECT_NOTIFICATION.to_owned(),
            |row| history::notification(row).map(drop),
        ),
        ("deliveries", pending, |row| {
            delivery_rows::pending_delivery(row.row()).map(drop)
        }),
        ("deliveries", settled.to_owned(), |row| {
            delivery_rows::delivery_from_row(row, WebhookId(0)).map(drop)
        }),
        (
            "tallies",
            "SELECT half_hour, * FROM tallies".to_owned(),
            |row| attempt_stats::half_hour_counts(row).map(drop),
        ),
        ("lanes", all("lanes"), |row| {
            lane_rows::from_row(row).map(drop)
        }),
        ("webhook_news", all("webhook_news"), |row| {
            pending_webhook_changes::pending_change(row).map(drop)
        }),
        ("alerts", all("alerts"), |row| {
            alert_store::alert(row).map(drop)
        }),
        ("letters", letters.to_owned(), |row| {
            account_email_store::account_email(row).map(drop)
        }),
        ("sessions", all("sessions"), |row| {
            session_store::session_from_row(row).map(drop)
        }),
        ("links", all("links"), |row| {
            session_store::link_from_row(row).map(drop)
        }),
        ("audit", all("audit"), |row| {
            audit_log::audit_entry(row).map(drop)
        }),
    ]
}

fn all(table: &str) -> String {
    format!("SELECT * FROM {table}")
}

impl SqliteStore {
    /// Reads every row and returns the damaged ones. This takes minutes on a large store.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn find_damaged_rows(&self) -> Result<Vec<DamagedRow>, StoreError> {
        self.read(|c| {
            registry_changes::load(c, &self.damage, 0)?;
            account_store::users(c, &self.damage, "1", [])?;
            for (table, sql, check) in row_checks() {
                self.check_rows(c, table, &sql, check)?;
            }
            Ok(())
        })?;
        self.read_log(|c, segments| {
            for segment in segments {
                let sql = format!(
                    "{} WHERE {HAS_ACTION_TYPE_SQL}",
                    select_attempt(segment, "")
                );
                self.check_rows(c, "attempts", &sql, |row| {
                    attempt_rows::attempt_from_row(row).map(drop)
                })?;
            }
            Ok(())
        })?;
        Ok(self.damage.rows())
    }

    fn check_rows(
        &self,
        c: &Connection,
        table: &'static str,
        sql: &str,
        check: RowCheck,
    ) -> Result<(), StoreError> {
        let mut statement = c.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            self.damage.skip_damaged(check(TableRow::new(row, table)))?;
        }
        Ok(())
    }
}
