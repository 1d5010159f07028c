//! Reports that a thread of the server has ended, whether it returned or panicked.

use tokio::sync::mpsc;

/// The receiving side: yields the name of each thread that has ended.
pub(crate) struct ThreadExits {
    sender: mpsc::UnboundedSender<String>,
    receiver: mpsc::UnboundedReceiver<String>,
}

/// Owned by one thread; dropping it reports the exit.
pub(crate) struct ThreadExitGuard {
    thread: String,
    sender: mpsc::UnboundedSender<String>,
}

impl ThreadExits {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        Self { sender, receiver }
    }

    /// A guard for the thread of this name.
    pub(crate) fn guard(&self, thread: &str) -> ThreadExitGuard {
        ThreadExitGuard {
            thread: thread.to_owned(),
            sender: self.sender.clone(),
        }
    }

    /// Waits until a thread ends and returns its name.
    pub(crate) async fn wait(&mut self) -> String {
        match self.receiver.recv().await {
            Some(thread) => thread,
            // `sender` is kept open by `self`.
            None => std::future::pending().await,
        }
    }
}

impl Drop for ThreadExitGuard {
    fn drop(&mut self) {
        // Nobody listens once the server has stopped.
        let _ = self.sender.send(std::mem::take(&mut self.thread));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panicking_thread_is_reported() {
        let mut exits = ThreadExits::new();
        let guard = exits.guard("edge-1");
        let thread = std::thread::spawn(move || {
            let _guard = guard;
            panic!("on purpose");
        });
        assert_eq!(exits.wait().await, "edge-1");
        assert!(thread.join().is_err());
    }
}
