//! How a page says what deliveries wait for.

use sonnette::domain::DeliveryState;

use crate::admin::hold_reason::Waiting;

impl Waiting {
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

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use sonnette::domain::SettlementKind;

    use super::*;

    #[test]
    fn the_lane_decides_whether_a_delivery_is_held() {
        let due_at = Timestamp::UNIX_EPOCH;
        let scheduled = DeliveryState::Scheduled { due_at };
        assert_eq!(Waiting::Time.state_of(&scheduled), "scheduled");
        assert_eq!(Waiting::Receiver.state_of(&scheduled), "held");
        let settled = DeliveryState::Settled {
            at: due_at,
            how: SettlementKind::GivenUp,
            reason: None,
        };
        assert_eq!(Waiting::Webhook.state_of(&settled), "given_up");
    }
}
