//! A notification: one published fact.

use bytes::Bytes;
use jiff::Timestamp;

use super::string_enum::string_enum;
use super::{ActionTypeName, EventSlug, NotificationId, OrganizerId, WebhookId};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// One published fact. It is stored once, for all its webhooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// Assigned by the store, rising over all organizers.
    pub id: NotificationId,
    /// The organizer that published it.
    pub organizer: OrganizerId,
    /// The concrete action type.
    pub action_type: ActionTypeName,
    /// The event it belongs to, if any.
    pub event: Option<EventSlug>,
    /// When it was published.
    pub published_at: Timestamp,
    /// How `body` was composed of the publication's `data`.
    pub shape: PayloadShape,
    /// The body that receivers get, byte for byte.
    pub body: Bytes,
}

string_enum! {
    /// How a body was composed of the publication's `data`. It is fixed at publication: a later change of the action type
    /// does not affect published notifications.
    PayloadShape {
        /// pretix, family order.
        Order = "order",
        /// pretix, family check-in.
        Checkin = "checkin",
        /// pretix, family event.
        Event = "event",
        /// pretix, family subevent.
        Subevent = "subevent",
        /// pretix, family item.
        Item = "item",
        /// pretix, family waiting list.
        WaitingList = "waitinglist",
        /// pretix, family voucher.
        Voucher = "voucher",
        /// pretix, family customer.
        Customer = "customer",
        /// pretix, family gift card.
        GiftCard = "giftcard",
        /// pretix, family gift card transaction.
        GiftCardTransaction = "giftcardtransaction",
        /// Standard Webhooks: `{"type", "timestamp", "data"}`.
        Custom = "custom",
        /// TiBillet, membership: `is_valid` is computed for each attempt.
        TibilletMembership = "tibillet_membership",
        /// Creads, all resources.
        Creads = "creads",
        /// Any other. `data` cannot be read from the body and is stored beside it.
        DataStored = "kept",
    }
}

impl PayloadShape {
    /// Whether it is a family of pretix, as registered pretix names have.
    pub fn is_pretix_family(self) -> bool {
        !matches!(
            self,
            Self::Custom | Self::TibilletMembership | Self::Creads | Self::DataStored
        )
    }
}

/// Which of the matching webhooks get a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Audience {
    /// All of them.
    #[default]
    Everyone,
    /// All but the webhook that the notification is about.
    Others(WebhookId),
    /// None: the notification is stored but not delivered.
    Nobody,
}

impl Audience {
    /// Whether a matching webhook gets the notification.
    pub fn has(self, webhook: WebhookId) -> bool {
        match self {
            Self::Everyone => true,
            Self::Others(about) => about != webhook,
            Self::Nobody => false,
        }
    }
}

/// A body before its notification has an id. pretix puts the id into the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyTemplate {
    /// The whole body.
    Complete(Bytes),
    /// The body after `{"notification_id":` and the id.
    WithId(Bytes),
}

impl BodyTemplate {
    /// The body of the notification with this id.
    pub fn render(self, id: NotificationId) -> Bytes {
        match self {
            Self::Complete(body) => body,
            Self::WithId(rest) => {
                let head = format!("{{\"notification_id\":{id}");
                let mut body = Vec::with_capacity(head.len() + rest.len());
                body.extend_from_slice(head.as_bytes());
                body.extend_from_slice(&rest);
                body.into()
            }
        }
    }

    /// The length in bytes, without the id.
    pub fn len(&self) -> usize {
        match self {
            Self::Complete(bytes) | Self::WithId(bytes) => bytes.len(),
        }
    }

    /// Whether the template is empty; no dialect makes such a body.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
