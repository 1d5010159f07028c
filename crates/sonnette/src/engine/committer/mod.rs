//! The group commit: one thread that takes whatever has gathered while it was busy, and makes it durable at once.
//!
//! Publications are committed as soon as the thread is free; settlements may wait [`COMPANY`] for a publication to share
//! the transaction with. What waits here is what a crash would send twice, so that time is short.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio::sync::{broadcast, oneshot};

use crate::clock::Clock;
use crate::domain::{Notification, Progress, WebhookId};
use crate::engine::dispatcher::inbox::Inboxes;
use crate::engine::metrics::Metrics;
use crate::engine::publisher::{pending_webhook_changes, told};
use crate::engine::registry::{RegistryCache, RegistrySnapshot};
use crate::engine::{Activity, PublishError, Published};
use crate::store::{
    Batch, CommitError, GroupResult, PendingDelivery, PublicationGroup, Settlement, Store,
    StoreError, StoredPublication,
};

/// How long settlements wait for company.
const COMPANY: Duration = Duration::from_millis(5);
/// With so many settlements there is company enough.
const ENOUGH: usize = 256;
/// Publications of one transaction, but for those of a larger single request.
const MOST_PUBLICATIONS: usize = 1_024;
/// Settlements of one transaction.
const MOST_SETTLEMENTS: usize = 4_096;
/// Publications that may wait; beyond it the store is too far behind to take more.
const QUEUE: usize = 20_000;
/// Bytes of bodies that may wait.
const QUEUE_BYTES: usize = 64 << 20;
/// Settlements that may wait before sending pauses.
const SETTLEMENTS: usize = 20_000;
/// How often the store is looked at for changes that other processes made.
const LOOK: Duration = Duration::from_millis(250);
/// Changes of webhooks that are published in one transaction.
const MOST_NEWS: usize = 100;
/// The wait after a failed commit.
const BACKOFF: Duration = Duration::from_millis(250);

/// Groups with whom to answer, the version they were matched against, and settlements.
type Gathered = (Vec<(PublicationGroup, Reply)>, i64, Vec<Settlement>);
type Reply = oneshot::Sender<Result<Vec<Published>, PublishError>>;

#[derive(Default)]
struct Queue {
    groups: Vec<(PublicationGroup, Reply)>,
    publications: usize,
    bytes: usize,
    /// The version of the registry that the oldest of `groups` was matched against.
    version: i64,
    settlements: Vec<Settlement>,
    submitted: u64,
    /// The registry has changed: there may be changes of webhooks to publish.
    nudged: bool,
    closed: bool,
}

/// The door to the commit thread.
pub(crate) struct Committer {
    queue: Mutex<Queue>,
    wake: Condvar,
    committed: AtomicU64,
    /// So many settlements wait that sending should pause.
    behind: AtomicBool,
    store: Arc<dyn Store>,
    registry: Arc<RegistryCache>,
    inboxes: Inboxes,
    clock: Arc<dyn Clock>,
    news: broadcast::Sender<Arc<Activity>>,
    metrics: Arc<Metrics>,
}

impl Committer {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        registry: Arc<RegistryCache>,
        inboxes: Inboxes,
        clock: Arc<dyn Clock>,
        news: broadcast::Sender<Arc<Activity>>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            queue: Mutex::default(),
            wake: Condvar::new(),
            committed: AtomicU64::new(0),
            behind: AtomicBool::new(false),
            store,
            registry,
            inboxes,
            clock,
            news,
            metrics,
        }
    }

    /// Hands in the publications of one request, matched against this version of the registry.
    pub(crate) async fn publish(
        &self,
        group: PublicationGroup,
        version: i64,
    ) -> Result<Vec<Published>, PublishError> {
        let (reply, answer) = oneshot::channel();
        let bytes: usize = group.publications.iter().map(|p| p.body.len()).sum();
        {
            let mut queue = self.queue.lock();
            if queue.closed || queue.publications >= QUEUE || queue.bytes >= QUEUE_BYTES {
                return Err(PublishError::Unavailable);
            }
            queue.version = if queue.groups.is_empty() {
                version
            } else {
                queue.version.min(version)
            };
            queue.publications += group.publications.len();
            queue.bytes += bytes;
            queue.groups.push((group, reply));
        }
        self.wake.notify_one();
        answer.await.unwrap_or(Err(PublishError::Unavailable))
    }

    /// Hands in a settlement; its number is on disk once [`Committer::committed`] has reached it.
    pub(crate) fn settle(&self, settlement: Settlement) -> u64 {
        let mut queue = self.queue.lock();
        queue.settlements.push(settlement);
        queue.submitted += 1;
        let number = queue.submitted;
        let waiting = queue.settlements.len();
        drop(queue);
        if waiting > SETTLEMENTS {
            self.behind.store(true, Ordering::Relaxed);
        }
        if waiting == 1 || waiting == ENOUGH {
            self.wake.notify_one();
        }
        number
    }

    /// The number of the last settlement on disk.
    pub(crate) fn committed(&self) -> u64 {
        self.committed.load(Ordering::Acquire)
    }

    /// Whether so many settlements wait that sending should pause.
    pub(crate) fn is_behind(&self) -> bool {
        self.behind.load(Ordering::Relaxed)
    }

    /// The registry has changed.
    pub(crate) fn nudge(&self) {
        self.queue.lock().nudged = true;
        self.wake.notify_one();
    }

    /// Takes nothing more; the thread ends when all is on disk.
    pub(crate) fn close(&self) {
        self.queue.lock().closed = true;
        self.wake.notify_one();
    }

    /// The thread.
    pub(crate) fn run(&self) {
        let mut looked = Instant::now();
        let mut announced_at = 0;
        while let Some((groups, version, settlements)) = self.gather() {
            if !groups.is_empty() || !settlements.is_empty() {
                self.commit(groups, version, settlements);
            }
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                if let Err(error) = self.registry.refresh() {
                    tracing::warn!(%error, "the registry could not be read");
                }
            }
            let version = self.registry.version();
            if version != announced_at {
                match self.announce() {
                    Ok(()) => announced_at = version,
                    Err(error) => {
                        tracing::warn!(%error, "changes of webhooks are yet to be published");
                    }
                }
            }
        }
    }

    /// Publishes the changes of webhooks that the store has taken down, each exactly once.
    fn announce(&self) -> Result<(), StoreError> {
        loop {
            let news = self.store.pending_webhook_changes(MOST_NEWS)?;
            if news.is_empty() {
                return Ok(());
            }
            let registry = self.registry.refresh()?;
            let now = self.clock.now();
            let groups = news.iter().filter_map(|one| {
                let tenant = registry.organizer_by_id(one.organizer)?;
                pending_webhook_changes(tenant, one, now)
            });
            let mut batch = Batch {
                groups: groups.collect(),
                settlements: Vec::new(),
                announced: news.iter().map(|one| one.id).collect(),
                now,
            };
            // Nobody waits for an answer.
            let mut replies: Vec<Reply> =
                batch.groups.iter().map(|_| oneshot::channel().0).collect();
            let answers = self.try_commit(&mut batch, &mut replies, registry.version())?;
            self.answer(batch.groups, answers, replies);
        }
    }

    /// Waits for something to commit. None: closed, and nothing is left.
    fn gather(&self) -> Option<Gathered> {
        let mut queue = self.queue.lock();
        let idle = queue.groups.is_empty() && queue.settlements.is_empty();
        if idle && !queue.closed && !queue.nudged {
            self.wake.wait_for(&mut queue, LOOK);
        }
        queue.nudged = false;
        if queue.groups.is_empty() && !queue.settlements.is_empty() && !queue.closed {
            let until = Instant::now() + COMPANY;
            while queue.groups.is_empty() && queue.settlements.len() < ENOUGH && !queue.closed {
                if self.wake.wait_until(&mut queue, until).timed_out() {
                    break;
                }
            }
        }
        if queue.closed && queue.groups.is_empty() && queue.settlements.is_empty() {
            return None;
        }
        let groups = take_groups(&mut queue);
        let most = queue.settlements.len().min(MOST_SETTLEMENTS);
        let settlements = if most == queue.settlements.len() {
            std::mem::take(&mut queue.settlements)
        } else {
            queue.settlements.drain(..most).collect()
        };
        Some((groups, queue.version, settlements))
    }

    fn commit(
        &self,
        pending: Vec<(PublicationGroup, Reply)>,
        version: i64,
        settlements: Vec<Settlement>,
    ) {
        let (groups, mut replies): (Vec<_>, Vec<_>) = pending.into_iter().unzip();
        let mut batch = Batch {
            groups,
            settlements,
            announced: Vec::new(),
            now: self.clock.now(),
        };
        let began = Instant::now();
        match self.try_commit(&mut batch, &mut replies, version) {
            Ok(answers) => {
                self.metrics.committed(&batch, began.elapsed());
                self.settled(&batch.settlements);
                self.answer(batch.groups, answers, replies);
            }
            Err(StoreError::Inconsistent { .. })
                if batch.groups.len() + usize::from(!batch.settlements.is_empty()) > 1 =>
            {
                // One damaged row must not stand in everybody's way.
                for pending in batch.groups.into_iter().zip(replies) {
                    self.commit(vec![pending], version, Vec::new());
                }
                self.commit(Vec::new(), version, batch.settlements);
            }
            Err(error) => {
                tracing::error!(%error, publications = batch.groups.len(), "nothing was committed");
                self.metrics.commit_failed();
                for reply in replies {
                    // Whoever published has gone, or is told to come again.
                    let _ = reply.send(Err(PublishError::Unavailable));
                }
                self.settle_later(batch.settlements);
            }
        }
    }

    /// Commits; matches anew as often as the registry has moved on.
    fn try_commit(
        &self,
        batch: &mut Batch,
        replies: &mut Vec<Reply>,
        mut version: i64,
    ) -> Result<Vec<GroupResult>, StoreError> {
        loop {
            match self.store.commit(version, batch) {
                Ok(answers) => return Ok(answers),
                Err(CommitError::Store(error)) => return Err(error),
                Err(CommitError::Stale) => {
                    let registry = self.registry.refresh()?;
                    version = registry.version();
                    refuse_inactive(batch, replies, &registry);
                    batch
                        .groups
                        .iter_mut()
                        .for_each(|group| rematch(group, &registry));
                }
            }
        }
    }

    fn settled(&self, settlements: &[Settlement]) {
        // First the registry: a lane that was switched off rests until its settlement counts as committed.
        if settlements.iter().any(|s| s.disable.is_some())
            && let Err(error) = self.registry.refresh()
        {
            tracing::warn!(%error, "the registry could not be read");
        }
        let number = settlements.len() as u64;
        self.committed.fetch_add(number, Ordering::Release);
        self.behind.store(false, Ordering::Relaxed);
    }

    /// Settlements are never dropped: the store may be full or away for a while.
    fn settle_later(&self, mut settlements: Vec<Settlement>) {
        let mut queue = self.queue.lock();
        settlements.append(&mut queue.settlements);
        queue.settlements = settlements;
        if queue.closed {
            tracing::warn!(
                settlements = queue.settlements.len(),
                "stopping without them on disk: what they were for is sent again"
            );
            queue.settlements.clear();
            return;
        }
        self.wake.wait_for(&mut queue, BACKOFF);
    }

    fn answer(
        &self,
        groups: Vec<PublicationGroup>,
        answers: Vec<GroupResult>,
        replies: Vec<Reply>,
    ) {
        let mut handed: Vec<Vec<(WebhookId, PendingDelivery)>> =
            vec![Vec::new(); self.inboxes.len()];
        for ((group, answer), reply) in groups.into_iter().zip(answers).zip(replies) {
            let answer = match answer {
                GroupResult::Conflict(place) => Err(PublishError::Conflict(place)),
                GroupResult::Taken(taken) => Ok(self.hand_out(group, taken, &mut handed)),
            };
            // A publisher that has gone away finds its answer by its key.
            let _ = reply.send(answer);
        }
        for (thread, items) in handed.into_iter().enumerate() {
            if !items.is_empty() {
                self.inboxes.get(thread).hand_over(items);
            }
        }
    }

    fn hand_out(
        &self,
        group: PublicationGroup,
        taken: Vec<StoredPublication>,
        handed: &mut [Vec<(WebhookId, PendingDelivery)>],
    ) -> Vec<Published> {
        let watched = self.news.receiver_count() > 0;
        let mut answers = Vec::with_capacity(taken.len());
        for (publication, taken) in group.publications.into_iter().zip(taken) {
            let StoredPublication {
                id,
                action_type,
                event,
                at,
                deliveries,
                body,
            } = taken;
            let published = Published {
                id,
                action_type,
                event,
                at,
                deliveries,
                new: body.is_some(),
            };
            if let Some(body) = body {
                if watched {
                    let news = Activity::Published {
                        organizer: group.organizer,
                        published: published.clone(),
                        body: body.clone(),
                    };
                    // Nobody may be watching any more.
                    let _ = self.news.send(Arc::new(news));
                }
                if !publication.webhooks.is_empty() {
                    let notification = Arc::new(Notification {
                        id,
                        organizer: group.organizer,
                        action_type: publication.action_type,
                        event: publication.event,
                        published_at: at,
                        shape: publication.shape,
                        body,
                    });
                    let progress = Progress::new(at);
                    for webhook in publication.webhooks {
                        let waiting = PendingDelivery {
                            notification: notification.clone(),
                            progress,
                        };
                        handed[self.inboxes.thread_of(webhook)].push((webhook, waiting));
                    }
                }
            }
            answers.push(published);
        }
        answers
    }
}

fn take_groups(queue: &mut Queue) -> Vec<(PublicationGroup, Reply)> {
    let mut publications = 0;
    let most = queue
        .groups
        .iter()
        .take_while(|(group, _)| {
            let before = publications;
            publications += group.publications.len();
            before < MOST_PUBLICATIONS
        })
        .count();
    let groups: Vec<_> = if most == queue.groups.len() {
        std::mem::take(&mut queue.groups)
    } else {
        queue.groups.drain(..most).collect()
    };
    for (group, _) in &groups {
        queue.publications -= group.publications.len();
        queue.bytes -= group
            .publications
            .iter()
            .map(|p| p.body.len())
            .sum::<usize>();
    }
    groups
}

/// Whose token is no longer active publishes nothing.
fn refuse_inactive(batch: &mut Batch, replies: &mut Vec<Reply>, registry: &RegistrySnapshot) {
    let inactive = |group: &PublicationGroup| {
        let token = group.token.as_ref();
        token.is_some_and(|hash| registry.token(hash).is_none_or(|token| !token.active))
    };
    let (groups, waiting) = (std::mem::take(&mut batch.groups), std::mem::take(replies));
    for (group, reply) in groups.into_iter().zip(waiting) {
        if inactive(&group) {
            // Whoever asked may have gone.
            let _ = reply.send(Err(PublishError::TokenInactive));
        } else {
            batch.groups.push(group);
            replies.push(reply);
        }
    }
}

fn rematch(group: &mut PublicationGroup, registry: &RegistrySnapshot) {
    let tenant = registry.organizer_by_id(group.organizer);
    for publication in &mut group.publications {
        let action = publication.action_type.as_str();
        let event = publication.event.as_ref();
        publication.webhooks = tenant
            .map(|tenant| told(tenant, action, event, publication.audience))
            .unwrap_or_default();
    }
}
