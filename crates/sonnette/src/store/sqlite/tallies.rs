//! Sums of attempts, half hour by half hour.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::StoreError;
use super::rows::{Cells, micros};
use crate::domain::{Attempt, Failure, Outcome, Times, WebhookId};
use crate::store::Tally;

const HALF_HOUR: i64 = 1_800_000_000;

/// The half hours since 1970.
pub(super) fn half_hour(at: Timestamp) -> i64 {
    micros(at) / HALF_HOUR
}

/// What a batch adds: a batch writes a row for each webhook and half hour, however many attempts it has.
#[derive(Default)]
pub(super) struct Tallies(BTreeMap<(WebhookId, i64), Sum>);

#[derive(Default)]
struct Sum {
    succeeded: u64,
    failed: u64,
    times: Times,
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

    pub(super) fn write(self, t: &Transaction<'_>) -> Result<(), StoreError> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut known =
            t.prepare_cached("SELECT times FROM tallies WHERE webhook = ?1 AND half_hour = ?2")?;
        let mut write = t.prepare_cached(
            "INSERT INTO tallies (webhook, half_hour, succeeded, failed, times) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET succeeded = succeeded + ?3, failed = failed + ?4, times = ?5",
        )?;
        for ((webhook, half_hour), mut sum) in self.0 {
            let before: Option<Vec<u8>> = known
                .query_row([webhook.0, half_hour], |r| r.get(0))
                .optional()?;
            // What cannot be read is begun anew: nothing but a plot hangs on it, and settling must go on.
            if let Some(times) = before.and_then(|bytes| Times::from_bytes(&bytes)) {
                sum.times.merge(&times);
            }
            let Sum {
                succeeded,
                failed,
                times,
            } = sum;
            write.execute(params![
                webhook.0,
                half_hour,
                succeeded,
                failed,
                times.to_bytes()
            ])?;
        }
        Ok(())
    }
}

fn is_timed(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Answered { .. } => true,
        Outcome::Failed { failure, .. } => *failure == Failure::Timeout,
    }
}

pub(super) fn since(
    c: &Connection,
    webhooks: &[WebhookId],
    since: Timestamp,
) -> Result<Vec<Tally>, StoreError> {
    let mut statement = c.prepare_cached(
        "SELECT half_hour, succeeded, failed, times FROM tallies WHERE webhook = ?1 AND half_hour >= ?2
         ORDER BY half_hour",
    )?;
    let mut webhooks = webhooks.to_vec();
    webhooks.sort_unstable();
    let mut found = Vec::new();
    for webhook in webhooks {
        let mut rows = statement.query([webhook.0, half_hour(since)])?;
        while let Some(row) = rows.next()? {
            let cells = Cells::new(row, "tallies");
            found.push(Tally {
                webhook,
                start: cells.time_of("half_hour", HALF_HOUR)?,
                succeeded: cells.get("succeeded")?,
                failed: cells.get("failed")?,
                times: Times::from_bytes(&cells.get::<Vec<u8>>("times")?)
                    .ok_or_else(|| cells.wrong("times", "not what is kept there"))?,
            });
        }
    }
    Ok(found)
}
