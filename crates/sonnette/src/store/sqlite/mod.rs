//! The embedded store: one `SQLite` file, used by one process that serves and by others that administer.
//!
//! One connection writes; threads take turns in the order in which they ask for it. Other connections read.
//! [`Store::checkpoint`] copies the write-ahead log into the file on a connection of its own, so that publications do not
//! wait for it.
//!
//! The files named after a trait implement it. `…_rows` convert rows to domain values and back.

mod account_email_store;
mod account_store;
mod action_type_rows;
mod alert_store;
mod attempt_pages;
mod attempt_rows;
mod attempt_stats;
mod audit_log;
mod commit;
mod counters;
mod damage_log;
mod database_file;
mod delivery_admin;
mod delivery_rows;
mod delivery_store;
mod disable_webhook;
mod disabled_intervals;
mod erasure_journal;
mod erasure_store;
mod filter;
mod header_templates;
mod history;
mod hold_store;
mod idempotency_store;
mod lane_rows;
mod log_retention;
mod log_segments;
mod missed_store;
mod notification_rows;
mod organizer_rows;
mod pending_webhook_changes;
mod publications;
mod refused_action_types;
mod registry_changes;
mod registry_store;
mod registry_version;
mod restore;
mod retention_store;
mod row_check;
mod session_store;
mod settlements;
mod table_row;
mod token_rows;
mod token_store;
mod webhook_rows;
mod webhook_store;
mod write_probe;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use rusqlite::{Connection, Transaction, TransactionBehavior};

use self::attempt_stats::StatsBuffer;
use self::damage_log::DamageLog;
use self::erasure_journal::ErasureJournal;
use self::header_templates::HeaderTemplateCache;
use self::retention_store::PruneCursors;
use self::write_probe::WriteProbe;
use super::{DamagedRow, Store, StoreError};
use crate::clock::{Clock as _, SystemClock};
use crate::domain::{EventSlug, NotificationId, OrganizerId};

pub use database_file::DataDirectoryLock;
pub use restore::{Restore, RestoreReport};

/// How long a statement waits for another process's transaction before it fails.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Above this size of the write-ahead log a checkpoint blocks the writer: a checkpoint beside a busy writer never catches
/// up.
const MAX_WAL_BYTES: u64 = 64 << 20;

/// How long a blocking checkpoint waits for connections that read from the log, such as a backup's.
const CHECKPOINT_BUSY_TIMEOUT: Duration = Duration::from_millis(100);

/// The time between two blocking checkpoints, whether the first succeeded or not.
const BLOCKING_CHECKPOINT_INTERVAL: Duration = Duration::from_secs(2);

/// The number of idle reading connections that are kept open: as many as the engine and the requests usually read with at a
/// time. To open one takes about a millisecond of CPU time.
const MAX_IDLE_READERS: usize = 12;

/// The embedded store.
pub struct SqliteStore {
    path: PathBuf,
    writer: Mutex<Writer>,
    readers: Mutex<Vec<Connection>>,
    checkpointer: Mutex<Checkpointer>,
    /// Statistics of attempts that are not in the table yet.
    stats_buffer: Mutex<StatsBuffer>,
    /// Whether the write-ahead log may hold erased data.
    purge_pending: AtomicBool,
    erasure_journal: ErasureJournal,
    damage: DamageLog,
    prune_cursors: Mutex<PruneCursors>,
    write_probe: Mutex<WriteProbe>,
    /// When and why a transaction failed, unless a later one has succeeded.
    failed_write: Mutex<Option<(Instant, StoreError)>>,
}

/// Copies the write-ahead log into the file.
struct Checkpointer {
    connection: Connection,
    /// The earliest time of the next blocking checkpoint.
    next_blocking_at: Instant,
}

struct Writer {
    connection: Connection,
    /// Events that are in the table at the registry version `known_at`, so that a commit does not look them up.
    known_events: HashSet<(OrganizerId, EventSlug)>,
    known_at: i64,
    templates: HeaderTemplateCache,
    /// Erased notifications: responses to attempts that were in flight are not stored.
    erased: HashSet<NotificationId>,
}

impl SqliteStore {
    /// Opens the store in `directory`, creates it if there is none, and migrates it to this version's schema.
    ///
    /// # Errors
    /// [`StoreError::Refused`] if the file is damaged, belongs to something else or has a newer schema. The file is left
    /// as it was.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        database_file::create_directory(directory)?;
        let path = database_file::path(directory)?;
        database_file::check_header(&path)?;
        let mut connection = connect(&path)?;
        database_file::migrate(&mut connection)?;
        let damage = DamageLog::default();
        log_segments::repair(&mut connection, &damage)?;
        counters::repair(&mut connection, &damage)?;
        let writer = Writer {
            connection,
            known_events: HashSet::new(),
            known_at: 0,
            templates: HeaderTemplateCache::default(),
            erased: HashSet::new(),
        };
        let checkpointer = connect(&path)?;
        checkpointer.busy_timeout(CHECKPOINT_BUSY_TIMEOUT)?;
        let checkpointer = Mutex::new(Checkpointer {
            connection: checkpointer,
            next_blocking_at: SystemClock.instant(),
        });
        Ok(Self {
            path,
            writer: Mutex::new(writer),
            readers: Mutex::default(),
            checkpointer,
            stats_buffer: Mutex::default(),
            purge_pending: AtomicBool::new(false),
            erasure_journal: ErasureJournal::new(directory),
            damage,
            prune_cursors: Mutex::default(),
            write_probe: Mutex::default(),
            failed_write: Mutex::default(),
        })
    }

    /// Copies a consistent snapshot of the store into a new file, while other threads read and write.
    ///
    /// # Errors
    /// When `target` exists or cannot be written.
    pub fn backup(&self, target: &Path) -> Result<(), StoreError> {
        self.read(|c| {
            c.execute("VACUUM INTO ?1", [target.to_string_lossy()])?;
            Ok(())
        })
    }

    /// Checks the whole file for damage. This takes minutes on a large one.
    ///
    /// # Errors
    /// [`StoreError::Refused`] with the first damage found.
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
        let result = query(&connection);
        let mut readers = self.readers.lock();
        if readers.len() < MAX_IDLE_READERS {
            readers.push(connection);
        }
        result
    }

    /// Runs one transaction. The unlock is fair: the thread that waits longest writes next.
    fn write<T>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut writer = self.writer.lock();
        let result = (|| {
            let transaction = begin(&mut writer.connection)?;
            let result = change(&transaction)?;
            transaction.commit()?;
            Ok(result)
        })();
        MutexGuard::unlock_fair(writer);
        self.record_write(&result);
        result
    }

    /// Writes the buffered statistics, if there are any.
    fn flush_stats(&self) {
        if self.stats_buffer.lock().is_empty() {
            return;
        }
        let mut writer = self.writer.lock();
        let mut stats_buffer = self.stats_buffer.lock();
        let written = begin(&mut writer.connection).and_then(|transaction| {
            stats_buffer.write(&transaction)?;
            Ok(transaction.commit()?)
        });
        match written {
            Ok(()) => stats_buffer.clear(),
            Err(error) => {
                tracing::warn!(%error, "could not write the statistics of attempts: {error}");
            }
        }
        MutexGuard::unlock_fair(writer);
    }

    fn wal_size(&self) -> u64 {
        let mut name = self.path.clone().into_os_string();
        name.push("-wal");
        std::fs::metadata(name).map_or(0, |m| m.len())
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.flush_stats();
    }
}

impl Store for SqliteStore {
    fn ping(&self) -> Result<(), StoreError> {
        self.check_writable()
    }

    fn damaged_rows(&self) -> Vec<DamagedRow> {
        self.damage.rows()
    }

    fn checkpoint(&self) {
        if self.stats_buffer.lock().is_due() {
            self.flush_stats();
        }
        if self.purge_pending.load(Ordering::Acquire) {
            if let Err(error) = self.truncate_wal() {
                tracing::warn!(%error, "could not truncate the write-ahead log: {error}");
            }
            return;
        }
        let size = self.wal_size();
        if size < 1 << 20 {
            return;
        }
        let mut checkpointer = self.checkpointer.lock();
        let started = SystemClock.instant();
        let writer = (size > MAX_WAL_BYTES && started >= checkpointer.next_blocking_at)
            .then(|| self.writer.lock());
        let mode = if writer.is_some() {
            "TRUNCATE"
        } else {
            "PASSIVE"
        };
        let done = checkpointer
            .connection
            .pragma_update(None, "wal_checkpoint", mode);
        if let Err(error) = done {
            tracing::warn!(%error, "could not checkpoint the write-ahead log: {error}");
        }
        if writer.is_some() {
            checkpointer.next_blocking_at = started + BLOCKING_CHECKPOINT_INTERVAL;
        }
    }
}

fn begin(connection: &mut Connection) -> Result<Transaction<'_>, StoreError> {
    Ok(connection.transaction_with_behavior(TransactionBehavior::Immediate)?)
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(128);
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "journal_size_limit", MAX_WAL_BYTES)?;
    Ok(connection)
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error::{
            FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType,
            QueryReturnedNoRows, Utf8Error,
        };
        use rusqlite::ErrorCode::{ConstraintViolation, DatabaseCorrupt, NotADatabase};
        if matches!(
            error,
            FromSqlConversionFailure(..)
                | IntegralValueOutOfRange(..)
                | InvalidColumnType(..)
                | QueryReturnedNoRows
                | Utf8Error(..)
        ) {
            return Self::Inconsistent {
                table: "the store",
                column: "a column",
                row: "a row".to_owned(),
                reason: error.into(),
            };
        }
        match error.sqlite_error_code() {
            // A bug of this program: a later try would fail, too.
            Some(ConstraintViolation) => Self::Inconsistent {
                table: "the store",
                column: "a constraint",
                row: "a new row".to_owned(),
                reason: error.into(),
            },
            Some(DatabaseCorrupt | NotADatabase) => {
                Self::Refused(format!("the store is damaged: {error}").into())
            }
            _ => Self::Unavailable(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_violated_constraint_is_not_reported_as_unavailable() {
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
