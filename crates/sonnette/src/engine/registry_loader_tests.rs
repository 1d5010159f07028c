//! Who shares a read of the store, and who does not.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use tokio::sync::broadcast;

use super::dispatcher::inbox::Inboxes;
use super::registry_loader::RegistryLoader;
use super::registry_snapshot::RegistrySnapshot;
use super::supervisor::Supervisor;
use crate::domain::{Event, EventId, EventSlug, Organizer, OrganizerId, RegisteredActionType};
use crate::store::{ChangeResult, NewAuditEntry, RegistryChanges, RegistryStore, StoreError};

/// Counts how often it is read.
#[derive(Default)]
struct CountingStore {
    version: AtomicI64,
    version_reads: AtomicUsize,
    loads: AtomicUsize,
    fails: AtomicBool,
    /// Runs once, within the next read of the version.
    during_read: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl CountingStore {
    /// Reads of the version and loads since the last look.
    fn reads(&self) -> (usize, usize) {
        let take = |count: &AtomicUsize| count.swap(0, Ordering::Relaxed);
        (take(&self.version_reads), take(&self.loads))
    }

    fn change(&self) {
        self.version.fetch_add(1, Ordering::Relaxed);
    }
}

impl RegistryStore for CountingStore {
    fn version(&self) -> Result<i64, StoreError> {
        self.version_reads.fetch_add(1, Ordering::Relaxed);
        if let Some(work) = self.during_read.lock().take() {
            work();
        }
        if self.fails.load(Ordering::Relaxed) {
            return Err(StoreError::Unavailable("disk full".into()));
        }
        Ok(self.version.load(Ordering::Relaxed))
    }

    fn load(&self, _: i64) -> Result<RegistryChanges, StoreError> {
        self.loads.fetch_add(1, Ordering::Relaxed);
        Ok(RegistryChanges {
            version: self.version.load(Ordering::Relaxed),
            ..RegistryChanges::default()
        })
    }

    fn add_organizer(
        &self,
        _: &Organizer,
        _: NewAuditEntry,
    ) -> Result<ChangeResult<Organizer>, StoreError> {
        unreachable!("the loader only reads")
    }

    fn change_organizer(
        &self,
        _: OrganizerId,
        _: &mut dyn FnMut(&mut Organizer) -> bool,
        _: NewAuditEntry,
    ) -> Result<ChangeResult<Organizer>, StoreError> {
        unreachable!("the loader only reads")
    }

    fn events(&self, _: OrganizerId) -> Result<Vec<Event>, StoreError> {
        unreachable!("the loader only reads")
    }

    fn add_event(
        &self,
        _: OrganizerId,
        _: &Event,
        _: NewAuditEntry,
    ) -> Result<ChangeResult<Event>, StoreError> {
        unreachable!("the loader only reads")
    }

    fn change_event(
        &self,
        _: OrganizerId,
        _: &EventSlug,
        _: &str,
        _: Option<crate::domain::UtcDateTime>,
        _: NewAuditEntry,
    ) -> Result<ChangeResult<EventId>, StoreError> {
        unreachable!("the loader only reads")
    }

    fn remove_event(
        &self,
        _: OrganizerId,
        _: &EventSlug,
        _: NewAuditEntry,
    ) -> Result<ChangeResult<EventId>, StoreError> {
        unreachable!("the loader only reads")
    }

    fn add_action_type(
        &self,
        _: &RegisteredActionType,
        _: NewAuditEntry,
    ) -> Result<ChangeResult<i64>, StoreError> {
        unreachable!("the loader only reads")
    }

    fn change_action_type(
        &self,
        _: &RegisteredActionType,
        _: NewAuditEntry,
    ) -> Result<ChangeResult<i64>, StoreError> {
        unreachable!("the loader only reads")
    }

    fn remove_action_type(
        &self,
        _: &RegisteredActionType,
        _: NewAuditEntry,
    ) -> Result<ChangeResult<i64>, StoreError> {
        unreachable!("the loader only reads")
    }
}

type Answer = Result<Arc<RegistrySnapshot>, StoreError>;
type Waiting = Pin<Box<dyn Future<Output = Answer> + Send>>;

fn loader() -> (Arc<CountingStore>, Arc<RegistryLoader>) {
    let store = Arc::new(CountingStore::default());
    store.change();
    let (activity, _) = broadcast::channel(1);
    let loader = RegistryLoader::new(store.clone(), Inboxes::new(1), activity).unwrap();
    store.reads();
    (store, Arc::new(loader))
}

fn poll(waiting: &mut Waiting) -> Poll<Answer> {
    pin!(waiting).poll(&mut Context::from_waker(Waker::noop()))
}

/// A refresh that has asked the loader, which does nothing until it is told to.
fn waiting(loader: &Arc<RegistryLoader>) -> Waiting {
    let loader = loader.clone();
    let mut waiting: Waiting = Box::pin(async move { loader.refresh().await.expect("it runs") });
    assert!(poll(&mut waiting).is_pending());
    waiting
}

fn version_of(waiting: &mut Waiting) -> i64 {
    match poll(waiting) {
        Poll::Ready(Ok(registry)) => registry.version(),
        Poll::Ready(Err(error)) => panic!("{error}"),
        Poll::Pending => panic!("not answered"),
    }
}

#[test]
fn waiting_requests_share_one_read_of_the_version_and_one_load() {
    let (store, loader) = loader();
    let mut waiters: Vec<_> = (0..100).map(|_| waiting(&loader)).collect();
    assert_eq!(store.reads(), (0, 0), "no caller reads the store itself");
    loader.run_once();
    assert!(waiters.iter_mut().all(|waiter| version_of(waiter) == 1));
    assert_eq!(store.reads(), (1, 0));

    let mut waiters: Vec<_> = (0..100).map(|_| waiting(&loader)).collect();
    store.change();
    loader.run_once();
    assert!(waiters.iter_mut().all(|waiter| version_of(waiter) == 2));
    assert_eq!(store.reads(), (1, 1));
    assert_eq!((loader.version(), loader.current().version()), (2, 2));
    loader.run_once();
    assert_eq!(store.reads(), (0, 0), "nobody asked");
}

#[test]
fn a_request_during_a_read_waits_for_the_next_read() {
    let (store, loader) = loader();
    let mut first = waiting(&loader);
    let late = Arc::new(Mutex::new(None));
    let (asked, asking, changed) = (late.clone(), loader.clone(), store.clone());
    *store.during_read.lock() = Some(Box::new(move || {
        *asked.lock() = Some(waiting(&asking));
        // The read that is under way may or may not see this.
        changed.change();
    }));
    loader.run_once();
    version_of(&mut first);
    let mut second = late.lock().take().unwrap();
    assert!(poll(&mut second).is_pending());
    store.change();
    loader.run_once();
    assert_eq!(version_of(&mut second), 3);
}

#[test]
fn a_failed_read_is_answered_to_all_and_forgotten() {
    let (store, loader) = loader();
    store.fails.store(true, Ordering::Relaxed);
    let mut waiters: Vec<_> = (0..3).map(|_| waiting(&loader)).collect();
    loader.run_once();
    for waiter in &mut waiters {
        let Poll::Ready(Err(StoreError::Unavailable(reason))) = poll(waiter) else {
            panic!("not failed");
        };
        assert_eq!(reason.to_string(), "disk full");
    }
    assert_eq!(loader.current().version(), 1, "what was known stays");
    store.fails.store(false, Ordering::Relaxed);
    let mut again = waiting(&loader);
    loader.run_once();
    assert_eq!(version_of(&mut again), 1);
}

#[test]
fn stopping_answers_waiting_requests_and_refuses_later_ones() {
    let (_, loader) = loader();
    let mut before = waiting(&loader);
    loader.stop();
    loader.run();
    assert_eq!(version_of(&mut before), 1);
    let after = pin!(loader.refresh());
    let refused = after.poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(refused, Poll::Ready(None)));
    assert_eq!(loader.refresh_blocking().unwrap().version(), 1);
}

#[tokio::test]
async fn a_panic_of_the_loader_is_reported_and_ends_all_waits() {
    let (store, loader) = loader();
    // Within the read somebody else begins to wait; then it panics.
    let (asking, late) = (loader.clone(), Arc::new(Mutex::new(None)));
    let asked = late.clone();
    *store.during_read.lock() = Some(Box::new(move || {
        let mut refresh = Box::pin(async move { asking.refresh().await });
        assert!(
            refresh
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
                .is_pending()
        );
        *asked.lock() = Some(refresh);
        panic!("the store is broken");
    }));
    let supervisor = Supervisor::default();
    let running = loader.clone();
    let thread = supervisor.spawn("registry", move || running.run()).unwrap();
    assert!(loader.refresh().await.is_none(), "dropped by the panic");
    let failure = supervisor.wait_for_failure().await;
    assert_eq!(
        failure.to_string(),
        "the thread registry failed: the store is broken"
    );
    thread.join().unwrap();
    let late = late.lock().take().unwrap();
    assert!(late.await.is_none(), "asked during the read");
    assert!(loader.refresh().await.is_none(), "asked afterwards");
    assert_eq!(loader.refresh_blocking().unwrap().version(), 1);
}
