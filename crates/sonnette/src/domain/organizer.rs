//! The tenant and its events.

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::string_enum::string_enum;
use super::{EventId, EventSlug, OrganizerId, OrganizerSlug};

/// The tenant: owns webhooks, events, action types and tokens.
#[derive(Debug, Clone, PartialEq)]
pub struct Organizer {
    /// Assigned by the store, rising.
    pub id: OrganizerId,
    /// Fixed for life: it stands in URLs and bodies.
    pub slug: OrganizerSlug,
    /// Shown to people.
    pub name: String,
    /// For dialects that send one.
    pub uuid: Uuid,
    /// Of labels and mails.
    pub language: Language,
    /// The emitters whose action types this organizer knows.
    pub dialects: Vec<DialectName>,
    /// Who is told when a webhook without contacts of its own is switched off.
    pub contact_emails: Vec<String>,
    /// Null until set: then the dialects decide.
    pub failure_policy: Option<FailurePolicy>,
}

impl Organizer {
    /// What switches this organizer's webhooks off: its own policy, else the default of its dialects.
    pub fn effective_failure_policy(&self) -> FailurePolicy {
        let has = |d| self.dialects.contains(&d);
        self.failure_policy.unwrap_or_else(|| {
            let forgiving = has(DialectName::Pretix)
                && !has(DialectName::Creads)
                && !has(DialectName::Tibillet);
            if forgiving {
                FailurePolicy::Never
            } else {
                FailurePolicy::STRICT
            }
        })
    }
}

/// When a webhook that only fails is switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailurePolicy {
    /// Only a 410 switches off.
    Never,
    /// After this many failed attempts in a row, over at least this time.
    After {
        /// Failed attempts in a row, none succeeding; at least 1.
        failures: u32,
        /// From the first of them to the last.
        lasting: SignedDuration,
    },
}

impl FailurePolicy {
    /// Twenty failures over an hour.
    pub const STRICT: Self = Self::After {
        failures: 20,
        lasting: SignedDuration::from_secs(3600),
    };
}

/// A concert, fair or season of an organizer. Never a thing we send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Assigned by the store, rising.
    pub id: EventId,
    /// Unique within the organizer.
    pub slug: EventSlug,
    /// Shown to people; the slug until somebody names it.
    pub name: String,
    /// Start; orders lists of events.
    pub date_from: Option<Timestamp>,
}

string_enum! {
    /// The language of labels and mails.
    Language {
        /// English.
        English = "en",
        /// French.
        French = "fr",
    }
}

string_enum! {
    /// An emitter whose action types and bodies Sonnette speaks.
    DialectName {
        /// pretix, the ticket shop.
        Pretix = "pretix",
        /// TiBillet, tickets and memberships.
        Tibillet = "tibillet",
        /// Creads Partners, creative production.
        Creads = "creads",
        /// What the operator or organizer registered.
        Custom = "custom",
    }
}
