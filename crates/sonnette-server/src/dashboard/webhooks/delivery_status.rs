//! Texts of the states of deliveries.

use sonnette::domain::DeliveryState;

use crate::admin::webhooks::hold_reason::HoldReason;

/// The key of the text that says why a delivery is held.
pub(crate) fn hold_reason_key(hold_reason: HoldReason) -> &'static str {
    match hold_reason {
        HoldReason::Restored => "notification-delivery-held-restore",
        HoldReason::WebhookDisabled => "notification-delivery-held-webhook",
        HoldReason::ReceiverFailing | HoldReason::NotDue => "notification-delivery-held-receiver",
    }
}

/// The word of a delivery's state, which completes the key `delivery-`. A scheduled delivery of a failing or disabled
/// webhook counts as held.
pub(crate) fn state_word(hold_reason: HoldReason, state: &DeliveryState) -> &'static str {
    match state {
        DeliveryState::Scheduled { .. } if hold_reason != HoldReason::NotDue => {
            DeliveryState::Held.as_str()
        }
        state => state.as_str(),
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
        assert_eq!(state_word(HoldReason::NotDue, &scheduled), "scheduled");
        assert_eq!(state_word(HoldReason::ReceiverFailing, &scheduled), "held");
        let settled = DeliveryState::Settled {
            at: due_at,
            kind: SettlementKind::GivenUp,
            reason: None,
        };
        assert_eq!(
            state_word(HoldReason::WebhookDisabled, &settled),
            "given_up"
        );
    }
}
