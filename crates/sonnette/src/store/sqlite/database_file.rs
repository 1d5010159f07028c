//! The database file: its checks, its lock and its migrations.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::StoreError;

/// The name of the database file in the data directory.
pub(super) const FILE_NAME: &str = "sonnette.db";

/// Identifies files of Sonnette in the header: "Sonn".
const APPLICATION_ID: i32 = 0x536f_6e6e;

/// The name of the file that a server locks.
pub(super) const LOCK_NAME: &str = "serve.lock";

/// Each migrates the schema by one version; released ones are never changed.
const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations/sqlite/0001_start.sql"),
    include_str!("../../../migrations/sqlite/0002_dialects.sql"),
    include_str!("../../../migrations/sqlite/0003_alerts_and_silences.sql"),
    include_str!("../../../migrations/sqlite/0004_action_types_of_the_file.sql"),
    include_str!("../../../migrations/sqlite/0005_accounts.sql"),
    include_str!("../../../migrations/sqlite/0006_tallies.sql"),
    include_str!("../../../migrations/sqlite/0007_registry_versions.sql"),
    include_str!("../../../migrations/sqlite/0008_webhook_generations.sql"),
    include_str!("../../../migrations/sqlite/0009_failure_details.sql"),
    include_str!("../../../migrations/sqlite/0010_write_probe_and_erasure.sql"),
    include_str!("../../../migrations/sqlite/0011_tokens_by_organizer.sql"),
    include_str!("../../../migrations/sqlite/0012_installations_and_holds.sql"),
    include_str!("../../../migrations/sqlite/0013_refusals.sql"),
    include_str!("../../../migrations/sqlite/0014_clock.sql"),
    include_str!("../../../migrations/sqlite/0015_log_segments.sql"),
];

/// Files up to this size are checked completely at every start.
const MAX_CHECKED_BYTES: u64 = 64 << 20;

fn refused(path: &Path, why: &str) -> StoreError {
    StoreError::Refused(format!("{}: {why}", path.display()).into())
}

/// Creates the data directory, accessible to its owner only.
pub(super) fn create_directory(directory: &Path) -> Result<(), StoreError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory).map_err(|e| {
        refused(
            directory,
            &format!("the data directory cannot be created: {e}"),
        )
    })
}

/// The absolute path of the database file. `SQLite` reads a relative one that begins with `file:` as a URI.
pub(super) fn path(directory: &Path) -> Result<PathBuf, StoreError> {
    let directory = std::path::absolute(directory)
        .map_err(|e| refused(directory, &format!("not a path of a directory: {e}")))?;
    Ok(directory.join(FILE_NAME))
}

const SQLITE_MAGIC: &[u8] = b"SQLite format 3\0";

/// Whether the file begins as one of `SQLite` does.
pub(super) fn has_sqlite_header(path: &Path) -> bool {
    let mut magic = [0; SQLITE_MAGIC.len()];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    read.is_ok() && magic == SQLITE_MAGIC
}

/// Refuses a file that is damaged or not a store of Sonnette, without writing to it.
pub(super) fn check_header(path: &Path) -> Result<(), StoreError> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(refused(path, &format!("cannot be read: {e}"))),
    };
    let size = file.metadata().map_or(0, |m| m.len());
    if size == 0 {
        return Ok(());
    }
    let mut header = [0; 100];
    let read = file.read(&mut header).unwrap_or(0);
    if read < header.len() || !header.starts_with(SQLITE_MAGIC) {
        return Err(refused(
            path,
            "damaged, or not a store of Sonnette; it was left as it is",
        ));
    }
    let u32_at = |at: usize| {
        u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
    };
    let page = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65536,
        size => u64::from(size),
    };
    if size < page * u64::from(u32_at(28)) {
        return Err(refused(
            path,
            "damaged: the file ends too early; it was left as it is",
        ));
    }
    let application = u32_at(68).cast_signed();
    if application != APPLICATION_ID && (application != 0 || u32_at(60) != 0) {
        return Err(refused(
            path,
            "not a store of Sonnette; it was left as it is",
        ));
    }
    if u32_at(60) as usize > MIGRATIONS.len() {
        return Err(newer_version(path, u32_at(60)));
    }
    Ok(())
}

fn newer_version(path: &Path, version: u32) -> StoreError {
    let ours = MIGRATIONS.len();
    refused(
        path,
        &format!(
            "made by a newer version of Sonnette (schema {version}; this version supports {ours}); it was left as it is"
        ),
    )
}

/// Migrates the file to the newest schema, in one transaction.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let path = PathBuf::from(connection.path().unwrap_or_default());
    if std::fs::metadata(&path).is_ok_and(|m| m.len() <= MAX_CHECKED_BYTES) {
        quick_check(connection)?;
    }
    let transaction = super::begin(connection)?;
    let version: u32 = transaction.pragma_query_value(None, "user_version", |r| r.get(0))?;
    if version as usize > MIGRATIONS.len() {
        return Err(newer_version(&path, version));
    }
    for (number, migration) in MIGRATIONS.iter().enumerate().skip(version as usize) {
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "user_version", number + 1)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    transaction.commit()?;
    Ok(())
}

/// Checks the structure of the file. A row with a value that its column must not have is no damage of the structure: that
/// row alone is left out when it is read.
pub(super) fn quick_check(connection: &Connection) -> Result<(), StoreError> {
    check(connection, "PRAGMA quick_check(1000000)")
}

/// Checks as [`quick_check`] does, and the indexes too.
pub(super) fn integrity_check(connection: &Connection) -> Result<(), StoreError> {
    check(connection, "PRAGMA integrity_check(1000000)")
}

/// Whether Sonnette has made the file.
pub(super) fn is_of_sonnette(connection: &Connection) -> Result<bool, StoreError> {
    let id: i32 = connection.pragma_query_value(None, "application_id", |r| r.get(0))?;
    Ok(id == APPLICATION_ID)
}

fn check(connection: &Connection, pragma: &str) -> Result<(), StoreError> {
    let mut statement = connection.prepare(pragma)?;
    let mut findings = statement.query([])?;
    while let Some(row) = findings.next()? {
        let found: String = row.get(0)?;
        if found == "ok" {
            return Ok(());
        }
        if !is_about_a_value(&found) {
            return Err(StoreError::Refused(
                format!("the store is damaged: {found}").into(),
            ));
        }
    }
    Ok(())
}

fn is_about_a_value(finding: &str) -> bool {
    finding
        .split_once(" value in ")
        .is_some_and(|(kind, _)| matches!(kind, "NULL" | "TEXT" | "NUMERIC"))
}

/// The lock of the one process that serves from a data directory. It is held as long as the value lives.
#[derive(Debug)]
pub struct DataDirectoryLock {
    _file: File,
}

impl DataDirectoryLock {
    /// Acquires the lock of a data directory.
    ///
    /// # Errors
    /// [`StoreError::Refused`] if another process holds it.
    pub fn acquire(directory: &Path) -> Result<Self, StoreError> {
        create_directory(directory)?;
        let path = directory.join(LOCK_NAME);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|e| refused(&path, &format!("cannot be opened: {e}")))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(refused(
                directory,
                "another sonnette serves from this data directory; stop it, or use another directory",
            )),
            Err(TryLockError::Error(e)) => Err(refused(&path, &format!("cannot be locked: {e}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{AttemptId, WebhookId};
    use crate::store::sqlite::SqliteStore;
    use crate::store::{AttemptQuery, History as _, RetentionStore as _};

    #[test]
    fn a_webhook_disabled_before_the_migration_gets_an_interval() {
        let directory = tempfile::tempdir().unwrap();
        let mut connection = Connection::open(directory.path().join(FILE_NAME)).unwrap();
        connection.execute_batch(MIGRATIONS[0]).unwrap();
        connection
            .execute_batch(
                "PRAGMA user_version = 1;
                 INSERT INTO organizers VALUES (1, 'a', 'a', 'u', 'en', '[]', '[]', NULL, 1);
                 INSERT INTO webhooks (id, organizer, target_url, all_events, action_types, disabled_at, secret, headers,
                   extra_signatures, contact_emails)
                 SELECT value, 1, '', 1, '[]', nullif(value * 100, 300), '', '[]', '[]', '[]'
                 FROM json_each('[1, 2, 3]');
                 INSERT INTO notifications SELECT value, 1, 'a.b', NULL, value * 50, 'custom', x'', NULL, 0
                 FROM json_each('[1, 2, 3]');
                 UPDATE counters SET value = 4 WHERE name = 'notification';",
            )
            .unwrap();
        migrate(&mut connection).unwrap();
        let mut statement = connection
            .prepare("SELECT webhook, first, beyond FROM silences")
            .unwrap();
        let found: Vec<(i64, i64, Option<i64>)> = statement
            .query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(found, [(1, 2, None), (2, 4, None)]);
    }

    #[test]
    fn notifications_from_before_the_migration_belong_to_no_installation() {
        let directory = tempfile::tempdir().unwrap();
        for (index, before) in [1, 6].into_iter().enumerate() {
            let file = directory.path().join(index.to_string());
            let mut connection = Connection::open(file).unwrap();
            for migration in &MIGRATIONS[..11] {
                connection.execute_batch(migration).unwrap();
            }
            let sql = format!(
                "UPDATE counters SET value = {before} WHERE name = 'notification'; PRAGMA user_version = 11"
            );
            connection.execute_batch(&sql).unwrap();
            migrate(&mut connection).unwrap();
            let (first, length): (i64, i64) = connection
                .query_row(
                    "SELECT first_notification, length(id) FROM installations",
                    [],
                    |r| Ok((r.get(0)?, r.get(1)?)),
                )
                .unwrap();
            assert_eq!((first, length), (before, 12));
        }
    }

    #[test]
    fn attempts_from_before_the_migration_are_counted() {
        let directory = tempfile::tempdir().unwrap();
        let mut connection = Connection::open(directory.path().join(FILE_NAME)).unwrap();
        connection.execute_batch(MIGRATIONS[0]).unwrap();
        connection
            .execute_batch(
                "PRAGMA user_version = 1;
                 INSERT INTO attempts (webhook, id, notification, action_type, target_url, number, started_at, duration_us,
                   return_code, request_headers, response_headers)
                 SELECT value / 10000, value % 10000 * 1000000, 1, iif(value = 12003, 'a.b', NULL), '', 1, 0, 1,
                   iif(value % 2 = 0, 204, 500), '', ''
                 FROM json_each('[11798, 11799, 11800, 12001, 12003, 22002]');",
            )
            .unwrap();
        migrate(&mut connection).unwrap();
        let mut statement = connection
            .prepare("SELECT webhook, half_hour, succeeded, failed, length(times) FROM tallies")
            .unwrap();
        let found: Vec<(i64, i64, i64, i64, i64)> = statement
            .query_map([], |r| {
                Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?))
            })
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(found, [(1, 0, 1, 1, 0), (1, 1, 1, 1, 0), (2, 1, 1, 0, 0)]);
    }

    #[test]
    fn the_log_of_an_earlier_version_becomes_the_first_segment() {
        let directory = tempfile::tempdir().unwrap();
        let connection = Connection::open(directory.path().join(FILE_NAME)).unwrap();
        for migration in &MIGRATIONS[..14] {
            connection.execute_batch(migration).unwrap();
        }
        connection
            .pragma_update(None, "application_id", APPLICATION_ID)
            .unwrap();
        connection
            .execute_batch(
                "PRAGMA user_version = 14; 
                 INSERT INTO notifications (id, organizer, action_type, published_at, shape, body, deliveries)
                 VALUES (1, 1, 'a.b', 1000000, 'custom', CAST('{\"old\":1}' AS BLOB), 1);
                 INSERT INTO attempts (webhook, id, notification, target_url, number, started_at, duration_us,
                   return_code, request_headers, response_headers)
                 SELECT 1, value * 1000000, 1, 'http://old/', value, value * 1000000 - 5, 5, 500, 'webhook-id: 1\n', 'x: y\n'
                 FROM json_each('[2, 3]');",
            )
            .unwrap();
        drop(connection);
        let store = SqliteStore::open(directory.path()).unwrap();
        let query = AttemptQuery {
            success: Some(false),
            limit: 9,
            ..AttemptQuery::default()
        };
        let page = store.attempt_page(&[WebhookId(1)], &query).unwrap();
        let ids: Vec<_> = page.attempts.iter().map(|attempt| attempt.id.0).collect();
        assert_eq!(ids, [3_000_000, 2_000_000]);
        let read = store.attempt(WebhookId(1), AttemptId(2_000_000)).unwrap();
        let read = read.unwrap();
        assert_eq!(read.target_url, "http://old/");
        assert_eq!(read.sent_body.as_deref(), Some(&b"{\"old\":1}"[..]));
        assert_eq!(read.exchange.request_headers, "webhook-id: 1\n");
        assert_eq!(read.exchange.response_headers, "x: y\n");
        assert_eq!(read.exchange.started_at.as_microsecond(), 1_999_995);
        // The next day a segment begins, and old attempts are removed from the first one.
        let at = |micros| jiff::Timestamp::from_microsecond(micros).unwrap();
        let now = 90_000_000_000;
        while store.prune(at(2_500_000), at(now)).unwrap() {}
        assert!(
            store
                .attempt(WebhookId(1), AttemptId(2_000_000))
                .unwrap()
                .is_none()
        );
        while store.prune(at(now), at(now)).unwrap() {}
        assert_eq!(tables(&store), ["attempts_1"]);
    }

    fn tables(store: &SqliteStore) -> Vec<String> {
        let tables = store.read(|c| {
            let sql =
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB 'attempts*'";
            let mut statement = c.prepare(sql)?;
            let names = statement.query_map([], |r| r.get(0))?;
            Ok(names.collect::<Result<_, _>>()?)
        });
        tables.unwrap()
    }
}
