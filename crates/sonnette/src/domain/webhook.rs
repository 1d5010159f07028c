//! A registered target with its filters and state.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::string_enum::string_enum;
use super::{ActionName, EventSlug, OrganizerId, Secrets, SigningSeeds, TargetUrl, WebhookId};

/// A registered target with its filters and state: subscription and endpoint in one.
#[derive(Debug, Clone, PartialEq)]
pub struct Webhook {
    /// Assigned by the store, rising.
    pub id: WebhookId,
    /// Whose notifications it hears.
    pub organizer: OrganizerId,
    /// Whether it is called.
    pub state: WebhookState,
    /// Where it is called.
    pub target: TargetUrl,
    /// Assigned by the store, rising with each change of `target` and each change between enabled and disabled. The
    /// outcome of a request counts only for the generation that it was sent under.
    pub generation: u64,
    /// Which events' notifications it hears.
    pub events: EventFilter,
    /// Which action types it hears: registered names, sorted by bytes; a POST may have left doubles in.
    pub action_types: Vec<ActionName>,
    /// The organizer's own note; an empty one is not the same as none.
    pub comment: Option<String>,
    /// What signs its requests.
    pub secrets: Secrets,
    /// What pretix does not have.
    pub settings: WebhookSettings,
}

impl Webhook {
    /// Whether it is called at all.
    pub fn is_enabled(&self) -> bool {
        self.state == WebhookState::Enabled
    }

    /// Whether pretix's resource shows the same of both; settings and secrets do not count.
    pub fn has_same_resource(&self, other: &Self) -> bool {
        self.is_enabled() == other.is_enabled()
            && self.target == other.target
            && self.events == other.events
            && self.action_types == other.action_types
            && self.comment == other.comment
    }
}

/// Whether a webhook is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebhookState {
    /// It is.
    Enabled,
    /// It is not, and what waits for it is held.
    Disabled(Disablement),
}

/// Since when and why a webhook is not called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disablement {
    /// When it was switched off.
    pub since: Timestamp,
    /// By whom or what.
    pub reason: DisableReason,
}

string_enum! {
    /// By whom or what a webhook was switched off.
    DisableReason {
        /// A person or a client.
        User = "user",
        /// The receiver answered 410.
        Gone = "gone",
        /// Too many failures in a row.
        Failures = "failures",
    }
}

/// Which events' notifications a webhook hears.
///
/// pretix's pair `all_events` and `limit_events` without its impossible combination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventFilter {
    /// Every event's, those yet to come included.
    All,
    /// Only these events'; with none, organizer-level notifications only.
    Only(BTreeSet<EventSlug>),
}

impl EventFilter {
    /// Whether notifications of this event pass. Those of no event always do.
    pub fn passes(&self, event: Option<&EventSlug>) -> bool {
        match (self, event) {
            (Self::All, _) | (Self::Only(_), None) => true,
            (Self::Only(slugs), Some(slug)) => slugs.contains(slug),
        }
    }
}

/// Settings beside the pretix resource.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WebhookSettings {
    /// Sent with each request.
    pub headers: Vec<ExtraHeader>,
    /// Requests begun in a second: 1 to 10,000.
    pub max_per_second: Option<u32>,
    /// Requests at a time: 1 to 1,000.
    pub max_concurrency: Option<u32>,
    /// For a whole attempt, 1 to 30 s; none: the server's.
    pub timeout: Option<Duration>,
    /// Beyond the standard HMAC signature, which is always sent.
    pub extra_signatures: BTreeSet<SignatureScheme>,
    /// Of asymmetric signatures, from the day they were first chosen.
    pub signing_seeds: Option<SigningSeeds>,
    /// Who is told when it is switched off; empty: the organizer's contacts.
    pub contact_emails: Vec<String>,
}

/// One extra request header. Its value may be a credential: it is not in `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtraHeader {
    /// As the organizer wrote it.
    pub name: String,
    /// Secret.
    pub value: String,
}

impl fmt::Debug for ExtraHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ***", self.name)
    }
}

string_enum! {
    /// A signature that a webhook may choose.
    SignatureScheme {
        /// HMAC-SHA-256 of Standard Webhooks; always sent.
        Standard = "standard",
        /// Asymmetric signature of Standard Webhooks.
        Ed25519 = "ed25519",
        /// `X-Partners-Signature` of Creads.
        Creads = "creads",
    }
}
