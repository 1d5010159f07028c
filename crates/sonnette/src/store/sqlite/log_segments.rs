//! The segments of the log: tables of a day's attempts each.
//!
//! New attempts are added to the newest segment, whatever their ids are. The bounds of a segment hold for all ids in it;
//! an attempt beyond them, as after a jump of the clock, moves them. So a search passes over segments by their bounds, and
//! no jump of the clock can hide an attempt or keep new segments from being created.
//!
//! The table of a removed segment is deleted in batches ([`super::log_retention`]), after its rows have become invisible.

use std::collections::BTreeSet;

use rusqlite::{Connection, Transaction, params};

use super::damage_log::DamageLog;
use super::table_row::TableRow;
use super::{SqliteStore, StoreError, begin};

const TABLE_PREFIX: &str = "attempts_";

/// How far an attempt beyond the bounds of its segment moves them. The next attempts need not move them again.
const BOUND_STEP_MICROS: i64 = 60_000_000;

const SELECT: &str = "SELECT number, created_at, first_id, last_id FROM log_segments";

/// Ids of attempts, from the first up to the second, which is excluded.
pub(super) type IdRange = (i64, i64);

/// A table of attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LogSegment {
    pub(super) number: i64,
    /// In microseconds since 1970.
    pub(super) created_at: i64,
    /// No attempt in the segment has a lower id.
    pub(super) first_id: i64,
    /// No attempt in the segment has a higher id.
    pub(super) last_id: i64,
}

impl LogSegment {
    pub(super) fn table(&self) -> String {
        table_name(self.number)
    }

    /// The index of the failed attempts by webhook and id.
    pub(super) fn failed_index(&self) -> String {
        self.index_name("failed")
    }

    /// The index of the attempts by notification.
    pub(super) fn notification_index(&self) -> String {
        self.index_name("by_notification")
    }

    fn index_name(&self, suffix: &str) -> String {
        match self.number {
            // The first segment was the only table, and SQLite cannot rename an index.
            0 => format!("{TABLE_PREFIX}{suffix}"),
            number => format!("{TABLE_PREFIX}{number}_{suffix}"),
        }
    }

    /// Whether the segment may have an id in this range.
    pub(super) fn overlaps(&self, (first, beyond): IdRange) -> bool {
        self.last_id >= first && self.first_id < beyond
    }

    /// Moves the bounds so that they hold for a new attempt.
    pub(super) fn extend_bounds(&mut self, t: &Transaction<'_>, id: i64) -> Result<(), StoreError> {
        if (self.first_id..=self.last_id).contains(&id) {
            return Ok(());
        }
        self.first_id = self.first_id.min(id.saturating_sub(BOUND_STEP_MICROS));
        self.last_id = self.last_id.max(id.saturating_add(BOUND_STEP_MICROS));
        t.prepare_cached("UPDATE log_segments SET first_id = ?2, last_id = ?3 WHERE number = ?1")?
            .execute([self.number, self.first_id, self.last_id])?;
        Ok(())
    }
}

fn table_name(number: i64) -> String {
    format!("{TABLE_PREFIX}{number}")
}

impl SqliteStore {
    /// Reads from the log in one transaction, in which no segment is removed. The segments are passed newest first.
    pub(super) fn read_log<T>(
        &self,
        query: impl FnOnce(&Connection, &[LogSegment]) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.read(|c| {
            let transaction = c.unchecked_transaction()?;
            query(&transaction, &load(&transaction, &self.damage)?)
        })
    }
}

/// The segments, newest first.
pub(super) fn load(c: &Connection, damage: &DamageLog) -> Result<Vec<LogSegment>, StoreError> {
    let mut statement = c.prepare_cached(&format!(
        "{SELECT} WHERE removed IS NOT 1 ORDER BY number DESC"
    ))?;
    let mut rows = statement.query([])?;
    let mut segments = Vec::new();
    while let Some(row) = rows.next()? {
        segments.push(segment(TableRow::new(row, "log_segments"), damage)?);
    }
    Ok(segments)
}

/// The segment that new attempts are added to, and the one before it.
pub(super) fn newest(
    t: &Transaction<'_>,
    damage: &DamageLog,
) -> Result<(Option<LogSegment>, Option<LogSegment>), StoreError> {
    let sql = format!("{SELECT} WHERE removed IS NOT 1 ORDER BY number DESC LIMIT 2");
    let mut statement = t.prepare_cached(&sql)?;
    let mut rows = statement.query([])?;
    let mut next = || match rows.next()? {
        Some(row) => segment(TableRow::new(row, "log_segments"), damage).map(Some),
        None => Ok::<_, StoreError>(None),
    };
    Ok((next()?, next()?))
}

/// A segment whose bounds are damaged may have any ids.
fn segment(cells: TableRow<'_>, damage: &DamageLog) -> Result<LogSegment, StoreError> {
    let cell = |column, default| -> Result<i64, StoreError> {
        Ok(damage.skip_damaged(cells.get(column))?.unwrap_or(default))
    };
    Ok(LogSegment {
        number: cells.get("number")?,
        created_at: cell("created_at", 0)?,
        first_id: cell("first_id", i64::MIN)?,
        last_id: cell("last_id", i64::MAX)?,
    })
}

/// Creates a segment for new attempts, whose ids are expected to be within the bounds.
pub(super) fn create(
    t: &Transaction<'_>,
    created_at: i64,
    (first_id, last_id): (i64, i64),
) -> Result<LogSegment, StoreError> {
    let known: Option<i64> =
        t.query_row("SELECT max(number) FROM log_segments", [], |r| r.get(0))?;
    let of_table = tables(t)?.last().copied();
    let segment = LogSegment {
        number: known.max(of_table).map_or(0, |number| number + 1),
        created_at,
        first_id,
        last_id,
    };
    let (table, failed, by_notification) = (
        segment.table(),
        segment.failed_index(),
        segment.notification_index(),
    );
    t.execute_batch(&format!(
        "CREATE TABLE {table} (
            webhook INTEGER NOT NULL,
            id INTEGER NOT NULL,
            notification INTEGER NOT NULL,
            action_type TEXT,
            event TEXT,
            target_url TEXT NOT NULL,
            number INTEGER NOT NULL,
            started_at INTEGER NOT NULL,
            duration_us INTEGER NOT NULL,
            return_code INTEGER NOT NULL,
            failure TEXT,
            reason TEXT,
            request_headers TEXT NOT NULL,
            response_headers TEXT NOT NULL,
            payload BLOB,
            response_body BLOB,
            failure_detail TEXT,
            request_template INTEGER,
            response_template INTEGER,
            PRIMARY KEY (webhook, id)
        ) WITHOUT ROWID;
        CREATE INDEX {failed} ON {table} (webhook, id) WHERE return_code NOT BETWEEN 200 AND 299;
        CREATE INDEX {by_notification} ON {table} (notification, webhook);"
    ))?;
    insert(t, &segment)?;
    Ok(segment)
}

/// Makes a segment invisible, whose table is yet to be removed.
pub(super) fn hide(t: &Transaction<'_>, number: i64) -> Result<(), StoreError> {
    t.execute(
        "UPDATE log_segments SET removed = 1 WHERE number = ?1",
        [number],
    )?;
    Ok(())
}

/// The oldest segment whose table is to be removed.
pub(super) fn oldest_hidden(
    c: &Connection,
    damage: &DamageLog,
) -> Result<Option<LogSegment>, StoreError> {
    let sql = format!("{SELECT} WHERE removed = 1 ORDER BY number LIMIT 1");
    let mut statement = c.prepare_cached(&sql)?;
    let mut rows = statement.query([])?;
    rows.next()?
        .map(|row| segment(TableRow::new(row, "log_segments"), damage))
        .transpose()
}

/// Drops one of the indexes of a hidden segment. Returns whether there was one.
pub(super) fn remove_index(t: &Transaction<'_>, segment: &LogSegment) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'index' AND name = ?1)";
    for index in [segment.notification_index(), segment.failed_index()] {
        if t.query_row(sql, [&index], |r| r.get(0))? {
            t.execute_batch(&format!("DROP INDEX {index}"))?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// Removes the table of a segment, which should be empty: this takes as long as it has pages.
pub(super) fn remove(t: &Transaction<'_>, segment: &LogSegment) -> Result<(), StoreError> {
    t.execute_batch(&format!("DROP TABLE {}", segment.table()))?;
    t.execute(
        "DELETE FROM log_segments WHERE number = ?1",
        [segment.number],
    )?;
    Ok(())
}

fn insert(t: &Transaction<'_>, segment: &LogSegment) -> Result<(), StoreError> {
    t.execute(
        "INSERT OR REPLACE INTO log_segments (number, created_at, first_id, last_id) VALUES (?1, ?2, ?3, ?4)",
        params![segment.number, segment.created_at, segment.first_id, segment.last_id],
    )?;
    Ok(())
}

/// The numbers of the tables of segments, in ascending order.
fn tables(c: &Connection) -> Result<BTreeSet<i64>, StoreError> {
    let mut statement = c.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")?;
    let names = statement.query_map([], |r| r.get::<_, String>(0))?;
    let mut numbers = BTreeSet::new();
    for name in names {
        let name = name?;
        let number = name.strip_prefix(TABLE_PREFIX).and_then(|n| n.parse().ok());
        numbers.extend(number.filter(|number| table_name(*number) == name));
    }
    Ok(numbers)
}

/// Makes the list of segments agree with their tables, if its rows are damaged.
pub(super) fn repair(connection: &mut Connection, damage: &DamageLog) -> Result<(), StoreError> {
    let tables = tables(connection)?;
    let listed: BTreeSet<i64> = {
        let mut statement = connection.prepare("SELECT number FROM log_segments")?;
        let numbers = statement.query_map([], |r| r.get(0))?;
        numbers.collect::<Result<_, _>>()?
    };
    if listed == tables {
        return Ok(());
    }
    let transaction = begin(connection)?;
    for number in tables.difference(&listed) {
        let segment = LogSegment {
            number: *number,
            created_at: 0,
            first_id: i64::MIN,
            last_id: i64::MAX,
        };
        insert(&transaction, &segment)?;
        let reason = "a table of attempts was not listed; it is listed again";
        damage.record_repaired("log_segments", &number.to_string(), "number", reason);
    }
    for number in listed.difference(&tables) {
        transaction.execute("DELETE FROM log_segments WHERE number = ?1", [number])?;
        let reason = "it had no table of attempts; it was removed";
        damage.record_repaired("log_segments", &number.to_string(), "number", reason);
    }
    Ok(transaction.commit()?)
}

/// An expression for the newest attempt of a webhook, which `webhook` is an expression for. NULL: there is none. The upper
/// bound leaves out damaged rows whose id is no number.
pub(super) fn newest_attempt(segments: &[LogSegment], webhook: &str) -> String {
    let in_segment = |segment: &LogSegment| {
        format!(
            "(SELECT max(a.id) FROM {} a WHERE a.webhook = {webhook} AND a.id <= 9223372036854775807), ",
            segment.table()
        )
    };
    let found: String = segments.iter().map(in_segment).collect();
    format!("coalesce({found}NULL, NULL)")
}
