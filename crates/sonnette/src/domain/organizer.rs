//! Organizers and their events.

use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::string_enum::string_enum;
use super::{EventId, EventSlug, OrganizerId, OrganizerSlug, UtcDateTime};

/// A tenant. It owns webhooks, events, action types and tokens.
#[derive(Debug, Clone, PartialEq)]
pub struct Organizer {
    /// Assigned by the store, rising.
    pub id: OrganizerId,
    /// It never changes, since URLs and bodies contain it.
    pub slug: OrganizerSlug,
    /// The display name.
    pub name: String,
    /// Sent by some dialects.
    pub uuid: Uuid,
    /// The language of labels and emails.
    pub language: Language,
    /// The dialects whose action types this organizer can publish.
    pub dialects: Vec<DialectName>,
    /// The recipients of alerts about webhooks without contacts of their own.
    pub contact_emails: Vec<String>,
    /// `None` until it is set: the dialects decide.
    pub failure_policy: Option<FailurePolicy>,
}

impl Organizer {
    /// When failing webhooks are disabled: the organizer's own policy, or the default of its dialects.
    pub fn effective_failure_policy(&self) -> FailurePolicy {
        let has = |d| self.dialects.contains(&d);
        self.failure_policy.unwrap_or_else(|| {
            let forgiving = has(DialectName::Pretix)
                && !has(DialectName::Creads)
                && !has(DialectName::Tibillet);
            if forgiving {
                FailurePolicy::Never
            } else {
                FailurePolicy::TWENTY_IN_AN_HOUR
            }
        })
    }
}

/// When a failing webhook is disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailurePolicy {
    /// Only a 410 disables it.
    Never,
    /// After a number of failures in a row over a minimum time.
    After {
        /// Failures in a row, at least 1.
        failures: u32,
        /// The minimum time from the first failure to the last.
        lasting: SignedDuration,
    },
}

impl FailurePolicy {
    /// Twenty failures over an hour.
    pub const TWENTY_IN_AN_HOUR: Self = Self::After {
        failures: 20,
        lasting: SignedDuration::from_secs(3600),
    };
}

/// A concert, fair or season of an organizer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Assigned by the store, rising.
    pub id: EventId,
    /// Unique within the organizer.
    pub slug: EventSlug,
    /// The display name; the slug until it is set.
    pub name: String,
    /// The start, by which lists are ordered.
    pub date_from: Option<UtcDateTime>,
}

string_enum! {
    /// The language of labels and emails.
    Language {
        /// English.
        English = "en",
        /// French.
        French = "fr",
    }
}

string_enum! {
    /// A platform whose action types and bodies Sonnette supports.
    DialectName {
        /// pretix, the ticket shop.
        Pretix = "pretix",
        /// TiBillet, tickets and memberships.
        Tibillet = "tibillet",
        /// Creads Partners, creative production.
        Creads = "creads",
        /// Action types that the operator or the organizer registered.
        Custom = "custom",
    }
}
