//! One published fact.

use bytes::Bytes;
use jiff::Timestamp;

use super::string_enum::string_enum;
use super::{ActionName, EventSlug, NotificationId, OrganizerId, WebhookId};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// One published fact, stored once, whoever is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// Rising over all organizers.
    pub id: NotificationId,
    /// Whose fact it is.
    pub organizer: OrganizerId,
    /// The concrete action type.
    pub action_type: ActionName,
    /// The event it belongs to, if any.
    pub event: Option<EventSlug>,
    /// When it was published.
    pub published_at: Timestamp,
    /// How `body` was made of the publication's `data`.
    pub shape: PayloadShape,
    /// What receivers are sent, byte for byte.
    pub body: Bytes,
}

string_enum! {
    /// How a body was made of the publication's `data`, frozen at publication: a later change of the action type
    /// changes nothing of what is already published.
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
        /// TiBillet, membership: one member is worked out anew whenever it is sent.
        TibilletMembership = "tibillet_membership",
        /// Creads, all resources.
        Creads = "creads",
        /// Any other: the publication's `data` cannot be read back out of the body, and is kept beside it.
        DataStored = "kept",
    }
}

impl PayloadShape {
    /// Whether it is a family of pretix: what a registered pretix name has.
    pub fn is_pretix_family(self) -> bool {
        !matches!(
            self,
            Self::Custom | Self::TibilletMembership | Self::Creads | Self::DataStored
        )
    }
}

/// Which of the webhooks that match are told of a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Audience {
    /// All of them.
    #[default]
    Everyone,
    /// All but the one it is about.
    Others(WebhookId),
    /// None: the fact is taken, and rings nobody.
    Nobody,
}

impl Audience {
    /// Whether a webhook that matches is told.
    pub fn has(self, webhook: WebhookId) -> bool {
        match self {
            Self::Everyone => true,
            Self::Others(about) => about != webhook,
            Self::Nobody => false,
        }
    }
}

/// A body before its notification has an id: pretix puts the id into the body, the others do not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyTemplate {
    /// Complete as it is.
    Complete(Bytes),
    /// `{"notification_id":` and the id come before this.
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

    /// Bytes held, the id not counted.
    pub fn len(&self) -> usize {
        match self {
            Self::Complete(bytes) | Self::WithId(bytes) => bytes.len(),
        }
    }

    /// Whether nothing is held; no dialect makes such a body.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
