//! Threads whose panic is noticed.
//!
//! A thread that has panicked does not run again: what it shares with others may be incomplete. Its failure is reported
//! to whoever waits for [`Supervisor::wait_for_failure`], and they decide what becomes of the process.

use std::any::Any;
use std::future::poll_fn;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::thread::{Builder, JoinHandle};

use tokio::sync::watch;

/// A thread ended by a panic, or can no longer do its work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the thread {thread} failed: {message}")]
pub struct ThreadFailure {
    /// The name of the thread.
    pub thread: String,
    /// The message of the panic, or why the thread ended.
    pub message: String,
}

/// Starts threads and reports the first of them that fails. Clones report to the same place.
#[derive(Debug, Clone)]
pub struct Supervisor {
    /// The first failure.
    failure: watch::Sender<Option<ThreadFailure>>,
}

impl Default for Supervisor {
    fn default() -> Self {
        Self {
            failure: watch::Sender::new(None),
        }
    }
}

impl Supervisor {
    /// Starts a thread. If `work` panics, the thread ends, and the panic is logged and reported.
    ///
    /// # Errors
    /// When the operating system refuses another thread.
    pub fn spawn(
        &self,
        name: &str,
        work: impl FnOnce() + Send + 'static,
    ) -> io::Result<JoinHandle<()>> {
        let (supervisor, thread) = (self.clone(), name.to_owned());
        Builder::new().name(name.to_owned()).spawn(move || {
            // After a panic nothing uses what `work` owned, and locks are released while it unwinds.
            if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
                supervisor.report(&thread, panic_message(&*panic));
            }
        })
    }

    /// Logs and reports that a thread can no longer do its work.
    pub fn report(&self, thread: &str, message: &str) {
        tracing::error!(thread, message, "the thread {thread} failed: {message}");
        let failure = ThreadFailure {
            thread: thread.to_owned(),
            message: message.to_owned(),
        };
        self.failure.send_if_modified(|first| {
            let is_first = first.is_none();
            first.get_or_insert(failure);
            is_first
        });
    }

    /// The first failure, if any thread has failed.
    pub fn failure(&self) -> Option<ThreadFailure> {
        self.failure.borrow().clone()
    }

    /// Waits for the first failure, possibly for ever.
    pub async fn wait_for_failure(&self) -> ThreadFailure {
        let mut failures = self.failure.subscribe();
        loop {
            if let Some(failure) = failures.borrow_and_update().clone() {
                return failure;
            }
            // `self` holds a sender, so that the channel stays open.
            let _ = failures.changed().await;
        }
    }
}

/// The payload of a panic.
pub(super) type Panic = Box<dyn Any + Send>;

/// Runs `future` to its end, or to its panic; a future that has panicked is not polled again.
pub(super) async fn catch_panic<F: Future>(future: F) -> Result<F::Output, Panic> {
    let mut future = pin!(future);
    poll_fn(
        |cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(panic) => Poll::Ready(Err(panic)),
        },
    )
    .await
}

/// The text that a panic was raised with.
pub(super) fn panic_message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a message")
}
