//! Checks that the store can be written, by writing.

use std::time::{Duration, Instant};

use parking_lot::MutexGuard;

use super::{BUSY_TIMEOUT, SqliteStore, StoreError, begin};
use crate::clock::{Clock as _, SystemClock};

/// How long a result is the answer to further checks.
const RESULT_LIFETIME: Duration = Duration::from_millis(250);
/// How long a failed transaction counts, unless a later one succeeds.
const FAILURE_LIFETIME: Duration = Duration::from_secs(1);
/// How long a check waits for its turn to write.
const PERMIT_TIMEOUT: Duration = Duration::from_millis(400);
/// How long a check waits for another process's transaction.
const PROBE_BUSY_TIMEOUT: Duration = Duration::from_millis(200);
/// Bytes that a check writes: about as many as a request with its deliveries.
const PROBE_ROW_BYTES: usize = 64 << 10;

/// What is known of whether the store can be written.
#[derive(Default)]
pub(super) struct WriteProbe {
    checked: Option<(Instant, Result<(), StoreError>)>,
}

impl SqliteStore {
    /// Whether the store can be written. Checks at the same time share one write, so that any number of them costs four
    /// small transactions a second.
    pub(super) fn check_writable(&self) -> Result<(), StoreError> {
        let Some(mut probe) = self.write_probe.try_lock_for(PERMIT_TIMEOUT) else {
            return Err(not_in_time());
        };
        if let Some((at, result)) = &probe.checked
            && at.elapsed() < RESULT_LIFETIME
        {
            return result.clone();
        }
        let result = match self.recent_failure() {
            Some(error) => Err(error),
            None => self.write_probe_row(),
        };
        probe.checked = Some((SystemClock.instant(), result.clone()));
        result
    }

    /// Remembers how the last transaction ended: a store that takes a small write may not take a large one.
    pub(super) fn record_write<T>(&self, result: &Result<T, StoreError>) {
        match result {
            Ok(_) => *self.failed_write.lock() = None,
            Err(error @ StoreError::Unavailable(_)) => {
                *self.failed_write.lock() = Some((SystemClock.instant(), error.clone()));
            }
            Err(StoreError::Inconsistent { .. } | StoreError::Refused(_)) => {}
        }
    }

    fn recent_failure(&self) -> Option<StoreError> {
        let failed = self.failed_write.lock();
        let (at, error) = failed.as_ref()?;
        (at.elapsed() < FAILURE_LIFETIME).then(|| error.clone())
    }

    fn write_probe_row(&self) -> Result<(), StoreError> {
        let Some(mut writer) = self.writer.try_lock_for(PERMIT_TIMEOUT) else {
            return Err(not_in_time());
        };
        writer.connection.busy_timeout(PROBE_BUSY_TIMEOUT)?;
        // Other content each time: SQLite writes no page that stays the same.
        let written = begin(&mut writer.connection).and_then(|transaction| {
            transaction
                .prepare_cached(
                    "INSERT OR REPLACE INTO write_probe (id, content) VALUES (1, randomblob(?1))",
                )?
                .execute([PROBE_ROW_BYTES])?;
            Ok(transaction.commit()?)
        });
        let restored = writer.connection.busy_timeout(BUSY_TIMEOUT);
        MutexGuard::unlock_fair(writer);
        written.and(Ok(restored?))
    }
}

fn not_in_time() -> StoreError {
    StoreError::Unavailable("another transaction did not end in time".into())
}
