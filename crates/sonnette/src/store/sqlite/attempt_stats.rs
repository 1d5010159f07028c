//! Statistics of attempts for each half hour.
//!
//! A batch of settlements is often small and concerns many webhooks. Updating a row of statistics for each of them in each
//! batch would cost about as much as the settlements. So the statistics are buffered in memory and written once a second;
//! readers see both. A crash loses the statistics of a second, but no attempt.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::StoreError;
use super::damage_log::DamageLog;
use super::table_row::{TableRow, to_micros};
use crate::clock::{Clock as _, SystemClock};
use crate::domain::{Attempt, FailureKind, LatencyHistogram, Outcome, WebhookId};
use crate::store::AttemptStats;

const HALF_HOUR_MICROS: i64 = 1_800_000_000;

/// The number of half hours since 1970.
pub(super) fn half_hour(at: Timestamp) -> i64 {
    to_micros(at) / HALF_HOUR_MICROS
}

/// How long statistics are buffered before they are written.
const FLUSH_INTERVAL: Duration = Duration::from_secs(1);

/// Counts by webhook and half hour.
#[derive(Default)]
pub(super) struct AttemptCounts(BTreeMap<(WebhookId, i64), HalfHourCounts>);

/// Counts of committed attempts that are not in the table yet.
#[derive(Default)]
pub(super) struct StatsBuffer {
    counts: AttemptCounts,
    flushed_at: Option<Instant>,
}

impl StatsBuffer {
    /// Adds the counts of a committed batch.
    pub(super) fn add(&mut self, batch: AttemptCounts) {
        for (key, counts) in batch.0 {
            self.counts.0.entry(key).or_default().merge(&counts);
        }
    }

    /// Whether there is nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        self.counts.0.is_empty()
    }

    /// Whether there is something to write and [`FLUSH_INTERVAL`] has passed since the last flush.
    pub(super) fn is_due(&self) -> bool {
        let since = self.flushed_at.map(|at| at.elapsed());
        !self.is_empty() && since.is_none_or(|since| since >= FLUSH_INTERVAL)
    }

    /// Writes the counts. They stay in the buffer until [`clear`](Self::clear), since the transaction may fail.
    pub(super) fn write(&self, t: &Transaction<'_>) -> Result<(), StoreError> {
        self.counts.write(t)
    }

    /// Empties the buffer after the transaction that wrote it.
    pub(super) fn clear(&mut self) {
        self.counts.0.clear();
        self.flushed_at = Some(SystemClock.instant());
    }
}

#[derive(Default)]
pub(super) struct HalfHourCounts {
    succeeded: u64,
    failed: u64,
    latencies: LatencyHistogram,
}

impl HalfHourCounts {
    fn merge(&mut self, other: &Self) {
        self.succeeded += other.succeeded;
        self.failed += other.failed;
        self.latencies.merge(&other.latencies);
    }
}

impl AttemptCounts {
    /// Counts an attempt, unless it is a test.
    pub(super) fn add(&mut self, attempt: &Attempt) {
        if attempt.is_test {
            return;
        }
        let half_hour = attempt.id.0 / HALF_HOUR_MICROS;
        let counts = self.0.entry((attempt.webhook, half_hour)).or_default();
        let outcome = &attempt.exchange.outcome;
        if outcome.is_success() {
            counts.succeeded += 1;
        } else {
            counts.failed += 1;
        }
        // The time until a connection is refused is not a response time.
        if has_latency(outcome) {
            counts.latencies.add(attempt.exchange.duration);
        }
    }

    fn write(&self, t: &Transaction<'_>) -> Result<(), StoreError> {
        let mut select =
            t.prepare_cached("SELECT times FROM tallies WHERE webhook = ?1 AND half_hour = ?2")?;
        let mut upsert = t.prepare_cached(
            "INSERT INTO tallies (webhook, half_hour, succeeded, failed, times) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET succeeded = succeeded + ?3, failed = failed + ?4, times = ?5",
        )?;
        for ((webhook, half_hour), counts) in &self.0 {
            let before: Option<Vec<u8>> = select
                .query_row([webhook.0, *half_hour], |r| Ok(r.get(0).ok()))
                .optional()?
                .flatten();
            // A damaged histogram is replaced: only a chart depends on it, and settling must go on.
            let mut times = before
                .and_then(|bytes| LatencyHistogram::from_bytes(&bytes))
                .unwrap_or_default();
            times.merge(&counts.latencies);
            upsert.execute(params![
                webhook.0,
                half_hour,
                counts.succeeded,
                counts.failed,
                times.to_bytes()
            ])?;
        }
        Ok(())
    }
}

pub(super) fn half_hour_counts(cells: TableRow<'_>) -> Result<(i64, HalfHourCounts), StoreError> {
    let counts = HalfHourCounts {
        succeeded: cells.get("succeeded")?,
        failed: cells.get("failed")?,
        latencies: LatencyHistogram::from_bytes(&cells.get::<Vec<u8>>("times")?)
            .ok_or_else(|| cells.invalid("times", "not a latency histogram"))?,
    };
    Ok((cells.get("half_hour")?, counts))
}

fn has_latency(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Answered { .. } => true,
        Outcome::Failed(failure) => failure.kind() == FailureKind::Timeout,
    }
}

/// The statistics of these webhooks, by webhook and time, from the table and the buffer.
pub(super) fn stats_since(
    c: &Connection,
    damage: &DamageLog,
    buffer: &StatsBuffer,
    webhooks: &[WebhookId],
    since: Timestamp,
) -> Result<Vec<AttemptStats>, StoreError> {
    let mut statement = c.prepare_cached(
        "SELECT half_hour, succeeded, failed, times, webhook FROM tallies WHERE webhook = ?1 AND half_hour >= ?2",
    )?;
    let first = half_hour(since);
    let mut counts_by_half_hour: BTreeMap<(WebhookId, i64), HalfHourCounts> = BTreeMap::new();
    for webhook in webhooks {
        let mut rows = statement.query([webhook.0, first])?;
        while let Some(row) = rows.next()? {
            let read = half_hour_counts(TableRow::new(row, "tallies"));
            if let Some((half_hour, counts)) = damage.skip_damaged(read)? {
                counts_by_half_hour.insert((*webhook, half_hour), counts);
            }
        }
        let keys = (*webhook, first)..=(*webhook, i64::MAX);
        for (key, counts) in buffer.counts.0.range(keys) {
            counts_by_half_hour.entry(*key).or_default().merge(counts);
        }
    }
    let to_stats = |((webhook, half_hour), counts): ((WebhookId, i64), HalfHourCounts)| {
        let start = Timestamp::from_microsecond(half_hour.saturating_mul(HALF_HOUR_MICROS));
        Some(AttemptStats {
            webhook,
            start: start.ok()?,
            succeeded: counts.succeeded,
            failed: counts.failed,
            latencies: counts.latencies,
        })
    };
    Ok(counts_by_half_hour
        .into_iter()
        .filter_map(to_stats)
        .collect())
}
