//! The health of lanes as rows.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, params};

use super::StoreError;
use super::damage_log::DamageLog;
use super::log_segments::LogSegment;
use super::table_row::{TableRow, to_micros};
use crate::domain::{FailureStreak, LaneHealth, NotificationId, ProbeSchedule, WebhookId};

/// Attempts among which the last success is looked for.
const MAX_SCANNED_ATTEMPTS: usize = 100;

/// The stored health of a lane. One whose row is damaged begins anew as a healthy lane.
pub(super) fn health(
    c: &Connection,
    damage: &DamageLog,
    webhook: WebhookId,
) -> Result<LaneHealth, StoreError> {
    let mut statement = c.prepare_cached("SELECT * FROM lanes WHERE webhook = ?1")?;
    let mut rows = statement.query([webhook.0])?;
    let read = match rows.next()? {
        Some(row) => damage.skip_damaged(from_row(TableRow::new(row, "lanes")))?,
        None => None,
    };
    Ok(read.unwrap_or_default())
}

/// The last success of a lane with this stored health. While all attempts succeed, its time is only in the log.
pub(super) fn last_success_at(
    c: &Connection,
    segments: &[LogSegment],
    webhook: WebhookId,
    health: &LaneHealth,
) -> Result<Option<Timestamp>, StoreError> {
    if health.streak.is_some() {
        return Ok(health.last_success_at);
    }
    Ok(health
        .last_success_at
        .max(last_success_in_log(c, segments, webhook)?))
}

/// The last success among the newest attempts. There may be tests after it, and attempts that were sent to a former target.
fn last_success_in_log(
    c: &Connection,
    segments: &[LogSegment],
    webhook: WebhookId,
) -> Result<Option<Timestamp>, StoreError> {
    let mut scanned = 0;
    for segment in segments {
        let mut statement = c.prepare_cached(&format!(
            "SELECT id, return_code BETWEEN 200 AND 299 AND action_type IS NULL FROM {}
             WHERE webhook = ?1 AND id <= 9223372036854775807 ORDER BY id DESC LIMIT ?2",
            segment.table()
        ))?;
        let mut rows = statement.query(params![webhook.0, MAX_SCANNED_ATTEMPTS - scanned])?;
        while let Some(row) = rows.next()? {
            if row.get(1)? {
                return Ok(Timestamp::from_microsecond(row.get(0)?).ok());
            }
            scanned += 1;
        }
    }
    Ok(None)
}

/// Forgets how the receiver has responded, except for its last success: a new target, or the webhook was enabled.
pub(super) fn reset_health(t: &Transaction<'_>, webhook: WebhookId) -> Result<(), StoreError> {
    t.prepare_cached(
        "UPDATE lanes SET failures = 0, failing_since = NULL, first_failed = NULL, several = 0, counted_failures = 0,
           counted_since = NULL, first_counted = NULL, several_counted = 0, probing_since = NULL, probe_at = NULL,
           probe_wait_ms = NULL, paused_until = NULL, pause_ms = NULL WHERE webhook = ?1",
    )?
    .execute([webhook.0])?;
    Ok(())
}

/// Reads all columns of `lanes`.
pub(super) fn from_row(cells: TableRow<'_>) -> Result<LaneHealth, StoreError> {
    let streak = |since, failures, first, several| {
        let Some(since) = cells.time_optional(since)? else {
            return Ok(None);
        };
        Ok::<_, StoreError>(Some(FailureStreak {
            failures: cells.get(failures)?,
            since,
            first_notification: NotificationId(
                cells.get::<Option<i64>>(first)?.unwrap_or_default(),
            ),
            has_several_notifications: cells.get(several)?,
        }))
    };
    let probe_schedule = match cells.time_optional("probing_since")? {
        None => None,
        Some(since) => Some(ProbeSchedule {
            since,
            next_at: cells.time("probe_at")?,
            wait: Duration::from_millis(cells.get::<u32>("probe_wait_ms")?.into()),
        }),
    };
    Ok(LaneHealth {
        streak: streak("failing_since", "failures", "first_failed", "several")?,
        failing_streak: streak(
            "counted_since",
            "counted_failures",
            "first_counted",
            "several_counted",
        )?,
        probe_schedule,
        paused_until: cells.time_optional("paused_until")?,
        pause_length: cells
            .get::<Option<u32>>("pause_ms")?
            .map(|ms| Duration::from_millis(ms.into())),
        last_success_at: cells.time_optional("last_success_at")?,
    })
}

pub(super) fn write_health(
    t: &Transaction<'_>,
    webhook: WebhookId,
    health: &LaneHealth,
) -> Result<(), StoreError> {
    let millis = |duration: Duration| u32::try_from(duration.as_millis()).unwrap_or(u32::MAX);
    let counted = health.failing_streak;
    t.prepare_cached(
        "INSERT OR REPLACE INTO lanes (webhook, failures, failing_since, first_failed, several, probing_since, probe_at,
           probe_wait_ms, paused_until, last_success_at, pause_ms, counted_failures, counted_since, first_counted,
           several_counted)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
    )?
    .execute(params![
        webhook.0,
        health.consecutive_failures(),
        health.streak.map(|s| to_micros(s.since)),
        health.streak.map(|s| s.first_notification.0),
        health.streak.is_some_and(|s| s.has_several_notifications),
        health.probe_schedule.map(|p| to_micros(p.since)),
        health.probe_schedule.map(|p| to_micros(p.next_at)),
        health.probe_schedule.map(|p| millis(p.wait)),
        health.paused_until.map(to_micros),
        health.last_success_at.map(to_micros),
        health.pause_length.map(millis),
        counted.map_or(0, |s| s.failures),
        counted.map(|s| to_micros(s.since)),
        counted.map(|s| s.first_notification.0),
        counted.is_some_and(|s| s.has_several_notifications),
    ])?;
    Ok(())
}
