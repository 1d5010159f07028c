//! The engine's monotonic clock: that of the runtime, which a simulation pauses and advances.

use tokio::time::Instant;

/// The current point of the monotonic clock, to measure durations and to wait.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the runtime's clock"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}
