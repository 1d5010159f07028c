//! Counters whose rows are damaged are set anew, beyond every number that was given.

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::damage_log::DamageLog;
use super::{SqliteStore, StoreError, begin, log_segments};
use crate::domain::NotificationId;

/// Each counter, where its numbers are found (those of notifications in the log, too), and how far beyond the greatest of these it continues: not every number
/// has left a row.
const COUNTERS: [(&str, &str, i64); 5] = [
    (
        "registry",
        "SELECT changed AS n FROM organizers UNION ALL SELECT changed FROM webhooks
         UNION ALL SELECT changed FROM action_types UNION ALL SELECT changed FROM removed_action_types
         UNION ALL SELECT changed FROM tokens",
        1_000_000,
    ),
    (
        "notification",
        "SELECT id AS n FROM notifications UNION ALL SELECT notification FROM deliveries
         UNION ALL SELECT notification FROM publication_keys",
        1_000_000,
    ),
    (
        "user",
        "SELECT id AS n FROM users UNION ALL SELECT actor_id FROM audit WHERE actor = 'user'",
        1_000,
    ),
    ("webhook", "SELECT id AS n FROM webhooks", 1_000),
    ("token", "SELECT id AS n FROM tokens", 1_000),
];

/// Numbers from here on are damage: no store has given so many.
pub(super) const MAX_COUNTER: i64 = 1 << 53;

impl SqliteStore {
    /// Gives the next notification this id, if the store has given none yet.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn set_first_notification_id(&self, first: NotificationId) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction.execute(
                "UPDATE counters SET value = ?1 WHERE name = 'notification' AND value = 1",
                [first.0],
            )?;
            Ok(())
        })
    }

    pub(super) fn repair_counters(&self) -> Result<(), StoreError> {
        repair(&mut self.writer.lock().connection, &self.damage)
    }
}

/// The next webhook id. A restore may have moved it beyond those in the table.
pub(super) fn next_webhook_id(t: &Transaction<'_>) -> Result<i64, StoreError> {
    next(t, "webhook", "webhooks")
}

/// The next token id.
pub(super) fn next_token_id(t: &Transaction<'_>) -> Result<i64, StoreError> {
    next(t, "token", "tokens")
}

fn next(t: &Transaction<'_>, counter: &str, table: &str) -> Result<i64, StoreError> {
    let sql = format!(
        "UPDATE counters SET value = 1 + max(value, (SELECT coalesce(max(id), 0) + 1 FROM {table}))
         WHERE name = ?1 RETURNING value - 1"
    );
    Ok(t.prepare_cached(&sql)?.query_row([counter], |r| r.get(0))?)
}

/// Sets damaged counters anew.
pub(super) fn repair(connection: &mut Connection, damage: &DamageLog) -> Result<(), StoreError> {
    for (name, numbers, distance) in COUNTERS {
        if is_intact(connection, name)? {
            continue;
        }
        let transaction = begin(connection)?;
        let mut numbers = numbers.to_owned();
        if name == "notification" {
            for segment in log_segments::load(&transaction, damage)? {
                numbers += " UNION ALL SELECT notification FROM ";
                numbers += &segment.table();
            }
        }
        let greatest: Option<i64> = transaction.query_row(
            &format!(
                "SELECT max(n) FROM ({numbers}) WHERE typeof(n) = 'integer' AND n BETWEEN 0 AND ?1"
            ),
            [MAX_COUNTER / 2],
            |r| r.get(0),
        )?;
        let value = greatest.unwrap_or(0) + distance;
        transaction.execute(
            "INSERT OR REPLACE INTO counters (name, value) VALUES (?1, ?2)",
            params![name, value],
        )?;
        transaction.commit()?;
        let reason = format!("not a number that can be counted on; it was set to {value}");
        damage.record_repaired("counters", name, "value", &reason);
    }
    Ok(())
}

fn is_intact(connection: &Connection, name: &str) -> Result<bool, StoreError> {
    let intact = connection.query_row(
        "SELECT typeof(value) = 'integer' AND value BETWEEN 1 AND ?2 FROM counters WHERE name = ?1",
        params![name, MAX_COUNTER],
        |r| r.get(0),
    );
    Ok(intact.optional()?.unwrap_or(false))
}
