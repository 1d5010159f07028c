//! Replaces the store by a new one, in one step, and keeps the replaced one.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode};

use super::database_files::{backup_refused, merge_wal, with_suffix};
use super::renumber::Counters;
use crate::store::StoreError;
use crate::store::sqlite::database_file::{LOCK_NAME, has_sqlite_header, quick_check};
use crate::store::sqlite::erasure_journal::sync_directory;

/// The store that is to be replaced, if there is one.
pub(super) struct ReplacedStore {
    /// The name under which it is kept.
    kept_path: Option<PathBuf>,
    /// Its counters, if all of it can be read.
    pub(super) counters: Option<Counters>,
    /// Keeps other processes from writing to it.
    connection: Option<Connection>,
}

impl ReplacedStore {
    /// Opens the store and copies its write-ahead log into the file. A store that cannot be read is kept as it is.
    ///
    /// # Errors
    /// Another process uses it.
    pub(super) fn open(store: &Path, now: Timestamp) -> Result<Self, StoreError> {
        let mut replaced = Self {
            kept_path: None,
            counters: None,
            connection: None,
        };
        if !fs::exists(store).map_err(|e| backup_refused(store, "cannot be looked at", &e))? {
            return Ok(replaced);
        }
        replaced.kept_path = Some(unused_name(store, now));
        // SQLite would delete the write-ahead log of a file that is none of its own.
        if !has_sqlite_header(store) {
            tracing::warn!("the replaced store is not a database");
            return Ok(replaced);
        }
        match open_exclusively(store) {
            Ok((connection, counters)) => {
                replaced.connection = Some(connection);
                replaced.counters = counters;
            }
            Err(error) if is_in_use(&error) => {
                let advice = "stop the server and every other `sonnette` command first";
                return Err(backup_refused(store, "in use by another process", &advice));
            }
            Err(error) => {
                tracing::warn!(%error, "the replaced store cannot be read: {error}");
            }
        }
        Ok(replaced)
    }

    /// Puts `staged` in the place of `store`. Returns where the replaced store is kept.
    pub(super) fn exchange(
        self,
        staged: &Path,
        store: &Path,
    ) -> Result<Option<PathBuf>, StoreError> {
        let exchanged = self.exchange_files(staged, store);
        exchanged.map_err(|e| backup_refused(store, "cannot be replaced", &e))?;
        Ok(self.kept_path)
    }

    fn exchange_files(&self, staged: &Path, store: &Path) -> std::io::Result<()> {
        let directory = store.parent().unwrap_or(Path::new("."));
        File::open(staged)?.sync_all()?;
        if let Some(kept) = &self.kept_path {
            // Under both names until the rename, so that the old store is in place until then.
            fs::hard_link(store, kept).or_else(|_| fs::copy(store, kept).map(drop))?;
        }
        // A store that could be read has none of these files left. Beside the new store they would damage it.
        for suffix in ["-wal", "-shm", "-journal"] {
            let file = with_suffix(store, suffix);
            if fs::exists(&file)? {
                match &self.kept_path {
                    // The index of the log is made anew when it is needed.
                    Some(kept) if suffix != "-shm" => fs::rename(&file, with_suffix(kept, suffix))?,
                    _ => fs::remove_file(&file)?,
                }
            }
        }
        sync_directory(directory)?;
        fs::rename(staged, store)?;
        sync_directory(directory)
    }
}

fn is_in_use(error: &rusqlite::Error) -> bool {
    let in_use = [ErrorCode::DatabaseBusy, ErrorCode::DatabaseLocked];
    error
        .sqlite_error_code()
        .is_some_and(|code| in_use.contains(&code))
}

/// A name beside the store that no file has.
fn unused_name(store: &Path, now: Timestamp) -> PathBuf {
    let name = with_suffix(
        store,
        &format!(".replaced-{}", now.strftime("%Y%m%dT%H%M%SZ")),
    );
    let numbered = (2..).map(|number| with_suffix(&name, &format!("-{number}")));
    let mut names = std::iter::once(name.clone()).chain(numbered);
    names
        .find(|name| !fs::exists(name).unwrap_or(true))
        .unwrap_or(name)
}

/// Gives a file the owner of the data directory, and its mode without the right to execute. The owner gets the lock too,
/// which the server must be able to open.
pub(super) fn set_owner_and_mode(file: &Path, directory: &Path) -> std::io::Result<()> {
    let of_directory = fs::metadata(directory)?;
    let mode = of_directory.mode() & 0o666;
    for path in [file, &directory.join(LOCK_NAME)] {
        let owner = fs::metadata(path)?;
        if (owner.uid(), owner.gid()) != (of_directory.uid(), of_directory.gid()) {
            let (user, group) = (Some(of_directory.uid()), Some(of_directory.gid()));
            std::os::unix::fs::chown(path, user, group)?;
        }
    }
    fs::set_permissions(file, fs::Permissions::from_mode(mode))
}

/// A connection that holds the lock of the file, and the counters if the file is intact.
fn open_exclusively(store: &Path) -> rusqlite::Result<(Connection, Option<Counters>)> {
    let connection = merge_wal(store)?;
    connection.execute_batch("BEGIN EXCLUSIVE")?;
    let counters = quick_check(&connection).and_then(|()| Counters::read(&connection));
    let counters = counters
        .inspect_err(|error| tracing::warn!(%error, "the replaced store is not intact: {error}"))
        .ok();
    Ok((connection, counters))
}
