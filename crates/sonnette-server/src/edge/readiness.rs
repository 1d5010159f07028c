//! Whether the store can be used: one check at a time, whose result answers all who ask meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use sonnette::clock::{Clock as _, SystemClock};
use sonnette::store::{Store, StoreError};
use tokio::sync::watch;
use tokio::time::timeout;

/// How long a result is the answer to further requests.
const RESULT_LIFETIME: Duration = Duration::from_millis(250);
/// How long a request waits for the result of a check.
const CHECK_TIMEOUT: Duration = Duration::from_millis(900);

/// The number of damaged rows that the store leaves out, or why it cannot be used.
pub(crate) type CheckResult = Result<usize, StoreError>;

/// Checks the store when somebody asks.
pub(crate) struct Readiness {
    store: Arc<dyn Store>,
    is_checking: AtomicBool,
    latest: watch::Sender<Option<(Instant, CheckResult)>>,
}

impl Readiness {
    pub(crate) fn new(store: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self {
            store,
            is_checking: AtomicBool::new(false),
            latest: watch::Sender::new(None),
        })
    }

    /// Whether the store can be used. Answers within a second.
    pub(crate) async fn check(self: &Arc<Self>) -> CheckResult {
        let mut results = self.latest.subscribe();
        if let Some((at, result)) = &*results.borrow_and_update()
            && at.elapsed() < RESULT_LIFETIME
        {
            return result.clone();
        }
        self.start_check()?;
        let late = || StoreError::Unavailable("the store did not answer in time".into());
        timeout(CHECK_TIMEOUT, results.changed())
            .await
            .map_err(|_| late())?
            .map_err(|_| late())?;
        let latest = results.borrow();
        latest
            .as_ref()
            .map_or_else(|| Err(late()), |(_, result)| result.clone())
    }

    /// Starts a check unless one is running. It has a thread of its own: those for blocking work may all be waiting for the
    /// store.
    fn start_check(self: &Arc<Self>) -> Result<(), StoreError> {
        if self.is_checking.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let checked = self.clone();
        let spawned = thread::Builder::new()
            .name("readiness".to_owned())
            .spawn(move || {
                let result = checked.store.ping();
                let result = result.map(|()| checked.store.damaged_rows().len());
                checked.is_checking.store(false, Ordering::Release);
                checked
                    .latest
                    .send_replace(Some((SystemClock.instant(), result)));
            });
        if let Err(error) = spawned {
            self.is_checking.store(false, Ordering::Release);
            return Err(StoreError::Unavailable(error.into()));
        }
        Ok(())
    }
}
