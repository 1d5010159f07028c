//! Whether a sending thread has time to spare.

use std::time::{Duration, Instant};

use tokio::runtime::Handle;

/// How often it is worked out.
const EVERY: Duration = Duration::from_millis(20);
/// Above this share of its time a thread counts as busy.
const BUSY: f64 = 0.85;

/// How much of its time the current thread's runtime works.
#[derive(Debug, Default)]
pub(crate) struct Load {
    /// When it was last worked out, and for how long the runtime had worked until then.
    last: Option<(Instant, Duration)>,
    busy: bool,
}

impl Load {
    /// Whether the thread has been working nearly all the time lately.
    pub(crate) fn is_busy(&mut self) -> bool {
        let now = Instant::now();
        if self.last.is_some_and(|(at, _)| now - at < EVERY) {
            return self.busy;
        }
        let worked = Handle::current().metrics().worker_total_busy_duration(0);
        if let Some((at, before)) = self.last {
            let share = worked.saturating_sub(before).as_secs_f64() / (now - at).as_secs_f64();
            self.busy = share > BUSY;
        }
        self.last = Some((now, worked));
        self.busy
    }
}
