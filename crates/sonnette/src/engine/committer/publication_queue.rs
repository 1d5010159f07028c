//! Publications that wait for the commit, in fair turns over organizers.
//!
//! A request that is larger than a usual transaction is one transaction all the same, and everybody waits for it. While
//! others publish, such requests therefore get a small part of the time.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

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
/// After a request with more than [`MAX_BATCH_BYTES`], the next one waits this many times as long as the transaction took.
const LARGE_REQUEST_PAUSE_FACTOR: u32 = 100;
/// The longest such pause.
const MAX_LARGE_REQUEST_PAUSE: Duration = Duration::from_secs(4);
/// There is no pause if no other request was committed for this time.
const QUIET_TIME: Duration = Duration::from_secs(1);
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
    /// When the transaction of a large request began, if it has not ended.
    large_request_began_at: Option<Instant>,
    /// No large request is taken before this.
    large_request_after: Option<Instant>,
    /// When a transaction without a large request was last taken.
    small_batch_at: Option<Instant>,
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

    /// Whether this is more than a usual transaction.
    fn is_large(self) -> bool {
        self.bytes > MAX_BATCH_BYTES
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

    /// Notes that the transaction of the last batch has ended.
    pub(super) fn end_transaction(&mut self, now: Instant) {
        let Some(began_at) = self.large_request_began_at.take() else {
            return;
        };
        let pause = now.duration_since(began_at) * LARGE_REQUEST_PAUSE_FACTOR;
        self.large_request_after = Some(now + pause.min(MAX_LARGE_REQUEST_PAUSE));
    }

    /// Lets large requests be taken at once.
    pub(super) fn end_pause(&mut self) {
        self.large_request_after = None;
    }

    /// When the next request may be taken; `None` if there is none.
    pub(super) fn ready_at(&self, now: Instant) -> Option<Instant> {
        if self.next_ready_turn(now).is_some() {
            return Some(now);
        }
        let until = self.large_request_after.unwrap_or(now);
        (!self.is_empty()).then_some(until.min(self.quiet_at().unwrap_or(now)))
    }

    /// When the time without other requests is long enough for large ones.
    fn quiet_at(&self) -> Option<Instant> {
        self.small_batch_at.map(|at| at + QUIET_TIME)
    }

    /// The key of the organizer whose request is taken next.
    fn next_ready_turn(&self, now: Instant) -> Option<(u64, OrganizerId)> {
        let is_paused = self.large_request_after.is_some_and(|after| now < after)
            && self.quiet_at().is_some_and(|quiet_at| now < quiet_at);
        let is_ready = |queue: &VecDeque<QueuedGroup>| {
            let next = queue.front();
            next.is_some_and(|(group, _)| !is_paused || !QueueSize::of(group).is_large())
        };
        let mut organizers = self.by_turn.iter();
        organizers
            .find(|(_, queue)| is_ready(queue))
            .map(|(turn, _)| *turn)
    }

    /// Takes the requests of the next transaction.
    pub(super) fn take_batch(&mut self, now: Instant) -> Vec<QueuedGroup> {
        let mut batch = Vec::new();
        let (mut size, mut deliveries) = (QueueSize::default(), 0);
        while let Some(turn) = self.next_ready_turn(now) {
            let Some((group, _)) = self.by_turn.get(&turn).and_then(VecDeque::front) else {
                break;
            };
            size.add(QueueSize::of(group));
            deliveries += delivery_count(group);
            let is_too_large = size.publications > MAX_BATCH_PUBLICATIONS
                || deliveries > MAX_BATCH_DELIVERIES
                || size.is_large();
            if is_too_large && !batch.is_empty() {
                break;
            }
            if size.is_large() {
                self.large_request_began_at = Some(now);
            } else {
                self.small_batch_at = Some(now);
            }
            batch.extend(self.pop(turn));
        }
        batch
    }

    fn pop(&mut self, (turn, organizer): (u64, OrganizerId)) -> Option<QueuedGroup> {
        let mut queue = self.by_turn.remove(&(turn, organizer))?;
        let (group, reply) = queue.pop_front()?;
        let size = QueueSize::of(&group);
        self.turn = self.turn.max(turn);
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
    use crate::clock::{Clock as _, SystemClock};
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

    /// A request with one publication, whose body has so many bytes.
    fn group_of_bytes(organizer: i64, bytes: usize) -> PublicationGroup {
        let mut group = group(organizer, 1, 1);
        group.publications[0].body = BodyTemplate::Complete(vec![b' '; bytes].into());
        group
    }

    fn now() -> Instant {
        SystemClock.instant()
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
        assert_eq!(organizers(&queue.take_batch(now())), [1]);
        push(&mut queue, group(2, 1, 1));
        push(&mut queue, group(2, 1, 1));
        assert_eq!(organizers(&queue.take_batch(now())), [2, 2, 1]);
        assert_eq!(queue.all.publications, 8_000);
        while !queue.is_empty() {
            queue.take_batch(now());
        }
        assert_eq!((queue.all.publications, queue.all.bytes), (0, 0));
        assert!(queue.organizers.is_empty());
    }

    #[test]
    fn one_transaction_has_few_publications() {
        let mut queue = PublicationQueue::default();
        push(&mut queue, group(1, 1_000, 1));
        push(&mut queue, group(2, 24, 1));
        assert_eq!(organizers(&queue.take_batch(now())), [1, 2]);
        push(&mut queue, group(1, 1_000, 1));
        push(&mut queue, group(2, 25, 1));
        assert_eq!(organizers(&queue.take_batch(now())), [1]);
        assert_eq!(organizers(&queue.take_batch(now())), [2]);
        push(&mut queue, group(1, 1_025, 1));
        assert_eq!(
            organizers(&queue.take_batch(now())),
            [1],
            "a single request is not divided"
        );
    }

    #[test]
    fn one_transaction_has_few_deliveries() {
        let mut queue = PublicationQueue::default();
        for _ in 0..10 {
            push(&mut queue, group(1, 1, 2_500));
        }
        push(&mut queue, group(2, 10, 2_500));
        assert_eq!(
            organizers(&queue.take_batch(now())),
            [1],
            "with the large one it would have too many"
        );
        assert_eq!(organizers(&queue.take_batch(now())), [2]);
        assert_eq!(organizers(&queue.take_batch(now())), [1, 1, 1]);
    }

    #[test]
    fn one_transaction_has_one_large_body() {
        let mut queue = PublicationQueue::default();
        for _ in 0..3 {
            push(&mut queue, group_of_bytes(1, MAX_BATCH_BYTES));
        }
        push(&mut queue, group(2, 1, 1));
        assert_eq!(organizers(&queue.take_batch(now())), [1]);
        push(&mut queue, group(3, 1, 1));
        let batches: Vec<_> = (0..3)
            .map(|_| organizers(&queue.take_batch(now())))
            .collect();
        assert_eq!(
            batches,
            [vec![2, 3], vec![1], vec![1]],
            "small ones go first"
        );
    }

    #[test]
    fn large_requests_pause_while_others_publish() {
        let large = || group_of_bytes(1, MAX_BATCH_BYTES + 1);
        let mut queue = PublicationQueue::default();
        let began = now();
        push(&mut queue, large());
        push(&mut queue, large());
        assert_eq!(organizers(&queue.take_batch(began)), [1]);
        let mut at = began + Duration::from_millis(8);
        queue.end_transaction(at);
        assert_eq!(queue.ready_at(at), Some(at), "nobody else publishes");
        assert_eq!(organizers(&queue.take_batch(at)), [1]);
        at += Duration::from_millis(8);
        queue.end_transaction(at);
        push(&mut queue, group(2, 1, 1));
        assert_eq!(organizers(&queue.take_batch(at)), [2]);
        let resumed_at = at + 8 * LARGE_REQUEST_PAUSE_FACTOR * Duration::from_millis(1);
        push(&mut queue, large());
        for _ in 0..10 {
            push(&mut queue, group(2, 1, 1));
            assert_eq!(organizers(&queue.take_batch(at)), [2]);
            assert_eq!(queue.ready_at(at), Some(resumed_at));
            assert!(queue.take_batch(at).is_empty());
            at += Duration::from_millis(50);
        }
        assert_eq!(organizers(&queue.take_batch(resumed_at)), [1]);
        at = resumed_at + Duration::from_secs(1);
        queue.end_transaction(at);
        push(&mut queue, large());
        push(&mut queue, group(2, 1, 1));
        assert_eq!(organizers(&queue.take_batch(resumed_at)), [2]);
        let quiet_at = resumed_at + QUIET_TIME;
        assert_eq!(
            queue.ready_at(resumed_at),
            Some(quiet_at),
            "the pause is longer"
        );
    }

    #[test]
    fn the_pause_after_a_large_request_has_a_maximum() {
        let large = || group_of_bytes(1, MAX_BATCH_BYTES + 1);
        let mut queue = PublicationQueue::default();
        let began = now();
        push(&mut queue, group(2, 1, 1));
        queue.take_batch(began);
        push(&mut queue, large());
        assert_eq!(organizers(&queue.take_batch(began)), [1]);
        let ended = began + Duration::from_millis(500);
        queue.end_transaction(ended);
        push(&mut queue, large());
        let after_half_seconds = |halves| ended + halves * Duration::from_millis(500);
        for halves in 0..8 {
            let at = after_half_seconds(halves);
            push(&mut queue, group(2, 1, 1));
            assert_eq!(organizers(&queue.take_batch(at)), [2]);
        }
        assert_eq!(organizers(&queue.take_batch(after_half_seconds(8))), [1]);
    }

    #[test]
    fn an_organizer_leaves_room_for_others() {
        let mut queue = PublicationQueue::default();
        while !queue.is_full(OrganizerId(1)) {
            push(&mut queue, group(1, 1_000, 0));
        }
        assert_eq!(queue.all.publications, 15_000);
        assert!(!queue.is_full(OrganizerId(2)));
        push(&mut queue, group(2, 4_999, 0));
        assert!(!queue.is_full(OrganizerId(3)));
        push(&mut queue, group(2, 1, 0));
        assert_eq!(queue.all.publications, 20_000);
        assert!(queue.is_full(OrganizerId(3)));
    }

    #[test]
    fn an_organizer_leaves_bytes_for_others() {
        let mut queue = PublicationQueue::default();
        let eighth = 8 << 20;
        for _ in 0..6 {
            assert!(!queue.is_full(OrganizerId(1)));
            push(&mut queue, group_of_bytes(1, eighth));
        }
        assert!(queue.is_full(OrganizerId(1)));
        push(&mut queue, group_of_bytes(2, eighth));
        push(&mut queue, group_of_bytes(2, eighth - 1));
        assert!(!queue.is_full(OrganizerId(3)));
        push(&mut queue, group_of_bytes(2, 1));
        assert_eq!(queue.all.bytes, 64 << 20);
        assert!(queue.is_full(OrganizerId(3)));
    }
}
