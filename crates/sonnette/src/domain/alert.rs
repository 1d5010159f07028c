//! What a human must be told: that a webhook was switched off, or soon will be.
//!
//! Whether something is owed is decided here, over values; who is told, and when the mail goes, is not.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::string_enum::string_enum;
use super::{
    AlertId, Decision, DisableReason, FailurePolicy, FailureStreak, OrganizerId, WebhookId,
    saturating_add,
};

string_enum! {
    /// What an alert is about.
    AlertKind {
        /// The webhook was switched off after too many failures in a row.
        Failures = "failures",
        /// The webhook was switched off because its receiver answered 410.
        Gone = "gone",
        /// Half of what switches the webhook off has been reached.
        Warning = "warning",
    }
}

/// Which alerts beside that of failures are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertRules {
    /// When a 410 switches a webhook off.
    pub on_gone: bool,
    /// When half of the failures and half of the time of the policy have been reached, once in each row of failures.
    pub warning: bool,
}

impl Default for AlertRules {
    /// A 410 tells, half-way does not.
    fn default() -> Self {
        Self {
            on_gone: true,
            warning: false,
        }
    }
}

impl AlertRules {
    /// What is owed after a decision. A warning may be named again within its row of failures; the store queues one.
    pub fn alert_after(
        self,
        decision: &Decision,
        policy: FailurePolicy,
        now: Timestamp,
    ) -> Option<AlertKind> {
        match decision.disable {
            Some(DisableReason::Failures) => Some(AlertKind::Failures),
            Some(DisableReason::Gone) => self.on_gone.then_some(AlertKind::Gone),
            // Whoever did it knows.
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

/// Mail owed to the owners of a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Assigned by the store, rising.
    pub id: AlertId,
    /// Whose webhook it is.
    pub organizer: OrganizerId,
    /// Which one.
    pub webhook: WebhookId,
    /// What it is about.
    pub kind: AlertKind,
    /// When it became owed: when the webhook was switched off.
    pub at: Timestamp,
    /// Where the webhook was called: without credentials and query, which may hold secrets.
    pub target: String,
    /// Failed attempts in a row.
    pub failures: u32,
    /// When the first of them ended.
    pub since: Timestamp,
    /// The last status; 0 where there was no whole answer.
    pub return_code: u16,
    /// Why there was none, in plain words.
    pub reason: Option<String>,
    /// Who is told.
    pub recipients: Vec<String>,
    /// Those of them for whom no mail server has taken it yet.
    pub pending: Vec<String>,
    /// How often it was tried.
    pub tries: u32,
}

/// What came of trying to mail an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlertResult {
    /// A mail server took it for everybody.
    Sent,
    /// It is tried again.
    Waits {
        /// When.
        due_at: Timestamp,
        /// For whom.
        pending: Vec<String>,
        /// What went wrong.
        error: String,
    },
    /// It is never sent.
    GivenUp {
        /// What went wrong last.
        error: String,
    },
}

/// Waits after the first, second, … failed try to send a mail; the last repeats.
const WAITS: [Duration; 8] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_mins(1),
    Duration::from_mins(5),
    Duration::from_mins(20),
    Duration::from_hours(1),
    Duration::from_hours(2),
    Duration::from_hours(4),
];

/// The wait after a mail has failed once more, `tries` times before.
pub(super) fn wait_after(tries: u32) -> Duration {
    WAITS[(tries as usize).min(WAITS.len() - 1)]
}

impl Alert {
    /// A mail that could not be sent for so long is given up.
    pub const LIFETIME: SignedDuration = SignedDuration::from_hours(96);

    /// What follows a failed try that ended at `now`, with `pending` still owed.
    pub fn after_failure(
        &self,
        pending: Vec<String>,
        error: String,
        now: Timestamp,
    ) -> AlertResult {
        if now.duration_since(self.at) >= Self::LIFETIME {
            return AlertResult::GivenUp { error };
        }
        AlertResult::Waits {
            due_at: saturating_add(now, wait_after(self.tries)),
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
            first: NotificationId(1),
            several: false,
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
    fn a_switching_off_is_told_and_a_hand_is_not() {
        let now = Timestamp::UNIX_EPOCH;
        let alert_after =
            |reason| RULES.alert_after(&decision(1, now, Some(reason)), FailurePolicy::STRICT, now);
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
        assert_eq!(silent.alert_after(&gone, FailurePolicy::STRICT, now), None);
    }

    #[test]
    fn half_way_needs_half_of_both() {
        let since = Timestamp::UNIX_EPOCH;
        let alert_after = |failures, minutes, policy| {
            let now = since + Duration::from_mins(minutes);
            RULES.alert_after(&decision(failures, since, None), policy, now)
        };
        assert_eq!(
            alert_after(10, 30, FailurePolicy::STRICT),
            Some(AlertKind::Warning)
        );
        assert_eq!(alert_after(9, 30, FailurePolicy::STRICT), None);
        assert_eq!(alert_after(10, 29, FailurePolicy::STRICT), None);
        assert_eq!(alert_after(1_000, 1_000, FailurePolicy::Never), None);
        let rules = AlertRules::default();
        let now = since + Duration::from_hours(1);
        assert_eq!(
            rules.alert_after(&decision(19, since, None), FailurePolicy::STRICT, now),
            None
        );
    }

    #[test]
    fn a_mail_is_tried_for_four_days_ever_more_rarely() {
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
            pending: vec![],
            tries: 0,
        };
        let mut now = at;
        while let AlertResult::Waits { due_at, .. } =
            alert.after_failure(vec![], String::new(), now)
        {
            assert!(due_at > now);
            now = due_at;
            alert.tries += 1;
        }
        assert!(now.duration_since(at) >= Alert::LIFETIME);
        assert!((25..40).contains(&alert.tries), "{}", alert.tries);
    }
}
