//! The embedded store: one `SQLite` file, one process that serves, others that administer.
//!
//! One connection writes; it is handed from thread to thread in fair turns. Others read. The write-ahead log is copied
//! into the file by [`Store::tidy`] on a connection of its own, so that no publication waits for it.

mod account_email_store;
mod account_store;
mod action_type_rows;
mod alert_store;
mod attempt_pages;
mod attempt_stats;
mod audit_log;
mod commit;
mod database_file;
mod delivery_admin;
mod delivery_rows;
mod delivery_store;
mod disable_webhook;
mod disabled_intervals;
mod erasure_store;
mod filter;
mod history;
mod idempotency_store;
mod lane_rows;
mod missed_store;
mod notification_rows;
mod organizer_rows;
mod pending_webhook_changes;
mod publications;
mod registry_store;
mod registry_version;
mod retention_store;
mod rows;
mod session_store;
mod settlements;
mod token_rows;
mod token_store;
mod webhook_rows;
mod webhook_store;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use rusqlite::{Connection, Transaction, TransactionBehavior};

use self::attempt_stats::Gathered;
use super::{Store, StoreError};
use crate::domain::{EventSlug, NotificationId, OrganizerId};

pub use database_file::DataDirectoryLock;

/// How long a statement waits for another process's transaction before it gives up.
const PATIENCE: Duration = Duration::from_secs(10);

/// Above this size of the write-ahead log the writer itself waits until all of it has been copied: a copy beside a busy
/// writer never catches up.
const LOG_LIMIT: u64 = 64 << 20;

/// How long the writer waits so for those who still read from the log, a backup for example,
const PAUSE: Duration = Duration::from_millis(100);
/// and how long it is left alone then, whether that sufficed or not.
const BETWEEN_PAUSES: Duration = Duration::from_secs(2);

/// Readers kept open.
const READERS: usize = 4;

/// The embedded store.
pub struct SqliteStore {
    path: PathBuf,
    writer: Mutex<Writer>,
    readers: Mutex<Vec<Connection>>,
    copier: Mutex<Copier>,
    /// Sums of attempts on their way into their table.
    gathered: Mutex<Gathered>,
    /// Something was erased that the write-ahead log may still hold.
    unscrubbed: AtomicBool,
}

/// Copies the write-ahead log into the file.
struct Copier {
    connection: Connection,
    /// Before this it does not keep the writer waiting again.
    not_before: Instant,
}

struct Writer {
    connection: Connection,
    /// Events that are surely in the table, so that a publication need not look; forgotten with every new version.
    known_events: HashSet<(OrganizerId, EventSlug)>,
    known_at: i64,
    /// Notifications that were blanked: answers to attempts that were under way are not kept either.
    erased: HashSet<NotificationId>,
}

impl SqliteStore {
    /// Opens the store in `directory`, makes it if there is none, and brings it to this version's shape.
    ///
    /// # Errors
    /// [`StoreError::Refused`] for a file that is damaged, of something else, or of a newer version; it is left as it
    /// was.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        database_file::make_directory(directory)?;
        let path = directory.join(database_file::NAME);
        database_file::inspect(&path)?;
        let mut connection = connect(&path)?;
        database_file::migrate(&mut connection)?;
        let writer = Writer {
            connection,
            known_events: HashSet::new(),
            known_at: 0,
            erased: HashSet::new(),
        };
        let copier = connect(&path)?;
        copier.busy_timeout(PAUSE)?;
        let copier = Mutex::new(Copier {
            connection: copier,
            not_before: Instant::now(),
        });
        Ok(Self {
            path,
            writer: Mutex::new(writer),
            readers: Mutex::default(),
            copier,
            gathered: Mutex::default(),
            unscrubbed: AtomicBool::new(false),
        })
    }

    /// Copies the whole store, as it is at one moment, into a new file, beside whatever else goes on.
    ///
    /// # Errors
    /// When `target` exists or cannot be written.
    pub fn backup(&self, target: &Path) -> Result<(), StoreError> {
        self.read(|c| {
            c.execute("VACUUM INTO ?1", [target.to_string_lossy()])?;
            Ok(())
        })
    }

    /// Looks through the whole file for damage; takes a while on a large one.
    ///
    /// # Errors
    /// [`StoreError::Refused`] with the first thing that is wrong.
    pub fn check(&self) -> Result<(), StoreError> {
        self.read(database_file::quick_check)
    }

    fn read<T>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let idle = self.readers.lock().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => connect(&self.path)?,
        };
        let answer = query(&connection);
        let mut readers = self.readers.lock();
        if readers.len() < READERS {
            readers.push(connection);
        }
        answer
    }

    /// One transaction. Whoever waits for the writer gets it next, however busy the thread that had it.
    fn write<T>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut writer = self.writer.lock();
        let answer = (|| {
            let transaction = begin(&mut writer.connection)?;
            let answer = change(&transaction)?;
            transaction.commit()?;
            Ok(answer)
        })();
        MutexGuard::unlock_fair(writer);
        answer
    }

    /// Writes the sums that are gathered, if there are any.
    fn write_gathered(&self) {
        if self.gathered.lock().is_empty() {
            return;
        }
        let mut writer = self.writer.lock();
        let mut gathered = self.gathered.lock();
        let written = begin(&mut writer.connection).and_then(|transaction| {
            gathered.write(&transaction)?;
            Ok(transaction.commit()?)
        });
        match written {
            Ok(()) => gathered.written(),
            Err(error) => tracing::warn!(%error, "sums of attempts could not be written"),
        }
        MutexGuard::unlock_fair(writer);
    }

    fn log_size(&self) -> u64 {
        let mut name = self.path.clone().into_os_string();
        name.push("-wal");
        std::fs::metadata(name).map_or(0, |m| m.len())
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.write_gathered();
    }
}

impl Store for SqliteStore {
    fn ping(&self) -> Result<(), StoreError> {
        self.write(|t| {
            t.execute(
                "UPDATE counters SET value = value WHERE name = 'registry'",
                [],
            )?;
            Ok(())
        })
    }

    fn checkpoint(&self) {
        if self.gathered.lock().is_due() {
            self.write_gathered();
        }
        if self.unscrubbed.load(Ordering::Acquire) {
            if let Err(error) = self.empty_log() {
                tracing::warn!(%error, "the write-ahead log could not be emptied");
            }
            return;
        }
        let size = self.log_size();
        if size < 1 << 20 {
            return;
        }
        let mut copier = self.copier.lock();
        let begun = Instant::now();
        let pause = (size > LOG_LIMIT && begun >= copier.not_before).then(|| self.writer.lock());
        let mode = if pause.is_some() {
            "TRUNCATE"
        } else {
            "PASSIVE"
        };
        let done = copier
            .connection
            .pragma_update(None, "wal_checkpoint", mode);
        if let Err(error) = done {
            tracing::warn!(%error, "the write-ahead log could not be copied into the store");
        }
        if pause.is_some() {
            copier.not_before = begun + BETWEEN_PAUSES;
        }
    }
}

fn begin(connection: &mut Connection) -> Result<Transaction<'_>, StoreError> {
    Ok(connection.transaction_with_behavior(TransactionBehavior::Immediate)?)
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "journal_size_limit", LOG_LIMIT)?;
    Ok(connection)
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{ConstraintViolation, DatabaseCorrupt, NotADatabase};
        match error.sqlite_error_code() {
            // A fault of ours: trying again would not help, and nobody is told to.
            Some(ConstraintViolation) => Self::Inconsistent {
                table: "the store",
                column: "a constraint",
                row: "a new row".to_owned(),
                reason: error.to_string(),
            },
            Some(DatabaseCorrupt | NotADatabase) => {
                Self::Refused(format!("the store is damaged: {error}"))
            }
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_constraint_forbids_is_not_worth_another_try() {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch("CREATE TABLE t (a NOT NULL)")
            .unwrap();
        let error = connection
            .execute("INSERT INTO t VALUES (NULL)", [])
            .unwrap_err();
        assert!(matches!(
            StoreError::from(error),
            StoreError::Inconsistent { .. }
        ));
    }
}
