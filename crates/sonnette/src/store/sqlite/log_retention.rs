//! Adds segments to the log and removes old ones.
//!
//! A segment that holds only old attempts becomes invisible in one step. Then its indexes are dropped, its rows are removed
//! from the front of the table in batches, and the empty table is dropped. Without its indexes this takes a fraction of the
//! time that it takes to remove single rows, and no step delays publications for long.
//!
//! The first segment of a store from an earlier version, and one that was written while the clock jumped, hold attempts of
//! many days. Their old attempts are removed row by row.

use std::collections::BTreeMap;
use std::time::Duration;

use rusqlite::types::Value;
use rusqlite::{Transaction, params};

use super::log_segments::{self, LogSegment};
use super::{SqliteStore, StoreError};
use crate::clock::{Clock as _, SystemClock};

/// How long one step may hold the writer, about: publications wait for it.
pub(super) const MAX_STEP_TIME: Duration = Duration::from_millis(10);

/// The number of rows that one statement removes; a row of the log may have 64 KiB and more.
pub(super) const MAX_STATEMENT_ROWS: usize = 100;

const DAY_MICROS: i64 = 86_400_000_000;

/// How long attempts are expected beyond the time of a segment, and how far the clock may be set back before a new segment
/// begins.
const CLOCK_TOLERANCE_MICROS: i64 = 3_600_000_000;

/// A log that is kept longer has longer segments, so that it has about this number of segments.
const MAX_DAILY_SEGMENTS: i64 = 60;

/// While there are so many segments, as after many jumps of the clock, no new one begins.
const MAX_SEGMENTS: usize = 100;

/// The number of templates that one statement removes.
const MAX_STATEMENT_TEMPLATES: usize = 1_000;

/// How far the log was pruned.
#[derive(Default)]
pub(super) struct LogPruneCursors {
    /// For each segment whose old attempts are removed row by row: the last webhook that was looked at.
    webhooks: BTreeMap<i64, i64>,
    /// Whether templates that no segment uses were removed since the last segment was.
    has_pruned_templates: bool,
}

impl LogPruneCursors {
    /// Forgets a segment that was removed.
    fn forget(&mut self, segment: i64) {
        self.webhooks.remove(&segment);
        self.has_pruned_templates = false;
    }
}

impl SqliteStore {
    /// Adds a segment if the newest is a day old, and removes attempts that ended before `before`. Returns whether more may
    /// be left.
    pub(super) fn prune_log(
        &self,
        before: i64,
        now: i64,
        cursors: &mut LogPruneCursors,
    ) -> Result<bool, StoreError> {
        let length = DAY_MICROS.max(now.saturating_sub(before) / MAX_DAILY_SEGMENTS);
        let mut segments = self.read_log(|_, segments| Ok(segments.to_vec()))?;
        if is_new_segment_due(&segments, now, length) {
            let bounds = (
                now.saturating_sub(CLOCK_TOLERANCE_MICROS),
                now.saturating_add(length)
                    .saturating_add(CLOCK_TOLERANCE_MICROS),
            );
            let added = self.write(|t| log_segments::create(t, now, bounds))?;
            segments.insert(0, added);
        }
        for segment in segments.iter().skip(1).filter(|s| s.last_id < before) {
            self.write(|t| log_segments::hide(t, segment.number))?;
        }
        let is_long = |s: &&LogSegment| s.last_id.saturating_sub(s.first_id) > 2 * length;
        let is_mixed = |s: &&LogSegment| s.first_id < before && s.last_id >= before;
        let mut has_more = false;
        for segment in segments.iter().filter(is_long).filter(is_mixed) {
            let is_newest = segment.number == segments[0].number;
            has_more |= self.prune_segment(segment, is_newest, before, cursors)?;
        }
        has_more |= self.remove_hidden_segment(cursors)?;
        if !cursors.has_pruned_templates {
            cursors.has_pruned_templates = self.prune_templates()?;
            has_more |= !cursors.has_pruned_templates;
        }
        Ok(has_more)
    }

    /// Removes old attempts row by row, and the segment if it is empty, unless it is the newest.
    fn prune_segment(
        &self,
        segment: &LogSegment,
        is_newest: bool,
        before: i64,
        cursors: &mut LogPruneCursors,
    ) -> Result<bool, StoreError> {
        let table = segment.table();
        let cursor = cursors.webhooks.entry(segment.number).or_default();
        let (has_more, is_empty) = self.write(|t| {
            if prune_by_time(t, &table, "id", before, cursor)? {
                return Ok((true, false));
            }
            let sql = format!("SELECT NOT EXISTS (SELECT 1 FROM {table})");
            let is_empty = !is_newest && t.query_row(&sql, [], |r| r.get(0))?;
            if is_empty {
                log_segments::remove(t, segment)?;
            }
            Ok((false, is_empty))
        })?;
        if is_empty {
            cursors.forget(segment.number);
        }
        Ok(has_more)
    }

    /// Takes one step to remove the oldest hidden segment. Returns whether there is one.
    fn remove_hidden_segment(&self, cursors: &mut LogPruneCursors) -> Result<bool, StoreError> {
        let Some(segment) = self.read(|c| log_segments::oldest_hidden(c, &self.damage))? else {
            return Ok(false);
        };
        let is_empty = self.write(|t| {
            if log_segments::remove_index(t, &segment)? {
                return Ok(false);
            }
            let is_empty = remove_rows(t, &segment.table())?;
            if is_empty {
                log_segments::remove(t, &segment)?;
            }
            Ok(is_empty)
        })?;
        if is_empty {
            cursors.forget(segment.number);
        }
        Ok(true)
    }

    /// Removes templates that no segment uses. Returns whether none is left.
    fn prune_templates(&self) -> Result<bool, StoreError> {
        // Many templates are read for this, and none of it while others wait to write.
        let unused: Vec<i64> = self.read(|c| {
            let mut statement = c.prepare_cached(
                "SELECT id FROM header_templates
                 WHERE last_segment < (SELECT min(number) FROM log_segments) LIMIT ?1",
            )?;
            let found = statement.query_map([MAX_STATEMENT_TEMPLATES], |r| r.get(0))?;
            Ok(found.collect::<Result<_, _>>()?)
        })?;
        if unused.is_empty() {
            return Ok(true);
        }
        self.write(|t| {
            let mut remove = t.prepare_cached(
                "DELETE FROM header_templates
                 WHERE id = ?1 AND last_segment < (SELECT min(number) FROM log_segments)",
            )?;
            for id in &unused {
                remove.execute([id])?;
            }
            Ok(unused.len() < MAX_STATEMENT_TEMPLATES)
        })
    }
}

/// Whether the newest segment is older than `length`, or from a future that the clock has left.
fn is_new_segment_due(segments: &[LogSegment], now: i64, length: i64) -> bool {
    let Some(newest) = segments.first() else {
        return true;
    };
    let age = now.saturating_sub(newest.created_at);
    (age >= length || age < -CLOCK_TOLERANCE_MICROS) && segments.len() < MAX_SEGMENTS
}

/// Removes the first rows of a table of attempts without indexes. Returns whether it is empty.
fn remove_rows(t: &Transaction<'_>, table: &str) -> Result<bool, StoreError> {
    let mut next = t.prepare_cached(&format!(
        "SELECT webhook, id FROM {table} ORDER BY webhook, id LIMIT 1 OFFSET ?1"
    ))?;
    let mut remove = t.prepare_cached(&format!(
        "DELETE FROM {table} WHERE (webhook, id) < (?1, ?2)"
    ))?;
    let began = SystemClock.instant();
    loop {
        let mut rows = next.query([MAX_STATEMENT_ROWS])?;
        let Some(row) = rows.next()? else {
            t.execute(&format!("DELETE FROM {table}"), [])?;
            return Ok(true);
        };
        // Of any type, since damaged rows are removed too.
        let key: [Value; 2] = [row.get(0)?, row.get(1)?];
        drop(rows);
        remove.execute(key)?;
        if began.elapsed() >= MAX_STEP_TIME {
            return Ok(false);
        }
    }
}

/// Removes rows older than `before` from a table whose key is a webhook and a time: the old rows of a webhook are the
/// first of its keys. Continues after the webhook `cursor`; returns whether there are more webhooks.
pub(super) fn prune_by_time(
    t: &Transaction<'_>,
    table: &str,
    time: &str,
    before: i64,
    cursor: &mut i64,
) -> Result<bool, StoreError> {
    let mut next = t.prepare_cached(&format!(
        "SELECT min(webhook) FROM {table} WHERE webhook > ?1 AND webhook <= 9223372036854775807"
    ))?;
    let mut remove = t.prepare_cached(&format!(
        "DELETE FROM {table} WHERE webhook = ?1 AND {time} IN (
           SELECT {time} FROM {table} WHERE webhook = ?1 AND {time} < ?2 LIMIT ?3)"
    ))?;
    let began = SystemClock.instant();
    while let Some(webhook) = next.query_row([*cursor], |r| r.get::<_, Option<i64>>(0))? {
        let removed = remove.execute(params![webhook, before, MAX_STATEMENT_ROWS])?;
        if removed < MAX_STATEMENT_ROWS {
            *cursor = webhook;
        }
        if began.elapsed() >= MAX_STEP_TIME {
            return Ok(true);
        }
    }
    *cursor = 0;
    Ok(false)
}
