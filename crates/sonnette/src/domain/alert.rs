//! Alerts: emails to the owners of a webhook that was disabled or soon will be.
//!
//! This module decides whether an alert is due. The store finds the recipients and the mailer sends it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::string_enum::string_enum;
use super::{
    AlertId, ClockReading, Decision, DisableReason, FailurePolicy, FailureStreak, OrganizerId,
    WebhookId, saturating_add,
};

string_enum! {
    /// What an alert is about.
    AlertKind {
        /// The webhook was disabled after too many failures in a row.
        Failures = "failures",
        /// The webhook was disabled because its receiver answered 410.
        Gone = "gone",
        /// Half of what switches the webhook off has been reached.
        Warning = "warning",
    }
}

/// The optional alerts. The alert about too many failures is always sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertRules {
    /// Alert when a webhook is disabled because its receiver answered 410.
    pub on_gone: bool,
    /// Alert once per failure streak, when half of the failures and half of the time of the policy are reached.
    pub warning: bool,
}

impl Default for AlertRules {
    /// Alerts on 410, no warnings.
    fn default() -> Self {
        Self {
            on_gone: true,
            warning: false,
        }
    }
}

impl AlertRules {
    /// The alert that is due after a decision. It may return a warning several times in one streak; the store queues only
    /// the first.
    pub fn alert_after(
        self,
        decision: &Decision,
        policy: FailurePolicy,
        now: Timestamp,
    ) -> Option<AlertKind> {
        match decision.disable {
            Some(DisableReason::Failures) => Some(AlertKind::Failures),
            Some(DisableReason::Gone) => self.on_gone.then_some(AlertKind::Gone),
            // The person who disabled the webhook knows.
            Some(DisableReason::User) => None,
            None => {
                let half = decision
                    .health
                    .streak
                    .is_some_and(|streak| is_half_way(policy, streak, now));
                (self.warning && half).then_some(AlertKind::Warning)
            }
        }
    }
}

fn is_half_way(policy: FailurePolicy, streak: FailureStreak, now: Timestamp) -> bool {
    match policy {
        FailurePolicy::Never => false,
        FailurePolicy::After { failures, lasting } => {
            let lasted = now.duration_since(streak.since);
            streak.failures >= failures.div_ceil(2) && lasted >= lasting / 2
        }
    }
}

/// An alert that has yet to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Assigned by the store, rising.
    pub id: AlertId,
    /// The owner of the webhook.
    pub organizer: OrganizerId,
    /// The webhook.
    pub webhook: WebhookId,
    /// The kind of alert.
    pub kind: AlertKind,
    /// When it was queued; for a disabled webhook, when it was disabled.
    pub at: Timestamp,
    /// The target URL without credentials and query, which may hold secrets.
    pub target: String,
    /// Failed attempts in a row.
    pub failures: u32,
    /// When the first of them ended.
    pub since: Timestamp,
    /// The last status; 0 if there was no complete response.
    pub return_code: u16,
    /// Why there was no complete response.
    pub reason: Option<String>,
    /// All recipients.
    pub recipients: Vec<String>,
    /// The recipients for whom no mail server has accepted it yet.
    pub pending_recipients: Vec<String>,
    /// How often sending it has failed.
    pub send_failures: u32,
}

/// The result of an attempt to send an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlertResult {
    /// The mail server accepted it for all recipients.
    Sent,
    /// It is sent again later.
    Waits {
        /// Not before this.
        due_at: Timestamp,
        /// The recipients that are left.
        pending: Vec<String>,
        /// Why sending failed.
        error: String,
    },
    /// It is never sent.
    GivenUp {
        /// Why sending failed last.
        error: String,
    },
}

/// The delays after the first, second, … failure to send an email; the last repeats.
const MAIL_RETRY_DELAYS: [Duration; 8] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_mins(1),
    Duration::from_mins(5),
    Duration::from_mins(20),
    Duration::from_hours(1),
    Duration::from_hours(2),
    Duration::from_hours(4),
];

/// The delay after another failure to send an email that had failed `tries` times before.
pub(super) fn mail_retry_delay(tries: u32) -> Duration {
    MAIL_RETRY_DELAYS[(tries as usize).min(MAIL_RETRY_DELAYS.len() - 1)]
}

/// An email that has failed so often is given up, however old it is: more tries than a lifetime has room for.
pub(super) const MAX_MAIL_TRIES: u32 = 100;

/// The longest delay before another attempt to send an email. One that is due later was queued or delayed while the
/// clock was ahead, and is due now.
pub const MAX_MAIL_RETRY_DELAY: Duration = MAIL_RETRY_DELAYS[MAIL_RETRY_DELAYS.len() - 1];

impl Alert {
    /// An alert that could not be sent within this time is given up.
    pub const LIFETIME: SignedDuration = SignedDuration::from_hours(96);

    /// Whether it is too late to send the alert. `now`: the time that mails grow old by.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now.duration_since(self.at) >= Self::LIFETIME || self.send_failures >= MAX_MAIL_TRIES
    }

    /// What follows a failure at this time that left the recipients `pending`.
    pub fn after_failure(
        &self,
        pending: Vec<String>,
        error: String,
        reading: impl Into<ClockReading>,
    ) -> AlertResult {
        let reading = reading.into();
        if self.is_expired(reading.trusted) {
            return AlertResult::GivenUp { error };
        }
        AlertResult::Waits {
            due_at: saturating_add(reading.now, mail_retry_delay(self.send_failures)),
            pending,
            error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{DeliveryDecision, LaneHealth, NotificationId};

    const RULES: AlertRules = AlertRules {
        on_gone: true,
        warning: true,
    };

    fn decision(failures: u32, since: Timestamp, disable: Option<DisableReason>) -> Decision {
        let streak = FailureStreak {
            failures,
            since,
            first_notification: NotificationId(1),
            has_several_notifications: false,
        };
        Decision {
            delivery: DeliveryDecision::Delivered,
            health: LaneHealth {
                streak: Some(streak),
                ..LaneHealth::default()
            },
            disable,
        }
    }

    #[test]
    fn disabling_alerts_unless_a_person_did_it() {
        let now = Timestamp::UNIX_EPOCH;
        let alert_after = |reason| {
            RULES.alert_after(
                &decision(1, now, Some(reason)),
                FailurePolicy::TWENTY_IN_AN_HOUR,
                now,
            )
        };
        assert_eq!(
            alert_after(DisableReason::Failures),
            Some(AlertKind::Failures)
        );
        assert_eq!(alert_after(DisableReason::Gone), Some(AlertKind::Gone));
        assert_eq!(alert_after(DisableReason::User), None);
        let silent = AlertRules {
            on_gone: false,
            ..RULES
        };
        let gone = decision(1, now, Some(DisableReason::Gone));
        assert_eq!(
            silent.alert_after(&gone, FailurePolicy::TWENTY_IN_AN_HOUR, now),
            None
        );
    }

    #[test]
    fn a_warning_needs_half_of_the_failures_and_of_the_time() {
        let since = Timestamp::UNIX_EPOCH;
        let alert_after = |failures, minutes, policy| {
            let now = since + Duration::from_mins(minutes);
            RULES.alert_after(&decision(failures, since, None), policy, now)
        };
        assert_eq!(
            alert_after(10, 30, FailurePolicy::TWENTY_IN_AN_HOUR),
            Some(AlertKind::Warning)
        );
        assert_eq!(alert_after(9, 30, FailurePolicy::TWENTY_IN_AN_HOUR), None);
        assert_eq!(alert_after(10, 29, FailurePolicy::TWENTY_IN_AN_HOUR), None);
        assert_eq!(alert_after(1_000, 1_000, FailurePolicy::Never), None);
        let rules = AlertRules::default();
        let now = since + Duration::from_hours(1);
        assert_eq!(
            rules.alert_after(
                &decision(19, since, None),
                FailurePolicy::TWENTY_IN_AN_HOUR,
                now
            ),
            None
        );
    }

    #[test]
    fn an_alert_is_retried_for_four_days_with_growing_delays() {
        let at = Timestamp::UNIX_EPOCH;
        let mut alert = Alert {
            id: AlertId(1),
            organizer: OrganizerId(1),
            webhook: WebhookId(1),
            kind: AlertKind::Gone,
            at,
            target: String::new(),
            failures: 1,
            since: at,
            return_code: 410,
            reason: None,
            recipients: vec![],
            pending_recipients: vec![],
            send_failures: 0,
        };
        let mut now = at;
        while let AlertResult::Waits { due_at, .. } =
            alert.after_failure(vec![], String::new(), now)
        {
            assert!(due_at > now);
            now = due_at;
            alert.send_failures += 1;
        }
        assert!(now.duration_since(at) >= Alert::LIFETIME);
        assert!(
            (25..40).contains(&alert.send_failures),
            "{}",
            alert.send_failures
        );
    }
}
