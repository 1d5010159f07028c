//! The group commit: one thread makes all publications and settlements that have gathered durable in one transaction.
//!
//! Publications are committed as soon as the thread is free. Settlements wait up to 5 ms for a publication to share the
//! transaction with ([`queue`]).

mod publication_queue;
mod queue;
mod replies;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{broadcast, oneshot};
use tokio::time::Instant;

use self::publication_queue::ReplySender;
pub(crate) use self::queue::CommitDelays;
use self::queue::{CommitQueue, POLL_INTERVAL, PendingBatch};
use super::dispatcher::inbox::{Inboxes, LaneCommand};
use super::metrics::Metrics;
use super::publisher::{matching_webhooks, pending_webhook_changes};
use super::registry_loader::RegistryLoader;
use super::registry_snapshot::RegistrySnapshot;
use super::{Activity, PublishError, PublishedNotification};
use crate::clock::Clock;
use crate::engine::monotonic_clock;
use crate::store::{
    Batch, CommitError, GroupResult, PublicationGroup, Settlement, Store, StoreError,
};

/// Changes of webhooks that are published in one transaction.
const MAX_WEBHOOK_CHANGES: usize = 100;

/// A batch that the store has committed, or could not.
pub(crate) struct WrittenBatch {
    batch: Batch,
    replies: Vec<ReplySender>,
    result: Result<Vec<GroupResult>, StoreError>,
    /// How long the store took.
    duration: Duration,
}

/// The commit thread and its queue.
pub(crate) struct Committer {
    queue: CommitQueue,
    /// The number of the last settlement on disk.
    last_committed_number: AtomicU64,
    /// The registry version up to which changes of webhooks have been published.
    last_published_version: AtomicI64,
    registry_polled_at: Mutex<Instant>,
    store: Arc<dyn Store>,
    registry: Arc<RegistryLoader>,
    inboxes: Inboxes,
    clock: Arc<dyn Clock>,
    activity: broadcast::Sender<Arc<Activity>>,
    metrics: Arc<Metrics>,
}

impl Committer {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        registry: Arc<RegistryLoader>,
        inboxes: Inboxes,
        clock: Arc<dyn Clock>,
        activity: broadcast::Sender<Arc<Activity>>,
        metrics: Arc<Metrics>,
        delays: CommitDelays,
    ) -> Self {
        Self {
            queue: CommitQueue::new(delays),
            last_committed_number: AtomicU64::new(0),
            last_published_version: AtomicI64::new(0),
            registry_polled_at: Mutex::new(monotonic_clock::now()),
            store,
            registry,
            inboxes,
            clock,
            activity,
            metrics,
        }
    }

    /// Commits the publications of one request, which were matched against this version of the registry.
    pub(crate) async fn publish(
        &self,
        group: PublicationGroup,
        registry_version: i64,
    ) -> Result<Vec<PublishedNotification>, PublishError> {
        let answer = self
            .queue
            .push_group(group, registry_version)
            .ok_or(PublishError::Unavailable)?;
        answer.await.unwrap_or(Err(PublishError::Unavailable))
    }

    /// Queues a settlement. It is on disk once [`Committer::last_committed_number`] has reached the returned number.
    pub(crate) fn settle(&self, settlement: Settlement) -> u64 {
        self.queue.push_settlement(settlement)
    }

    /// The number of the last settlement on disk.
    pub(crate) fn last_committed_number(&self) -> u64 {
        self.last_committed_number.load(Ordering::Acquire)
    }

    #[cfg(test)]
    pub(crate) fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }

    #[cfg(test)]
    pub(crate) fn has_pending_settlements(&self) -> bool {
        self.queue.last_submitted_number() > self.last_committed_number()
    }

    /// Whether so many settlements wait that sending should pause.
    pub(crate) fn has_settlement_backlog(&self) -> bool {
        self.queue.has_settlement_backlog()
    }

    /// Wakes the thread to publish changes of webhooks.
    pub(crate) fn notify_registry_change(&self) {
        self.queue.notify_registry_change();
    }

    /// Refuses further publications; [`Committer::run`] returns once everything is on disk.
    pub(crate) fn close(&self) {
        self.queue.close();
    }

    /// The body of the thread. When it ends, also by a panic, nobody waits for it any longer.
    pub(crate) fn run(&self) {
        let _abandoned = AbandonOnDrop(&self.queue);
        while self.run_once() {}
    }

    /// Waits for a batch, commits it, and does what is due beside it. False: the queue is closed and empty.
    fn run_once(&self) -> bool {
        let Some(written) = self.write_batch() else {
            return false;
        };
        self.finish_batches(written);
        true
    }

    /// Waits for a batch and writes it to the store. None: the queue is closed and empty.
    pub(crate) fn write_batch(&self) -> Option<Vec<WrittenBatch>> {
        let batch = self.queue.wait_for_batch()?;
        let mut written = Vec::new();
        if !batch.groups.is_empty() || !batch.settlements.is_empty() {
            self.write(batch, &mut written);
        }
        Some(written)
    }

    /// Answers those who wait for what was written, and does what is due beside it.
    pub(crate) fn finish_batches(&self, written: Vec<WrittenBatch>) {
        for written in written {
            self.finish_batch(written);
        }
        self.poll_registry();
        self.publish_webhook_changes();
    }

    /// Reads changes of the registry that other processes made.
    fn poll_registry(&self) {
        let mut polled_at = self.registry_polled_at.lock();
        if polled_at.elapsed() >= POLL_INTERVAL {
            *polled_at = monotonic_clock::now();
            if let Err(error) = self.registry.refresh_blocking() {
                tracing::warn!(%error, "the registry could not be read: {error}");
            }
        }
    }

    /// Publishes the changes of webhooks that the store has recorded, if the registry has changed.
    fn publish_webhook_changes(&self) {
        let version = self.registry.version();
        if version == self.last_published_version.load(Ordering::Relaxed) {
            return;
        }
        match self.publish_recorded_changes() {
            Ok(()) => self
                .last_published_version
                .store(version, Ordering::Relaxed),
            Err(error) => {
                tracing::warn!(%error, "changes of webhooks could not be published yet: {error}");
            }
        }
    }

    /// Publishes each recorded change exactly once.
    fn publish_recorded_changes(&self) -> Result<(), StoreError> {
        loop {
            let changes = self.store.pending_webhook_changes(MAX_WEBHOOK_CHANGES)?;
            if changes.is_empty() {
                return Ok(());
            }
            let registry = self.registry.refresh_blocking()?;
            let now = self.clock.now();
            let groups = changes.iter().filter_map(|change| {
                let organizer_snapshot = registry.organizer_by_id(change.organizer)?;
                pending_webhook_changes(&organizer_snapshot, change, now)
            });
            let mut batch = Batch {
                groups: groups.collect(),
                settlements: Vec::new(),
                published_changes: changes.iter().map(|change| change.id).collect(),
                now,
            };
            // Nobody waits for these answers.
            let mut replies: Vec<ReplySender> =
                batch.groups.iter().map(|_| oneshot::channel().0).collect();
            let results = self.try_commit(&mut batch, &mut replies, registry.version())?;
            self.reply(batch.groups, results, replies);
        }
    }

    /// Writes a batch; where a damaged row stands in its way, each request for itself, so that one does not fail the
    /// others.
    fn write(&self, pending: PendingBatch, written: &mut Vec<WrittenBatch>) {
        let PendingBatch {
            groups,
            registry_version,
            settlements,
        } = pending;
        let (groups, mut replies): (Vec<_>, Vec<_>) = groups.into_iter().unzip();
        let mut batch = Batch {
            groups,
            settlements,
            published_changes: Vec::new(),
            now: self.clock.now(),
        };
        let started_at = monotonic_clock::now();
        let mut result = self.try_commit(&mut batch, &mut replies, registry_version);
        if matches!(result, Err(StoreError::Inconsistent { .. }))
            && batch.groups.len() + usize::from(!batch.settlements.is_empty()) > 1
        {
            for group in batch.groups.into_iter().zip(replies) {
                let alone = PendingBatch {
                    groups: vec![group],
                    registry_version,
                    settlements: Vec::new(),
                };
                self.write(alone, written);
            }
            return self.write_settlements(batch.settlements, written);
        }
        if matches!(result, Err(StoreError::Inconsistent { .. })) && !batch.settlements.is_empty() {
            if batch.settlements.len() > 1 {
                return self.write_each_settlement(batch.settlements, written);
            }
            result = self.write_without_consequences(&mut batch);
        }
        written.push(WrittenBatch {
            batch,
            replies,
            result,
            duration: started_at.elapsed(),
        });
    }

    fn write_settlements(&self, settlements: Vec<Settlement>, written: &mut Vec<WrittenBatch>) {
        let batch = PendingBatch {
            groups: Vec::new(),
            registry_version: 0,
            settlements,
        };
        self.write(batch, written);
    }

    /// Writes settlements one after the other, because a damaged row stands in the way of one of them. They stay in
    /// order: what is written after another counts as written only with it.
    fn write_each_settlement(&self, settlements: Vec<Settlement>, written: &mut Vec<WrittenBatch>) {
        let mut rest = settlements.into_iter();
        while let Some(settlement) = rest.next() {
            self.write_settlements(vec![settlement], written);
            if let Some(WrittenBatch { batch, result, .. }) = written.last_mut()
                && result.is_err()
            {
                batch.settlements.extend(rest);
                return;
            }
        }
    }

    /// The outcome of a delivery is written even where what it means for the webhook cannot be.
    fn write_without_consequences(
        &self,
        batch: &mut Batch,
    ) -> Result<Vec<GroupResult>, StoreError> {
        let mut still_enabled = Vec::new();
        for settlement in &mut batch.settlements {
            let webhook = settlement.webhook;
            tracing::error!(
                webhook.id = webhook.0,
                "webhook {webhook}: a damaged row keeps the health of its lane from being written"
            );
            settlement.health = None;
            if settlement.disable.take().is_some() {
                still_enabled.push(webhook);
            }
            settlement.alert = None;
        }
        let results = self.try_commit(batch, &mut Vec::new(), 0)?;
        for webhook in still_enabled {
            self.inboxes
                .of(webhook)
                .send(LaneCommand::ReopenLane(webhook));
        }
        Ok(results)
    }

    fn finish_batch(&self, written: WrittenBatch) {
        let WrittenBatch {
            batch,
            replies,
            result,
            duration,
        } = written;
        match result {
            Ok(results) => {
                self.metrics.count_commit(&batch, duration);
                self.mark_committed(&batch.settlements);
                self.reply(batch.groups, results, replies);
            }
            Err(error) => {
                let (publications, settlements) = (batch.groups.len(), batch.settlements.len());
                tracing::error!(
                    %error,
                    publications,
                    settlements,
                    "a commit of {publications} requests and {settlements} settlements failed: {error}"
                );
                self.metrics.count_failed_commit();
                for reply in replies {
                    // The publisher may have disconnected.
                    let _ = reply.send(Err(PublishError::Unavailable));
                }
                self.reload_lanes(&batch.groups);
                self.queue.requeue_settlements(batch.settlements);
            }
        }
    }

    /// An error leaves open whether the store has the publications; where it has, the lanes find them.
    fn reload_lanes(&self, groups: &[PublicationGroup]) {
        let publications = groups.iter().flat_map(|group| &group.publications);
        let webhooks: BTreeSet<_> = publications.flat_map(|p| &p.webhooks).collect();
        for webhook in webhooks {
            self.inboxes.of(*webhook).send(LaneCommand::ReloadLane {
                webhook: *webhook,
                probe_now: false,
            });
        }
    }

    /// Commits. Whenever the registry has changed since the publications were matched, matches them again.
    fn try_commit(
        &self,
        batch: &mut Batch,
        replies: &mut Vec<ReplySender>,
        mut registry_version: i64,
    ) -> Result<Vec<GroupResult>, StoreError> {
        loop {
            match self.store.commit(registry_version, batch) {
                Ok(results) => return Ok(results),
                Err(CommitError::Store(error)) => return Err(error),
                Err(CommitError::Stale) => {
                    let registry = self.registry.refresh_blocking()?;
                    registry_version = registry.version();
                    refuse_inactive_tokens(batch, replies, &registry);
                    for group in &mut batch.groups {
                        match_again(group, &registry);
                    }
                }
            }
        }
    }

    fn mark_committed(&self, settlements: &[Settlement]) {
        // The registry first: a lane that was disabled rests until its settlement counts as committed.
        if settlements.iter().any(|s| s.disable.is_some())
            && let Err(error) = self.registry.refresh_blocking()
        {
            tracing::warn!(%error, "the registry could not be read: {error}");
        }
        let count = settlements.len() as u64;
        self.last_committed_number
            .fetch_add(count, Ordering::Release);
        self.queue.clear_settlement_backlog();
    }
}

/// Answers those who wait for a commit thread that has ended.
struct AbandonOnDrop<'a>(&'a CommitQueue);

impl Drop for AbandonOnDrop<'_> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// Removes and answers the publications whose token is no longer active.
fn refuse_inactive_tokens(
    batch: &mut Batch,
    replies: &mut Vec<ReplySender>,
    registry: &RegistrySnapshot,
) {
    let is_inactive = |group: &PublicationGroup| {
        let token = group.token.as_ref();
        token.is_some_and(|hash| registry.token(hash).is_none_or(|token| !token.active))
    };
    let (groups, senders) = (std::mem::take(&mut batch.groups), std::mem::take(replies));
    for (group, reply) in groups.into_iter().zip(senders) {
        if is_inactive(&group) {
            // The publisher may have disconnected.
            let _ = reply.send(Err(PublishError::TokenInactive));
        } else {
            batch.groups.push(group);
            replies.push(reply);
        }
    }
}

fn match_again(group: &mut PublicationGroup, registry: &RegistrySnapshot) {
    let organizer_snapshot = registry.organizer_by_id(group.organizer);
    for publication in &mut group.publications {
        let action = publication.action_type.as_str();
        let event = publication.event.as_ref();
        publication.webhooks = organizer_snapshot
            .as_deref()
            .map(|organizer_snapshot| {
                matching_webhooks(organizer_snapshot, action, event, publication.audience)
            })
            .unwrap_or_default();
    }
}
