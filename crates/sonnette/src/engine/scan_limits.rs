//! Limits of the work on the store that may read many rows, in fair turns over organizers.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::domain::OrganizerId;

/// Scans at a time.
const MAX_SCANS: usize = 4;
/// Scans of one organizer that wait or run.
const MAX_QUEUED_SCANS_PER_ORGANIZER: usize = 32;

/// Too many scans of this organizer are waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooManyScans;

/// Lets [`MAX_SCANS`] scans run at a time. Each organizer has one turn in the queue at a time, so that however many it asks
/// for, others wait for at most one of them.
pub(super) struct ScanLimits {
    running: Arc<Semaphore>,
    turns: Arc<Mutex<HashMap<Option<OrganizerId>, OrganizerTurns>>>,
}

struct OrganizerTurns {
    turn: Arc<Semaphore>,
    /// Scans that wait or run.
    queued: usize,
}

/// A scan that may run; it ends when this is dropped.
pub(super) struct ScanPermit {
    _running: OwnedSemaphorePermit,
    _turn: OwnedSemaphorePermit,
    _queued: QueuedScan,
}

/// A scan that waits or runs.
struct QueuedScan {
    organizer: Option<OrganizerId>,
    turns: Arc<Mutex<HashMap<Option<OrganizerId>, OrganizerTurns>>>,
}

impl Drop for QueuedScan {
    fn drop(&mut self) {
        let mut turns = self.turns.lock();
        if let Some(of_organizer) = turns.get_mut(&self.organizer) {
            of_organizer.queued -= 1;
            if of_organizer.queued == 0 {
                turns.remove(&self.organizer);
            }
        }
    }
}

impl ScanLimits {
    pub(super) fn new() -> Self {
        Self {
            running: Arc::new(Semaphore::new(MAX_SCANS)),
            turns: Arc::default(),
        }
    }

    /// Waits for the turn of a scan.
    pub(super) async fn acquire(
        &self,
        organizer: Option<OrganizerId>,
    ) -> Result<ScanPermit, TooManyScans> {
        let (queued, turn) = {
            let mut turns = self.turns.lock();
            let of_organizer = turns.entry(organizer).or_insert_with(|| OrganizerTurns {
                turn: Arc::new(Semaphore::new(1)),
                queued: 0,
            });
            if of_organizer.queued >= MAX_QUEUED_SCANS_PER_ORGANIZER {
                return Err(TooManyScans);
            }
            of_organizer.queued += 1;
            let queued = QueuedScan {
                organizer,
                turns: self.turns.clone(),
            };
            (queued, of_organizer.turn.clone())
        };
        let turn = turn.acquire_owned().await.map_err(|_| TooManyScans)?;
        let running = self.running.clone().acquire_owned().await;
        Ok(ScanPermit {
            _running: running.map_err(|_| TooManyScans)?,
            _turn: turn,
            _queued: queued,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    const SOON: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn an_organizer_with_many_scans_delays_no_other() {
        let limits = ScanLimits::new();
        let first = limits.acquire(Some(OrganizerId(1))).await.ok().unwrap();
        let more = limits.acquire(Some(OrganizerId(1)));
        assert!(timeout(SOON, more).await.is_err());
        let other = timeout(SOON, limits.acquire(Some(OrganizerId(2)))).await;
        assert!(other.is_ok());
        drop(first);
        let next = timeout(SOON, limits.acquire(Some(OrganizerId(1)))).await;
        assert!(next.is_ok());
        drop((other, next));
        assert!(limits.turns.lock().is_empty());
    }

    #[tokio::test]
    async fn the_queue_of_an_organizer_is_bounded() {
        let limits = ScanLimits::new();
        let _first = limits.acquire(None).await.ok().unwrap();
        let mut waiting = Vec::new();
        for _ in 1..MAX_QUEUED_SCANS_PER_ORGANIZER {
            let mut scan = Box::pin(limits.acquire(None));
            assert!(timeout(Duration::ZERO, &mut scan).await.is_err());
            waiting.push(scan);
        }
        assert!(limits.acquire(None).await.is_err());
    }
}
