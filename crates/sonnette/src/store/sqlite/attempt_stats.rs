//! Sums of attempts, half hour by half hour.
//!
//! A batch of settlements is often small, and touches many webhooks: a row for each of them in each batch would cost
//! about as much as the settlements. So what was settled is gathered in memory, and written once a second. Who reads sees
//! both. A crash loses the sums of a second, and nothing else: the attempts themselves are in the log.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::StoreError;
use super::rows::{Cells, micros};
use crate::domain::{Attempt, FailureKind, LatencyHistogram, Outcome, WebhookId};
use crate::store::AttemptStats;

const HALF_HOUR: i64 = 1_800_000_000;

/// The half hours since 1970.
pub(super) fn half_hour(at: Timestamp) -> i64 {
    micros(at) / HALF_HOUR
}

/// How long sums are gathered before they are written.
const GATHERED: Duration = Duration::from_secs(1);

/// Sums by webhook and half hour.
#[derive(Default)]
pub(super) struct Tallies(BTreeMap<(WebhookId, i64), Sum>);

/// What has been settled and is not in the table yet.
#[derive(Default)]
pub(super) struct Gathered {
    tallies: Tallies,
    written_at: Option<Instant>,
}

impl Gathered {
    /// Adds the sums of a batch that is committed.
    pub(super) fn add(&mut self, batch: Tallies) {
        for (key, sum) in batch.0 {
            self.tallies.0.entry(key).or_default().merge(&sum);
        }
    }

    /// Whether there is nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        self.tallies.0.is_empty()
    }

    /// Whether there is something to write, and it is time.
    pub(super) fn is_due(&self) -> bool {
        let since = self.written_at.map(|at| at.elapsed());
        !self.is_empty() && since.is_none_or(|since| since >= GATHERED)
    }

    /// Writes what is gathered; it stays until it is [`written`](Self::written), since the transaction may fail.
    pub(super) fn write(&self, t: &Transaction<'_>) -> Result<(), StoreError> {
        self.tallies.write(t)
    }

    /// It is in the table.
    pub(super) fn written(&mut self) {
        self.tallies.0.clear();
        self.written_at = Some(Instant::now());
    }
}

#[derive(Default)]
struct Sum {
    succeeded: u64,
    failed: u64,
    times: LatencyHistogram,
}

impl Sum {
    fn merge(&mut self, other: &Self) {
        self.succeeded += other.succeeded;
        self.failed += other.failed;
        self.times.merge(&other.times);
    }
}

impl Tallies {
    /// Counts an attempt, unless it is a test.
    pub(super) fn add(&mut self, attempt: &Attempt) {
        if attempt.test {
            return;
        }
        let half_hour = attempt.id.0 / HALF_HOUR;
        let sum = self.0.entry((attempt.webhook, half_hour)).or_default();
        let outcome = &attempt.exchange.outcome;
        if outcome.is_success() {
            sum.succeeded += 1;
        } else {
            sum.failed += 1;
        }
        // How soon a connection is refused says nothing of how soon answers come.
        if is_timed(outcome) {
            sum.times.add(attempt.exchange.duration);
        }
    }

    fn write(&self, t: &Transaction<'_>) -> Result<(), StoreError> {
        let mut known =
            t.prepare_cached("SELECT times FROM tallies WHERE webhook = ?1 AND half_hour = ?2")?;
        let mut write = t.prepare_cached(
            "INSERT INTO tallies (webhook, half_hour, succeeded, failed, times) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET succeeded = succeeded + ?3, failed = failed + ?4, times = ?5",
        )?;
        for ((webhook, half_hour), sum) in &self.0 {
            let before: Option<Vec<u8>> = known
                .query_row([webhook.0, *half_hour], |r| r.get(0))
                .optional()?;
            // What cannot be read is begun anew: nothing but a plot hangs on it, and settling must go on.
            let mut times = before
                .and_then(|bytes| LatencyHistogram::from_bytes(&bytes))
                .unwrap_or_default();
            times.merge(&sum.times);
            write.execute(params![
                webhook.0,
                half_hour,
                sum.succeeded,
                sum.failed,
                times.to_bytes()
            ])?;
        }
        Ok(())
    }
}

fn is_timed(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Answered { .. } => true,
        Outcome::Failed(failure) => failure.kind() == FailureKind::Timeout,
    }
}

/// The sums of these webhooks, by webhook and time: those of the table and those that are gathered.
pub(super) fn since(
    c: &Connection,
    gathered: &Gathered,
    webhooks: &[WebhookId],
    since: Timestamp,
) -> Result<Vec<AttemptStats>, StoreError> {
    let mut statement = c.prepare_cached(
        "SELECT half_hour, succeeded, failed, times FROM tallies WHERE webhook = ?1 AND half_hour >= ?2",
    )?;
    let first = half_hour(since);
    let mut sums: BTreeMap<(WebhookId, i64), Sum> = BTreeMap::new();
    for webhook in webhooks {
        let mut rows = statement.query([webhook.0, first])?;
        while let Some(row) = rows.next()? {
            let cells = Cells::new(row, "tallies");
            let sum = Sum {
                succeeded: cells.get("succeeded")?,
                failed: cells.get("failed")?,
                times: LatencyHistogram::from_bytes(&cells.get::<Vec<u8>>("times")?)
                    .ok_or_else(|| cells.wrong("times", "not what is kept there"))?,
            };
            sums.insert((*webhook, cells.get("half_hour")?), sum);
        }
        let own = (*webhook, first)..=(*webhook, i64::MAX);
        for (key, sum) in gathered.tallies.0.range(own) {
            sums.entry(*key).or_default().merge(sum);
        }
    }
    let tally = |((webhook, half_hour), sum): ((WebhookId, i64), Sum)| {
        let start = Timestamp::from_microsecond(half_hour.saturating_mul(HALF_HOUR));
        Some(AttemptStats {
            webhook,
            start: start.ok()?,
            succeeded: sum.succeeded,
            failed: sum.failed,
            times: sum.times,
        })
    };
    Ok(sums.into_iter().filter_map(tally).collect())
}
