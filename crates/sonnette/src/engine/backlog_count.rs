//! The number of pending deliveries, counted by one thread at a time however many ask.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::timeout;

use super::thread_priority::lower_thread_priority;
use crate::clock::{Clock as _, SystemClock};
use crate::store::{Store, StoreError};

/// How long a count is the answer, at least.
const MIN_LIFETIME: Duration = Duration::from_millis(100);
/// How many times as long as it took a count is the answer, so that counting takes a twentieth of a core at most.
const LIFETIME_FACTOR: u32 = 20;
/// How long those who know an earlier count wait for a new one.
const MAX_WAIT: Duration = Duration::from_millis(3);

/// The number of pending deliveries, and since when the oldest waits.
pub(super) type Backlog = (u64, Option<Timestamp>);

#[derive(Clone)]
struct CachedBacklog {
    backlog: Result<Backlog, StoreError>,
    counted_at: Instant,
    duration: Duration,
}

impl CachedBacklog {
    fn is_fresh(&self) -> bool {
        let lifetime = self.duration.saturating_mul(LIFETIME_FACTOR);
        self.counted_at.elapsed() < lifetime.max(MIN_LIFETIME)
    }
}

/// The newest count, and whether another is being made.
pub(super) struct BacklogCount {
    store: Arc<dyn Store>,
    is_counting: AtomicBool,
    latest: watch::Sender<Option<CachedBacklog>>,
}

impl BacklogCount {
    pub(super) fn new(store: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self {
            store,
            is_counting: AtomicBool::new(false),
            latest: watch::Sender::new(None),
        })
    }

    /// The newest count. If it is old, another is made, and awaited if it comes soon.
    pub(super) async fn read(self: &Arc<Self>) -> Result<Backlog, StoreError> {
        let mut counts = self.latest.subscribe();
        let known = counts.borrow_and_update().clone();
        if let Some(known) = &known
            && known.is_fresh()
        {
            return known.backlog.clone();
        }
        self.start_counting()?;
        let is_new = match &known {
            Some(_) => timeout(MAX_WAIT, counts.changed()).await.is_ok(),
            None => counts.changed().await.is_ok(),
        };
        let latest = if is_new {
            counts.borrow().clone()
        } else {
            known
        };
        let none = || {
            Err(StoreError::Unavailable(
                "the backlog was not counted".into(),
            ))
        };
        latest.map_or_else(none, |count| count.backlog)
    }

    /// Begins to count, unless another thread does.
    pub(super) fn start_counting(self: &Arc<Self>) -> Result<(), StoreError> {
        if self.is_counting.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let counted = self.clone();
        let spawned = thread::Builder::new()
            .name("sonnette-backlog".to_owned())
            .spawn(move || {
                lower_thread_priority();
                counted.count();
            });
        if let Err(error) = spawned {
            self.is_counting.store(false, Ordering::Release);
            return Err(StoreError::Unavailable(error.into()));
        }
        Ok(())
    }

    fn count(&self) {
        let began = SystemClock.instant();
        let backlog = self.store.total_backlog();
        let count = CachedBacklog {
            backlog,
            counted_at: SystemClock.instant(),
            duration: began.elapsed(),
        };
        self.is_counting.store(false, Ordering::Release);
        self.latest.send_replace(Some(count));
    }
}
