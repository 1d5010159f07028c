//! Database files and what `SQLite` keeps beside them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::store::StoreError;

/// Copies the write-ahead log into the file and removes it. Only the one connection of a file can do that: otherwise the
/// error says that the database is locked.
pub(super) fn merge_wal(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "DELETE", |r| r.get(0))?;
    if mode == "wal" {
        let locked = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
        return Err(rusqlite::Error::SqliteFailure(locked, None));
    }
    Ok(connection)
}

/// The path of a file beside a database.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// Why a restore is refused.
pub(super) fn backup_refused(path: &Path, what: &str, why: &dyn std::fmt::Display) -> StoreError {
    StoreError::Refused(format!("{}: {what}: {why}", path.display()).into())
}
