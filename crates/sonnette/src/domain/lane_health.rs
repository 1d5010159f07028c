//! The health of a lane: pure values that [`decide`](super::decide) moves on.

use std::time::Duration;

use jiff::Timestamp;

use super::{NotificationId, saturating_add};

/// How a webhook's receiver has been answering. Survives restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LaneHealth {
    /// The failed attempts since the last success, if there were any.
    pub streak: Option<FailureStreak>,
    /// Set while the lane is failing: it sends probes only.
    pub probing: Option<ProbeSchedule>,
    /// The receiver asked for silence until then (`Retry-After`).
    pub paused_until: Option<Timestamp>,
    /// When a receiver last took something; kept up to date in memory, stored when a streak begins.
    pub last_success_at: Option<Timestamp>,
}

/// Failed attempts in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailureStreak {
    /// How many; at least 1.
    pub failures: u32,
    /// When the first of them ended.
    pub since: Timestamp,
    /// What the first of them carried.
    pub first: NotificationId,
    /// Whether more than one notification failed: one poisonous notification alone does not make a lane failing.
    pub several: bool,
}

/// A failing lane's next look at its receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProbeSchedule {
    /// When the lane became failing.
    pub since: Timestamp,
    /// When the next probe may go.
    pub next_at: Timestamp,
    /// The wait before it; doubles up to [`ProbeSchedule::MAX_WAIT`].
    pub wait: Duration,
}

impl ProbeSchedule {
    /// The wait before the first probe.
    pub const FIRST_WAIT: Duration = Duration::from_secs(5);
    /// The longest wait between probes.
    pub const MAX_WAIT: Duration = Duration::from_mins(15);

    pub(super) fn start(now: Timestamp) -> Self {
        Self {
            since: now,
            next_at: saturating_add(now, Self::FIRST_WAIT),
            wait: Self::FIRST_WAIT,
        }
    }

    pub(super) fn after_failed_probe(self, now: Timestamp) -> Self {
        let wait = self.wait.saturating_mul(2).min(Self::MAX_WAIT);
        Self {
            since: self.since,
            next_at: saturating_add(now, wait),
            wait,
        }
    }
}

impl LaneHealth {
    /// Whether the lane sends probes only.
    pub fn is_failing(&self) -> bool {
        self.probing.is_some()
    }

    /// Failed attempts since the last success.
    pub fn consecutive_failures(&self) -> u32 {
        self.streak.map_or(0, |s| s.failures)
    }

    /// No request may begin before this: a pause the receiver asked for, or the next probe.
    pub fn silent_until(&self) -> Option<Timestamp> {
        self.paused_until.max(self.probing.map(|p| p.next_at))
    }
}

#[cfg(test)]
#[path = "lane_health_tests.rs"]
mod tests;
