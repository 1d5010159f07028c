//! Publications that wait for the commit, in fair turns over organizers.

use std::collections::{BTreeMap, HashMap, VecDeque};

use tokio::sync::oneshot;

use crate::domain::OrganizerId;
use crate::engine::{PublishError, PublishedNotification};
use crate::store::PublicationGroup;

/// Publications per transaction. A single larger request is still committed as a whole.
const MAX_BATCH_PUBLICATIONS: usize = 1_024;
/// Deliveries per transaction. Those of a single larger request are still committed as a whole.
const MAX_BATCH_DELIVERIES: usize = 8_192;
/// Bytes of bodies per transaction. A single larger request is still committed as a whole.
const MAX_BATCH_BYTES: usize = 2 << 20;
/// A transaction takes about as long for these bytes of bodies as for one more publication.
const BYTES_PER_TURN: usize = 2 << 10;
/// Publications in the queue; further ones are refused, because the store is too far behind.
const MAX_PUBLICATIONS: usize = 20_000;
/// Bytes of bodies in the queue.
const MAX_BYTES: usize = 64 << 20;

/// Sends the answer to a publication to whoever waits for it.
pub(super) type ReplySender = oneshot::Sender<Result<Vec<PublishedNotification>, PublishError>>;

/// A request, and who waits for its answer.
type QueuedGroup = (PublicationGroup, ReplySender);

/// The requests of each organizer in their order. The next one is of the organizer that has been served least: a request
/// waits for few others, however many an organizer has in the queue.
#[derive(Default)]
pub(super) struct PublicationQueue {
    by_turn: BTreeMap<(u64, OrganizerId), VecDeque<QueuedGroup>>,
    organizers: HashMap<OrganizerId, OrganizerQueue>,
    all: QueueSize,
    /// The turn that was served last. An organizer without a request in the queue begins here.
    turn: u64,
}

#[derive(Default)]
struct OrganizerQueue {
    size: QueueSize,
    /// Its key in `by_turn`: what it was served.
    turn: u64,
}

/// What requests take.
#[derive(Clone, Copy, Default)]
struct QueueSize {
    publications: usize,
    bytes: usize,
}

impl QueueSize {
    fn of(group: &PublicationGroup) -> Self {
        Self {
            publications: group.publications.len(),
            bytes: group.publications.iter().map(|p| p.body.len()).sum(),
        }
    }

    /// Whether this takes `quarters` quarters of the queue.
    fn is_full(self, quarters: usize) -> bool {
        self.publications >= MAX_PUBLICATIONS / 4 * quarters
            || self.bytes >= MAX_BYTES / 4 * quarters
    }

    fn add(&mut self, other: Self) {
        self.publications += other.publications;
        self.bytes += other.bytes;
    }

    fn remove(&mut self, other: Self) {
        self.publications -= other.publications;
        self.bytes -= other.bytes;
    }
}

fn delivery_count(group: &PublicationGroup) -> usize {
    group.publications.iter().map(|p| p.webhooks.len()).sum()
}

impl PublicationQueue {
    pub(super) fn is_empty(&self) -> bool {
        self.by_turn.is_empty()
    }

    /// Whether there is no room for a request of this organizer, which may take three quarters of the queue.
    pub(super) fn is_full(&self, organizer: OrganizerId) -> bool {
        let share = self.organizers.get(&organizer);
        self.all.is_full(4) || share.is_some_and(|share| share.size.is_full(3))
    }

    pub(super) fn push(&mut self, group: PublicationGroup, reply: ReplySender) {
        let (organizer, size) = (group.organizer, QueueSize::of(&group));
        let turn = self.turn;
        let share = self
            .organizers
            .entry(organizer)
            .or_insert_with(|| OrganizerQueue {
                turn,
                ..OrganizerQueue::default()
            });
        share.size.add(size);
        self.all.add(size);
        let queue = self.by_turn.entry((share.turn, organizer)).or_default();
        queue.push_back((group, reply));
    }

    /// Takes the requests of the next transaction.
    pub(super) fn take_batch(&mut self) -> Vec<QueuedGroup> {
        let mut batch = Vec::new();
        let (mut size, mut deliveries) = (QueueSize::default(), 0);
        while size.publications < MAX_BATCH_PUBLICATIONS {
            let next = self.by_turn.first_key_value();
            let Some((group, _)) = next.and_then(|(_, queue)| queue.front()) else {
                break;
            };
            size.add(QueueSize::of(group));
            deliveries += delivery_count(group);
            let is_too_large = deliveries > MAX_BATCH_DELIVERIES || size.bytes > MAX_BATCH_BYTES;
            if is_too_large && !batch.is_empty() {
                break;
            }
            batch.extend(self.pop());
        }
        batch
    }

    fn pop(&mut self) -> Option<QueuedGroup> {
        let ((turn, organizer), mut queue) = self.by_turn.pop_first()?;
        let (group, reply) = queue.pop_front()?;
        let size = QueueSize::of(&group);
        self.turn = turn;
        self.all.remove(size);
        if queue.is_empty() {
            self.organizers.remove(&organizer);
        } else if let Some(share) = self.organizers.get_mut(&organizer) {
            share.size.remove(size);
            let cost = size.publications + delivery_count(&group) + size.bytes / BYTES_PER_TURN;
            share.turn = turn + cost as u64;
            self.by_turn.insert((share.turn, organizer), queue);
        }
        Some((group, reply))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Audience, BodyTemplate, PayloadShape, WebhookId};
    use crate::store::Publication;

    fn group(organizer: i64, publications: usize, webhooks: i64) -> PublicationGroup {
        let publication = Publication {
            action_type: "a.b".parse().unwrap(),
            event: None,
            registers_event: false,
            published_at: jiff::Timestamp::UNIX_EPOCH,
            shape: PayloadShape::Custom,
            body: BodyTemplate::Complete("{}".into()),
            data: None,
            subject: None,
            key: None,
            audience: Audience::Everyone,
            webhooks: (0..webhooks).map(WebhookId).collect(),
        };
        PublicationGroup {
            organizer: OrganizerId(organizer),
            token: None,
            publications: vec![publication; publications],
        }
    }

    fn push(queue: &mut PublicationQueue, group: PublicationGroup) {
        queue.push(group, oneshot::channel().0);
    }

    fn organizers(batch: &[QueuedGroup]) -> Vec<i64> {
        batch.iter().map(|(group, _)| group.organizer.0).collect()
    }

    #[test]
    fn a_request_does_not_wait_for_all_of_another_organizer() {
        let mut queue = PublicationQueue::default();
        for _ in 0..10 {
            push(&mut queue, group(1, 1_000, 1));
        }
        assert_eq!(organizers(&queue.take_batch()), [1, 1]);
        push(&mut queue, group(2, 1, 1));
        push(&mut queue, group(2, 1, 1));
        assert_eq!(organizers(&queue.take_batch()), [2, 2, 1, 1]);
        assert_eq!(queue.all.publications, 6_000);
        while !queue.is_empty() {
            queue.take_batch();
        }
        assert_eq!((queue.all.publications, queue.all.bytes), (0, 0));
        assert!(queue.organizers.is_empty());
    }

    #[test]
    fn one_transaction_has_few_deliveries() {
        let mut queue = PublicationQueue::default();
        for _ in 0..10 {
            push(&mut queue, group(1, 1, 2_500));
        }
        push(&mut queue, group(2, 10, 2_500));
        assert_eq!(
            organizers(&queue.take_batch()),
            [1],
            "with the large one it would have too many"
        );
        assert_eq!(organizers(&queue.take_batch()), [2]);
        assert_eq!(organizers(&queue.take_batch()), [1, 1, 1]);
    }

    #[test]
    fn one_transaction_has_one_large_body() {
        let mut queue = PublicationQueue::default();
        for _ in 0..3 {
            let mut large = group(1, 1, 1);
            large.publications[0].body = BodyTemplate::Complete(vec![b' '; MAX_BATCH_BYTES].into());
            push(&mut queue, large);
        }
        push(&mut queue, group(2, 1, 1));
        assert_eq!(organizers(&queue.take_batch()), [1]);
        push(&mut queue, group(3, 1, 1));
        let batches: Vec<_> = (0..3).map(|_| organizers(&queue.take_batch())).collect();
        assert_eq!(
            batches,
            [vec![2, 3], vec![1], vec![1]],
            "small ones go first"
        );
    }

    #[test]
    fn an_organizer_leaves_room_for_others() {
        let mut queue = PublicationQueue::default();
        while !queue.is_full(OrganizerId(1)) {
            push(&mut queue, group(1, 1_000, 0));
        }
        assert_eq!(queue.all.publications, 15_000);
        assert!(!queue.is_full(OrganizerId(2)));
    }
}
