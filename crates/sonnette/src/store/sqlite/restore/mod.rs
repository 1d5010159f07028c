//! Puts a backup in the place of the store.
//!
//! The backup is copied to a directory beside the store. There it is checked and migrated, its counters are moved on
//! ([`mod@renumber`]), and erasures are repeated ([`repeat_erasures`]). Then one rename replaces the store ([`exchange`]):
//! whenever this is interrupted, the data directory has either the old store or the new one.

mod database_files;
mod exchange;
mod renumber;
mod repeat_erasures;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::Connection;
use serde_json::json;

use self::database_files::{backup_refused, merge_wal, with_suffix};
use self::exchange::{ReplacedStore, set_owner_and_mode};
use self::renumber::{check_next_id, newest_time, renumber};
use super::database_file::{self, DataDirectoryLock, FILE_NAME};
use super::hold_store::holds;
use super::{SqliteStore, StoreError};
use crate::domain::NotificationId;
use crate::store::{Actor, ErasureResult, HoldStore as _, NewAuditEntry};

/// Where the new store is prepared, in the data directory. What an interrupted restore has left there is removed.
const STAGING_NAME: &str = "restoring";

/// A restore of a backup.
#[derive(Debug)]
pub struct Restore<'a> {
    /// The backup. It is not changed.
    pub backup: &'a Path,
    /// The data directory. It is created if there is none.
    pub directory: &'a Path,
    /// The id of the next notification. `None`: beyond all that the replaced store has assigned.
    pub next_id: Option<NotificationId>,
    /// Whether the deliveries of the new store are held.
    pub hold: bool,
    /// The time of the restore.
    pub now: Timestamp,
}

/// What a restore did.
#[derive(Debug)]
pub struct RestoreReport {
    /// The id of the next notification.
    pub next_id: NotificationId,
    /// The newest time in the backup; `None` if it has no times.
    pub backup_time: Option<Timestamp>,
    /// Where the replaced store is kept; `None` if there was none.
    pub replaced_path: Option<PathBuf>,
    /// Whether the ids that the replaced store had assigned could be read.
    pub has_read_replaced: bool,
    /// What was erased again.
    pub erasure_result: ErasureResult,
    /// Whether the data directory has a journal of erasures.
    pub has_journal: bool,
    /// Whether deliveries are held: because of [`Restore::hold`], or because they were when the backup was made.
    pub is_held: bool,
}

impl Restore<'_> {
    /// Restores the backup. The lock of the data directory keeps servers away.
    ///
    /// # Errors
    /// [`StoreError::Refused`] if the backup or the replaced store cannot be used. Then the store is as it was.
    pub fn run(&self, _lock: &DataDirectoryLock) -> Result<RestoreReport, StoreError> {
        let store = database_file::path(self.directory)?;
        self.check_backup(&store)?;
        let staging = store.with_file_name(STAGING_NAME);
        let result = self.prepare_and_exchange(&store, &staging);
        let removed = remove_directory(&staging);
        let report = result?;
        if let Err(error) = removed {
            tracing::warn!(%error, "could not remove {}: {error}", staging.display());
        }
        Ok(report)
    }

    /// Refuses a file that is evidently no backup, and the store itself.
    fn check_backup(&self, store: &Path) -> Result<(), StoreError> {
        let backup = self.backup;
        let metadata =
            fs::metadata(backup).map_err(|e| backup_refused(backup, "cannot be read", &e))?;
        if !metadata.is_file() || metadata.len() == 0 {
            return Err(backup_refused(
                backup,
                "not a backup",
                &"it is not a file with content",
            ));
        }
        if let (Ok(source), Ok(target)) = (fs::canonicalize(backup), fs::canonicalize(store))
            && source == target
        {
            return Err(backup_refused(
                backup,
                "not a backup",
                &"it is the store itself",
            ));
        }
        database_file::check_header(backup)
    }

    fn prepare_and_exchange(
        &self,
        store: &Path,
        staging: &Path,
    ) -> Result<RestoreReport, StoreError> {
        remove_directory(staging).map_err(|e| backup_refused(staging, "cannot be removed", &e))?;
        database_file::create_directory(staging)?;
        let staged = staging.join(FILE_NAME);
        self.copy_backup(&staged)?;
        check(&staged, self.backup)?;
        let new_store = SqliteStore::open(staging)?;
        let backup_time = newest_time(&new_store)?;
        check_next_id(&new_store, self.next_id)?;
        let repeated = repeat_erasures::repeat_erasures(&new_store, self.directory, self.now)?;
        let replaced = ReplacedStore::open(store, self.now)?;
        let since_backup = backup_time.map(|time| self.now.duration_since(time));
        let counters = replaced.counters.as_ref();
        let next_id = renumber(&new_store, counters, self.next_id, since_backup)?;
        if self.hold {
            new_store.hold_deliveries(&self.audit_entry("sonnette.deliveries.held"))?;
        }
        let is_held = !new_store.read(holds)?.is_empty();
        drop(new_store);
        drop(merge_wal(&staged)?);
        set_owner_and_mode(&staged, self.directory).map_err(|e| {
            backup_refused(&staged, "cannot be given to the owner of the directory", &e)
        })?;
        let report = RestoreReport {
            next_id,
            backup_time,
            has_read_replaced: replaced.counters.is_some(),
            replaced_path: replaced.exchange(&staged, store)?,
            has_journal: repeated.is_some(),
            erasure_result: repeated.unwrap_or_default(),
            is_held,
        };
        Ok(report)
    }

    /// Copies the backup, with the write-ahead log beside it if it is a copy of a store that was not closed.
    fn copy_backup(&self, staged: &Path) -> Result<(), StoreError> {
        let copy = |from: &Path, to: &Path| match fs::copy(from, to) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound && from != self.backup => Ok(()),
            Err(error) => Err(backup_refused(from, "cannot be copied", &error)),
        };
        copy(self.backup, staged)?;
        copy(
            &with_suffix(self.backup, "-wal"),
            &with_suffix(staged, "-wal"),
        )
    }

    fn audit_entry(&self, action: &'static str) -> NewAuditEntry {
        NewAuditEntry {
            actor: Actor::CommandLine,
            action,
            data: json!({}),
            at: self.now,
        }
    }
}

/// Checks the whole copy of a backup.
fn check(staged: &Path, backup: &Path) -> Result<(), StoreError> {
    let connection = Connection::open(staged)?;
    if !database_file::is_of_sonnette(&connection)? {
        return Err(backup_refused(
            backup,
            "not a store of Sonnette",
            &"it was left as it is",
        ));
    }
    database_file::integrity_check(&connection).map_err(|e| backup_refused(backup, "damaged", &e))
}

fn remove_directory(directory: &Path) -> std::io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
