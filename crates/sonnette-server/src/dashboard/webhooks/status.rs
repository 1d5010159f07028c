//! The status of a webhook: a word and a colour.

use jiff::Timestamp;
use sonnette::domain::{Attempt, Diagnosis, DiagnosisInput, DisableReason, Webhook};
use sonnette::engine::LaneStatus;

/// The status of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WebhookStatus {
    /// Nothing has been sent yet.
    Unused,
    /// Nothing has been sent since it was enabled or its target changed.
    Renewed,
    /// The last attempt succeeded.
    Healthy,
    /// The last attempts failed; they are retried.
    Unsteady,
    /// The receiver refuses some action types and accepts others.
    Refusing,
    /// The receiver asked the server to wait.
    Paused,
    /// It keeps failing; only probes are sent.
    Failing,
    /// It is disabled.
    Disabled(DisableReason),
}

/// The diagnosis of a webhook from its state and its lane. `last` is its latest attempt that was not a test.
pub(crate) fn diagnosis(
    webhook: &Webhook,
    lane: &LaneStatus,
    last: Option<&Attempt>,
    now: Timestamp,
) -> Diagnosis {
    let input = DiagnosisInput {
        state: &webhook.state,
        health: &lane.health,
        refused_action_types: &lane.refused_action_types,
        pending_count: lane.pending_count,
        next_attempt: lane.next_attempt,
        last_attempt: last,
    };
    Diagnosis::new(input, now)
}

impl WebhookStatus {
    /// The status for a diagnosis.
    pub(crate) fn new(diagnosis: &Diagnosis) -> Self {
        match diagnosis {
            Diagnosis::NeverSent => Self::Unused,
            Diagnosis::NotSentSinceChange => Self::Renewed,
            Diagnosis::Healthy { .. } => Self::Healthy,
            Diagnosis::FailingRecently { .. } => Self::Unsteady,
            Diagnosis::Refusing { .. } => Self::Refusing,
            Diagnosis::Paused { .. } => Self::Paused,
            Diagnosis::Failing { .. } => Self::Failing,
            Diagnosis::Disabled { reason, .. } => Self::Disabled(*reason),
        }
    }

    /// The CSS class.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Unused | Self::Renewed => "idle",
            Self::Healthy => "good",
            Self::Unsteady | Self::Refusing | Self::Paused => "warn",
            Self::Failing => "bad",
            Self::Disabled(_) => "off",
        }
    }

    /// The key of its text.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Unused => "status-unused",
            Self::Renewed => "status-renewed",
            Self::Healthy => "status-healthy",
            Self::Unsteady => "status-unsteady",
            Self::Refusing => "status-refusing",
            Self::Paused => "status-paused",
            Self::Failing => "status-failing",
            Self::Disabled(DisableReason::User) => "status-disabled",
            Self::Disabled(DisableReason::Gone) => "status-gone",
            Self::Disabled(DisableReason::Failures) => "status-failures",
        }
    }
}
