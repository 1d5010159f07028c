//! Changes of webhooks, which are published as notifications to other webhooks.

use jiff::Timestamp;

use super::string_enum::string_enum;
use super::{OrganizerId, TargetUrl, WebhookId};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

string_enum! {
    /// What happened to a webhook.
    WebhookChange {
        /// It was created.
        Created = "created",
        /// It was changed, enabled or disabled, by a person or by the server.
        Updated = "updated",
        /// It was deleted. It stays readable and disabled.
        Deleted = "deleted",
    }
}

/// A change of a webhook that has yet to be published, with the webhook's values right after the change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingWebhookChange {
    /// The position in the order of changes.
    pub id: i64,
    /// The owner of the webhook.
    pub organizer: OrganizerId,
    /// The webhook.
    pub webhook: WebhookId,
    /// What happened.
    pub change: WebhookChange,
    /// When the webhook was created.
    pub created_at: Timestamp,
    /// When the webhook was last changed.
    pub modified_at: Timestamp,
    /// The target URL; published without credentials.
    pub target: TargetUrl,
    /// Whether the webhook is enabled.
    pub enabled: bool,
}
