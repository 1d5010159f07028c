//! A webhook: a target URL with filters and state.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::string_enum::string_enum;
use super::{ActionTypeName, EventSlug, OrganizerId, Secrets, SigningSeeds, TargetUrl, WebhookId};

/// A target URL with filters and state.
#[derive(Debug, Clone, PartialEq)]
pub struct Webhook {
    /// Assigned by the store, rising.
    pub id: WebhookId,
    /// The owner.
    pub organizer: OrganizerId,
    /// Whether notifications are sent.
    pub state: WebhookState,
    /// The URL of the receiver.
    pub target: TargetUrl,
    /// Assigned by the store, rising with each change of `target` and each change between enabled and disabled. The
    /// outcome of a request counts only for the generation that it was sent under.
    pub generation: u64,
    /// The events whose notifications it gets.
    pub events: EventFilter,
    /// The action types that it gets: registered names, sorted by bytes. A POST may have left duplicates.
    pub action_types: Vec<ActionTypeName>,
    /// The organizer's note. An empty note differs from none.
    pub comment: Option<String>,
    /// The secrets that sign requests.
    pub secrets: Secrets,
    /// The settings that pretix does not have.
    pub settings: WebhookSettings,
}

impl Webhook {
    /// Whether notifications are sent.
    pub fn is_enabled(&self) -> bool {
        self.state == WebhookState::Enabled
    }

    /// Whether pretix's resource is the same for both. Settings and secrets are not part of it.
    pub fn has_same_resource(&self, other: &Self) -> bool {
        self.is_enabled() == other.is_enabled()
            && self.target == other.target
            && self.events == other.events
            && self.action_types == other.action_types
            && self.comment == other.comment
    }
}

/// Whether a webhook gets notifications.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebhookState {
    /// Notifications are sent.
    Enabled,
    /// Nothing is sent; deliveries are held.
    Disabled(Disablement),
}

/// When and why a webhook was disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disablement {
    /// When it was disabled.
    pub since: Timestamp,
    /// Why it was disabled.
    pub reason: DisableReason,
}

string_enum! {
    /// Why a webhook was disabled.
    DisableReason {
        /// A person or an API client disabled it.
        User = "user",
        /// The receiver answered 410.
        Gone = "gone",
        /// Too many failures in a row.
        Failures = "failures",
    }
}

/// The events whose notifications a webhook gets: `all_events` and `limit_events` of pretix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventFilter {
    /// All events, future ones included.
    All,
    /// These events. Notifications without an event always pass, so an empty set gets only those.
    Only(BTreeSet<EventSlug>),
}

impl EventFilter {
    /// Whether a notification of `event` passes. One without an event always does.
    pub fn matches(&self, event: Option<&EventSlug>) -> bool {
        match (self, event) {
            (Self::All, _) | (Self::Only(_), None) => true,
            (Self::Only(slugs), Some(slug)) => slugs.contains(slug),
        }
    }
}

/// Settings that pretix's resource does not have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WebhookSettings {
    /// Extra headers of each request.
    pub headers: Vec<ExtraHeader>,
    /// The most requests per second: 1 to 10,000.
    pub max_per_second: Option<u32>,
    /// The most requests in flight: 1 to 1,000.
    pub max_concurrency: Option<u32>,
    /// The time limit of an attempt, 1 to 30 s; `None`: the server's.
    pub timeout: Option<Duration>,
    /// Signatures beside the HMAC of Standard Webhooks, which is always sent.
    pub extra_signatures: BTreeSet<SignatureScheme>,
    /// The keys of asymmetric signatures; drawn when these are first chosen.
    pub signing_seeds: Option<SigningSeeds>,
    /// The recipients of alerts; empty: the organizer's contacts.
    pub contact_emails: Vec<String>,
}

/// An extra request header. `Debug` hides the value, which may be a credential.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtraHeader {
    /// As the organizer wrote it.
    pub name: String,
    /// The value, a secret.
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
