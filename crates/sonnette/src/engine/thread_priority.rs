//! The priority of threads for work that is not on the way of a delivery.

/// How much the priority is lowered, as for the command `nice`. The thread gets about a third of the time of others where
/// all cores are busy; with less, it would hold the store's writer for long.
const NICENESS: i32 = 5;

/// Lets other threads go first where all cores are busy: those that answer requests, commit and send. For the threads of
/// checks, reports and lookups. Has an effect on Linux alone, where each thread has a priority of its own.
pub fn lower_thread_priority() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::debug!(%error, "the priority of a thread stays as it is: {error}");
    }
}
