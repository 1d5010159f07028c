//! The health of a lane. Only [`decide`](super::decide) changes it.

use std::time::Duration;

use jiff::Timestamp;

use super::{NotificationId, saturating_add};

/// How a webhook's receiver has been responding. It survives restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LaneHealth {
    /// The failures since the last success, if any. The failure policy and `consecutive_failures` count these.
    pub streak: Option<FailureStreak>,
    /// Those of them that count towards failing: all but the refusals of a receiver that accepts other notifications.
    pub failing_streak: Option<FailureStreak>,
    /// Set while the lane is failing and sends only probes.
    pub probe_schedule: Option<ProbeSchedule>,
    /// The end of the pause that the receiver asked for (`Retry-After`).
    pub paused_until: Option<Timestamp>,
    /// How long that pause was when it began. None: there is no pause, or it was stored without a length.
    pub pause_length: Option<Duration>,
    /// The last success. Up to date in memory; stored when a streak begins.
    pub last_success_at: Option<Timestamp>,
}

/// Failures in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailureStreak {
    /// The number of failures, at least 1.
    pub failures: u32,
    /// When the first failed attempt ended.
    pub since: Timestamp,
    /// The notification of the first failed attempt.
    pub first_notification: NotificationId,
    /// Whether more than one notification failed. One notification that the receiver cannot process does not make the
    /// lane failing.
    pub has_several_notifications: bool,
}

/// When a failing lane sends its probes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProbeSchedule {
    /// When the lane became failing.
    pub since: Timestamp,
    /// The next probe is not sent before this.
    pub next_at: Timestamp,
    /// The delay before the next probe. It doubles up to [`ProbeSchedule::MAX_WAIT`].
    pub wait: Duration,
}

impl ProbeSchedule {
    /// The delay before the first probe.
    pub const FIRST_WAIT: Duration = Duration::from_secs(5);
    /// The longest delay between probes.
    pub const MAX_WAIT: Duration = Duration::from_mins(15);

    /// Begins now, with the shortest delay.
    pub(crate) fn start(now: Timestamp) -> Self {
        Self {
            since: now,
            next_at: saturating_add(now, Self::FIRST_WAIT),
            wait: Self::FIRST_WAIT,
        }
    }

    /// A refused probe says nothing about whether the receiver has recovered: the next one comes after the same delay.
    pub(super) fn after_refused_probe(self, now: Timestamp) -> Self {
        Self {
            next_at: saturating_add(now, self.wait),
            ..self
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
        self.probe_schedule.is_some()
    }

    /// The number of failures since the last success.
    pub fn consecutive_failures(&self) -> u32 {
        self.streak.map_or(0, |s| s.failures)
    }

    /// No request begins before this: the end of the pause, or the next probe.
    pub fn silent_until(&self) -> Option<Timestamp> {
        self.paused_until
            .max(self.probe_schedule.map(|p| p.next_at))
    }
}

#[cfg(test)]
#[path = "lane_health_tests.rs"]
mod tests;
