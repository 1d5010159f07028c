//! Work on the store away from async threads.

use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

use super::EngineContext;
use crate::store::StoreError;

/// Work that may block. It returns what reports its result to whoever waits, and does not block.
pub(super) type BlockingWork = Box<dyn FnOnce() -> ReportResult + Send>;
pub(super) type ReportResult = Box<dyn FnOnce() + Send>;

/// Runs work that may block: on the runtime's threads, or, in a simulation, one piece at a time.
pub(super) trait BlockingExecutor: Send + Sync {
    /// Returns at once; the work runs later, or never if the engine stops.
    fn execute(&self, work: BlockingWork);
}

/// The threads that the tokio runtime keeps for blocking work.
pub(super) struct RuntimeExecutor;

impl BlockingExecutor for RuntimeExecutor {
    fn execute(&self, work: BlockingWork) {
        // A panic drops the sender of the result, so that whoever waits learns of it.
        drop(spawn_blocking(move || work()()));
    }
}

impl EngineContext {
    /// Runs `work` where it may block.
    pub(super) async fn run_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (sender, result) = oneshot::channel();
        self.blocking.execute(Box::new(move || {
            let result = work();
            // Whoever asked may have gone.
            Box::new(move || drop(sender.send(result)))
        }));
        let lost = || StoreError::Unavailable("the work on the store was lost".into());
        result.await.unwrap_or_else(|_| Err(lost()))
    }
}
