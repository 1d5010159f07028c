//! A change of a webhook, which is itself a fact that other webhooks may want to hear.

use jiff::Timestamp;

use super::string_enum::string_enum;
use super::{OrganizerId, TargetUrl, WebhookId};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

string_enum! {
    /// What happened to a webhook.
    WebhookChange {
        /// It is new.
        Created = "created",
        /// It was changed, or switched on or off, by hand or by the server.
        Updated = "updated",
        /// Its owner removed it; it stays readable, disabled.
        Deleted = "deleted",
    }
}

/// A change of a webhook that is yet to be published, as the webhook was right after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingWebhookChange {
    /// Its place in the order of changes.
    pub id: i64,
    /// Whose webhook.
    pub organizer: OrganizerId,
    /// Which.
    pub webhook: WebhookId,
    /// What happened.
    pub change: WebhookChange,
    /// When the webhook was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub modified_at: Timestamp,
    /// Where it is called; shown without credentials only.
    pub target: TargetUrl,
    /// Whether it is called.
    pub enabled: bool,
}
