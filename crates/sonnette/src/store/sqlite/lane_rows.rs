//! The health of lanes as rows.

use std::time::Duration;

use rusqlite::{Connection, Transaction, params};

use super::StoreError;
use super::damage_log::DamageLog;
use super::table_row::{TableRow, to_micros};
use crate::domain::{FailureStreak, LaneHealth, NotificationId, ProbeSchedule, WebhookId};

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

/// Reads all columns of `lanes`.
pub(super) fn from_row(cells: TableRow<'_>) -> Result<LaneHealth, StoreError> {
    let streak = match cells.time_optional("failing_since")? {
        None => None,
        Some(since) => Some(FailureStreak {
            failures: cells.get("failures")?,
            since,
            first: NotificationId(
                cells
                    .get::<Option<i64>>("first_failed")?
                    .unwrap_or_default(),
            ),
            has_several_notifications: cells.get("several")?,
        }),
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
        streak,
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
    t.prepare_cached(
        "INSERT OR REPLACE INTO lanes (webhook, failures, failing_since, first_failed, several, probing_since, probe_at,
           probe_wait_ms, paused_until, last_success_at, pause_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        webhook.0,
        health.consecutive_failures(),
        health.streak.map(|s| to_micros(s.since)),
        health.streak.map(|s| s.first.0),
        health.streak.is_some_and(|s| s.has_several_notifications),
        health.probe_schedule.map(|p| to_micros(p.since)),
        health.probe_schedule.map(|p| to_micros(p.next_at)),
        health.probe_schedule.map(|p| millis(p.wait)),
        health.paused_until.map(to_micros),
        health.last_success_at.map(to_micros),
        health.pause_length.map(millis),
    ])?;
    Ok(())
}
