//! After a commit: the answers to publishers, and what sending threads and watchers receive.

use std::sync::Arc;

use super::Committer;
use super::publication_queue::ReplySender;
use crate::domain::{DeliveryProgress, Notification, WebhookId};
use crate::engine::{Activity, PublishError, PublishedNotification};
use crate::store::{
    GroupResult, PendingDelivery, Publication, PublicationGroup, StoredPublication,
};

/// New deliveries by sending thread.
type DeliveriesByThread = Vec<Vec<(WebhookId, PendingDelivery)>>;

impl Committer {
    /// Answers the publishers of a committed batch and hands its deliveries to the sending threads.
    pub(super) fn reply(
        &self,
        groups: Vec<PublicationGroup>,
        results: Vec<GroupResult>,
        replies: Vec<ReplySender>,
    ) {
        let mut deliveries: DeliveriesByThread = vec![Vec::new(); self.inboxes.len()];
        for ((group, result), reply) in groups.into_iter().zip(results).zip(replies) {
            let answer = match result {
                GroupResult::Conflict(place) => Err(PublishError::Conflict(place)),
                GroupResult::Stored(stored) => {
                    Ok(self.announce_group(group, stored, &mut deliveries))
                }
            };
            // The publisher may have disconnected; its answer is kept under its idempotency key.
            let _ = reply.send(answer);
        }
        for (thread, items) in deliveries.into_iter().enumerate() {
            if !items.is_empty() {
                self.inboxes.get(thread).hand_over(items);
            }
        }
    }

    fn announce_group(
        &self,
        group: PublicationGroup,
        stored: Vec<StoredPublication>,
        deliveries: &mut DeliveriesByThread,
    ) -> Vec<PublishedNotification> {
        let is_watched = self.activity.receiver_count() > 0;
        let mut published_notifications = Vec::with_capacity(stored.len());
        for (publication, stored) in group.publications.into_iter().zip(stored) {
            let published = PublishedNotification {
                id: stored.id,
                action_type: stored.action_type,
                event: stored.event,
                published_at: stored.published_at,
                deliveries: stored.delivery_count,
                is_new: stored.body.is_some(),
            };
            if let Some(body) = stored.body {
                if is_watched {
                    let activity = Activity::Published {
                        organizer: group.organizer,
                        published: published.clone(),
                        body: body.clone(),
                    };
                    // The last watcher may have left meanwhile.
                    let _ = self.activity.send(Arc::new(activity));
                }
                let Publication {
                    action_type,
                    event,
                    shape,
                    webhooks,
                    ..
                } = publication;
                let notification = Arc::new(Notification {
                    id: published.id,
                    organizer: group.organizer,
                    action_type,
                    event,
                    published_at: published.published_at,
                    shape,
                    body,
                });
                for webhook in webhooks {
                    let delivery = PendingDelivery {
                        notification: notification.clone(),
                        progress: DeliveryProgress::new(published.published_at),
                    };
                    deliveries[self.inboxes.thread_of(webhook)].push((webhook, delivery));
                }
            }
            published_notifications.push(published);
        }
        published_notifications
    }
}
