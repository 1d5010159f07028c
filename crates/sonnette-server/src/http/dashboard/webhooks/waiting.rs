//! What the deliveries of a webhook wait for, when they wait.

use sonnette::domain::{DeliveryState, Webhook};
use sonnette::engine::LaneView;

use crate::http::AppState;
use crate::http::dashboard::error::PageError;

/// What the unsettled deliveries of a webhook wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// Each for its own time.
    Time,
    /// For the receiver to answer well again.
    Receiver,
    /// For the webhook to be enabled.
    Webhook,
}

impl Waiting {
    /// As a lane is now.
    pub(crate) fn in_lane(webhook: &Webhook, lane: &LaneView) -> Self {
        match (webhook.is_enabled(), lane.health.is_failing()) {
            (false, _) => Self::Webhook,
            (true, true) => Self::Receiver,
            (true, false) => Self::Time,
        }
    }

    /// The key of why a delivery is held.
    pub(crate) fn why_held(self) -> &'static str {
        match self {
            Self::Webhook => "notified-held-webhook",
            Self::Receiver | Self::Time => "notified-held-receiver",
        }
    }

    /// The word of a delivery's state; messages `delivery-` are by it.
    pub(crate) fn state_of(self, state: &DeliveryState) -> &'static str {
        match state {
            DeliveryState::Scheduled { .. } if self != Self::Time => DeliveryState::Held.as_str(),
            state => state.as_str(),
        }
    }
}

/// What they wait for now.
pub(crate) async fn of(state: &AppState, webhook: &Webhook) -> Result<Waiting, PageError> {
    let lane = state.sonnette.lane(webhook.id).await?;
    Ok(Waiting::in_lane(webhook, &lane))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use sonnette::domain::Settled;

    use super::*;

    #[test]
    fn the_lane_decides_whether_a_delivery_is_held() {
        let due_at = Timestamp::UNIX_EPOCH;
        let scheduled = DeliveryState::Scheduled { due_at };
        assert_eq!(Waiting::Time.state_of(&scheduled), "scheduled");
        assert_eq!(Waiting::Receiver.state_of(&scheduled), "held");
        let settled = DeliveryState::Settled {
            at: due_at,
            how: Settled::GivenUp,
            reason: None,
        };
        assert_eq!(Waiting::Webhook.state_of(&settled), "given_up");
    }
}
