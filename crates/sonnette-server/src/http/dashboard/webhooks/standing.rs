//! How a webhook stands, at a glance: a word, a shape and a colour.

use jiff::Timestamp;
use sonnette::domain::{DisableReason, Webhook, WebhookState};
use sonnette::engine::LaneView;

/// How a webhook stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Its receiver answers well, or has not been asked.
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

impl Standing {
    /// As a webhook and its lane are now.
    pub(crate) fn of(webhook: &Webhook, lane: &LaneView, now: Timestamp) -> Self {
        let health = &lane.health;
        match &webhook.state {
            WebhookState::Disabled(disabled) => Self::Off(disabled.reason),
            WebhookState::Enabled if health.is_failing() => Self::Failing,
            WebhookState::Enabled if health.paused_until.is_some_and(|until| until > now) => {
                Self::Paused
            }
            WebhookState::Enabled if health.streak.is_some() => Self::Unsteady,
            WebhookState::Enabled => Self::Well,
        }
    }

    /// The class that gives it its shape and colour.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Well => "good",
            Self::Unsteady | Self::Paused => "warn",
            Self::Failing => "bad",
            Self::Off(_) => "off",
        }
    }

    /// The key of its word.
    pub(crate) fn key(self) -> &'static str {
        match self {
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
