//! How a webhook stands, at a glance: a word, a shape and a colour.

use jiff::Timestamp;
use sonnette::domain::{Attempt, Diagnosis, DiagnosisInput, DisableReason, Webhook};
use sonnette::engine::LaneStatus;

/// How a webhook stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It has never been called.
    Unused,
    /// It has not been called since it was switched on or its address was changed.
    Renewed,
    /// Its receiver answers well.
    Well,
    /// The last attempts failed, and are tried again.
    Unsteady,
    /// The receiver asked for a pause.
    Paused,
    /// It keeps failing: only probes are sent.
    Failing,
    /// It is switched off.
    Off(DisableReason),
}

/// How a webhook and its lane stand now and why; `last` is its newest attempt that was no test.
pub(crate) fn diagnosis(
    webhook: &Webhook,
    lane: &LaneStatus,
    last: Option<&Attempt>,
    now: Timestamp,
) -> Diagnosis {
    let symptoms = DiagnosisInput {
        state: &webhook.state,
        health: &lane.health,
        waiting: lane.backlog,
        next_try: lane.next_attempt,
        last_attempt: last,
    };
    Diagnosis::new(symptoms, now)
}

impl Standing {
    /// A diagnosis in short.
    pub(crate) fn of(diagnosis: &Diagnosis) -> Self {
        match diagnosis {
            Diagnosis::NeverSent => Self::Unused,
            Diagnosis::NotSentSinceChange => Self::Renewed,
            Diagnosis::Healthy { .. } => Self::Well,
            Diagnosis::FailingRecently { .. } => Self::Unsteady,
            Diagnosis::Paused { .. } => Self::Paused,
            Diagnosis::Failing { .. } => Self::Failing,
            Diagnosis::Disabled { reason, .. } => Self::Off(*reason),
        }
    }

    /// The class that gives it its shape and colour.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Unused | Self::Renewed => "idle",
            Self::Well => "good",
            Self::Unsteady | Self::Paused => "warn",
            Self::Failing => "bad",
            Self::Off(_) => "off",
        }
    }

    /// The key of its word.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Unused => "standing-unused",
            Self::Renewed => "standing-renewed",
            Self::Well => "standing-well",
            Self::Unsteady => "standing-unsteady",
            Self::Paused => "standing-paused",
            Self::Failing => "standing-failing",
            Self::Off(DisableReason::User) => "standing-off",
            Self::Off(DisableReason::Gone) => "standing-gone",
            Self::Off(DisableReason::Failures) => "standing-given-up",
        }
    }
}
