//! Passes the engine's activity to event streams. The hub alone listens to the engine; what waits for slow streams is
//! bounded in bytes, and an activity is encoded once for all streams that send it.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use parking_lot::Mutex;
use sonnette::Sonnette;
use sonnette::engine::Activity;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, broadcast, mpsc};

/// Activities that wait for one stream.
const MAX_QUEUED_ACTIVITIES: usize = 256;
/// Bytes of the activities that wait for one stream.
const MAX_QUEUED_BYTES: usize = 2 << 20;
/// Bytes of the activities that wait for all streams.
const MAX_TOTAL_QUEUED_BYTES: usize = 64 << 20;
/// Bytes of an activity without its body.
const ACTIVITY_OVERHEAD_BYTES: usize = 1_024;

/// An activity, and its encoding once a stream has sent it.
pub(crate) struct SharedActivity {
    activity: Arc<Activity>,
    encoded: OnceLock<Option<Bytes>>,
    /// An estimate of what it occupies with its encoding.
    bytes: usize,
}

impl SharedActivity {
    fn new(activity: Arc<Activity>) -> Self {
        let body = match &*activity {
            Activity::Published { body, .. } => body.len(),
            Activity::Attempted { .. } | Activity::Lane { .. } => 0,
        };
        Self {
            activity,
            encoded: OnceLock::new(),
            bytes: 2 * body + ACTIVITY_OVERHEAD_BYTES,
        }
    }

    /// The activity.
    pub(crate) fn activity(&self) -> &Activity {
        &self.activity
    }

    /// The encoding; `encode` runs only for the first stream.
    pub(crate) fn encode(&self, encode: fn(&Activity) -> Option<Bytes>) -> Option<Bytes> {
        self.encoded.get_or_init(|| encode(&self.activity)).clone()
    }
}

/// What a stream sends next.
pub(crate) enum NextActivity {
    /// An activity.
    Activity(Arc<SharedActivity>),
    /// So many activities were dropped.
    Missed(u64),
}

/// Tells which activities a stream sends.
type Filter = Box<dyn Fn(&Activity) -> bool + Send + Sync>;

/// Passes the engine's activity to event streams.
#[derive(Clone)]
pub(crate) struct ActivityBroadcast(Arc<Inner>);

struct Inner {
    watchers: Mutex<Watchers>,
    /// Bytes that wait for all streams.
    queued_bytes: AtomicUsize,
    /// Starts the task with a receiver of the engine's activity.
    start: mpsc::UnboundedSender<broadcast::Receiver<Arc<Activity>>>,
}

#[derive(Default)]
struct Watchers {
    by_id: HashMap<u64, Arc<Watcher>>,
    last_id: u64,
    /// Whether the task listens to the engine.
    is_listening: bool,
}

struct Watcher {
    filter: Filter,
    max_activities: usize,
    queue: Mutex<Queue>,
    wake: Notify,
}

#[derive(Default)]
struct Queue {
    activities: VecDeque<Arc<SharedActivity>>,
    bytes: usize,
    /// Activities that were dropped after those in the queue.
    missed: u64,
    is_closed: bool,
}

/// What waits for one stream; dropping it ends the watch.
pub(crate) struct ActivityQueue {
    hub: ActivityBroadcast,
    id: u64,
    watcher: Arc<Watcher>,
}

impl ActivityBroadcast {
    /// Starts the task of the hub on the current runtime. It listens to the engine only while there are streams.
    pub(crate) fn start() -> Self {
        let (start, starts) = mpsc::unbounded_channel();
        let hub = Self(Arc::new(Inner {
            watchers: Mutex::default(),
            queued_bytes: AtomicUsize::new(0),
            start,
        }));
        tokio::spawn(hub.clone().run(starts));
        hub
    }

    /// The activities from now on that `filter` accepts.
    pub(crate) fn watch(
        &self,
        sonnette: &Sonnette,
        filter: impl Fn(&Activity) -> bool + Send + Sync + 'static,
    ) -> ActivityQueue {
        self.add(sonnette, Box::new(filter), MAX_QUEUED_ACTIVITIES)
    }

    /// Only the number of activities from now on that `filter` accepts.
    pub(crate) fn watch_number(
        &self,
        sonnette: &Sonnette,
        filter: impl Fn(&Activity) -> bool + Send + Sync + 'static,
    ) -> ActivityQueue {
        self.add(sonnette, Box::new(filter), 0)
    }

    fn add(&self, sonnette: &Sonnette, filter: Filter, max_activities: usize) -> ActivityQueue {
        let queue = self.add_watcher(filter, max_activities);
        let mut watchers = self.0.watchers.lock();
        if !watchers.is_listening {
            watchers.is_listening = true;
            // The task ends only with the runtime.
            let _ = self.0.start.send(sonnette.watch());
        }
        drop(watchers);
        queue
    }

    fn add_watcher(&self, filter: Filter, max_activities: usize) -> ActivityQueue {
        let watcher = Arc::new(Watcher {
            filter,
            max_activities,
            queue: Mutex::default(),
            wake: Notify::new(),
        });
        let mut watchers = self.0.watchers.lock();
        watchers.last_id += 1;
        let id = watchers.last_id;
        watchers.by_id.insert(id, watcher.clone());
        ActivityQueue {
            hub: self.clone(),
            id,
            watcher,
        }
    }

    async fn run(self, mut starts: mpsc::UnboundedReceiver<broadcast::Receiver<Arc<Activity>>>) {
        while let Some(mut activities) = starts.recv().await {
            loop {
                let has_watchers = match activities.recv().await {
                    Ok(activity) => self.deliver(&Arc::new(SharedActivity::new(activity))),
                    Err(RecvError::Lagged(missed)) => self.skip(missed),
                    Err(RecvError::Closed) => return self.close(),
                };
                if !has_watchers {
                    break;
                }
            }
        }
    }

    /// Queues an activity for the streams that send it. Returns false if there are no streams at all.
    fn deliver(&self, activity: &Arc<SharedActivity>) -> bool {
        self.for_each(|watcher| {
            if !(watcher.filter)(&activity.activity) {
                return;
            }
            let mut queue = watcher.queue.lock();
            let bytes = activity.bytes;
            let total = self.0.queued_bytes.load(Ordering::Relaxed);
            let has_room = queue.missed == 0
                && queue.activities.len() < watcher.max_activities
                && queue.bytes + bytes <= MAX_QUEUED_BYTES
                && total + bytes <= MAX_TOTAL_QUEUED_BYTES;
            if has_room {
                queue.activities.push_back(activity.clone());
                queue.bytes += bytes;
                self.0.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
            } else {
                queue.missed += 1;
            }
            watcher.wake.notify_one();
        })
    }

    fn skip(&self, missed: u64) -> bool {
        self.for_each(|watcher| {
            watcher.queue.lock().missed += missed;
            watcher.wake.notify_one();
        })
    }

    fn close(&self) {
        self.for_each(|watcher| {
            watcher.queue.lock().is_closed = true;
            watcher.wake.notify_one();
        });
    }

    fn for_each(&self, apply: impl Fn(&Watcher)) -> bool {
        let mut watchers = self.0.watchers.lock();
        watchers.by_id.values().for_each(|watcher| apply(watcher));
        watchers.is_listening = !watchers.by_id.is_empty();
        watchers.is_listening
    }
}

impl ActivityQueue {
    /// The next activity, or the number of those that were dropped. `None`: the engine has stopped.
    pub(crate) async fn next(&self) -> Option<NextActivity> {
        loop {
            if let Some(next) = self.take() {
                return Some(next);
            }
            if self.watcher.queue.lock().is_closed {
                return None;
            }
            self.watcher.wake.notified().await;
        }
    }

    fn take(&self) -> Option<NextActivity> {
        let mut queue = self.watcher.queue.lock();
        if let Some(activity) = queue.activities.pop_front() {
            queue.bytes -= activity.bytes;
            self.hub.release(activity.bytes);
            return Some(NextActivity::Activity(activity));
        }
        let missed = std::mem::take(&mut queue.missed);
        (missed > 0).then_some(NextActivity::Missed(missed))
    }
}

impl ActivityBroadcast {
    fn release(&self, bytes: usize) {
        self.0.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for ActivityQueue {
    fn drop(&mut self) {
        self.hub.0.watchers.lock().by_id.remove(&self.id);
        self.hub.release(self.watcher.queue.lock().bytes);
    }
}

#[cfg(test)]
mod tests {
    use sonnette::domain::{OrganizerId, WebhookId};
    use sonnette::engine::LaneState;

    use super::*;

    /// An activity that counts for so many bytes.
    fn activity(bytes: usize) -> Arc<SharedActivity> {
        let activity = Arc::new(Activity::Lane {
            organizer: OrganizerId(1),
            webhook: WebhookId(1),
            state: LaneState::Healthy,
        });
        Arc::new(SharedActivity {
            bytes,
            ..SharedActivity::new(activity)
        })
    }

    /// The number of activities that wait, and of those that were dropped.
    fn counts(queue: &ActivityQueue) -> (usize, u64) {
        let queue = queue.watcher.queue.lock();
        (queue.activities.len(), queue.missed)
    }

    #[tokio::test]
    async fn what_waits_for_one_stream_is_bounded() {
        let hub = ActivityBroadcast::start();
        let queue = hub.add_watcher(Box::new(|_| true), MAX_QUEUED_ACTIVITIES);
        for _ in 0..256 {
            hub.deliver(&activity(1));
        }
        assert_eq!(counts(&queue), (256, 0));
        hub.deliver(&activity(1));
        hub.deliver(&activity(1));
        assert_eq!(counts(&queue), (256, 2));
        for _ in 0..256 {
            assert!(matches!(
                queue.next().await,
                Some(NextActivity::Activity(_))
            ));
        }
        assert!(matches!(queue.next().await, Some(NextActivity::Missed(2))));
        hub.deliver(&activity(2 << 20));
        hub.deliver(&activity(1));
        assert_eq!(counts(&queue), (1, 1));
    }

    #[tokio::test]
    async fn what_waits_for_all_streams_is_bounded() {
        let hub = ActivityBroadcast::start();
        let add = || hub.add_watcher(Box::new(|_| true), MAX_QUEUED_ACTIVITIES);
        let queues: Vec<_> = (0..40).map(|_| add()).collect();
        hub.deliver(&activity(1 << 20));
        hub.deliver(&activity(1 << 20));
        let sums = |queues: &[ActivityQueue]| {
            queues
                .iter()
                .map(counts)
                .fold((0, 0), |sums, one| (sums.0 + one.0, sums.1 + one.1))
        };
        // 40 and 24 MiB.
        assert_eq!(sums(&queues), (64, 16));
        drop(queues);
        assert_eq!(hub.0.queued_bytes.load(Ordering::Relaxed), 0);
        let queue = add();
        hub.deliver(&activity(1 << 20));
        assert_eq!(counts(&queue), (1, 0));
    }

    #[tokio::test]
    async fn the_changes_of_a_page_are_joined() {
        let hub = ActivityBroadcast::start();
        let queue = hub.add_watcher(Box::new(|_| true), 0);
        for _ in 0..5 {
            hub.deliver(&activity(1));
        }
        assert!(matches!(queue.next().await, Some(NextActivity::Missed(5))));
        assert_eq!(counts(&queue), (0, 0));
    }
}
