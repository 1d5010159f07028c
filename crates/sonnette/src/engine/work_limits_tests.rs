//! How many requests of an organizer wait for work that may block, and on how many threads that work runs.

use std::collections::HashSet;
use std::pin::Pin;
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread::{self, ThreadId};
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::value::RawValue;

use super::blocking::{BlockingExecutor, BlockingWork};
use super::committer::CommitDelays;
use super::sender::SenderConfig;
use super::sonnette::build_sending_runtime;
use super::{Options, PublishError, PublishRequest, Sonnette};
use crate::domain::{AlertRules, DialectName, FailurePolicy, Language, Organizer, OrganizerId};
use crate::store::sqlite::SqliteStore;
use crate::store::{
    Actor, ChangeResult, NewAuditEntry, PublicationGroup, RegistryStore, StoreError,
};
use crate::testing::MockClock;

/// Keeps the work that is to be done.
#[derive(Default)]
struct HoldingExecutor(Mutex<Vec<BlockingWork>>);

impl BlockingExecutor for HoldingExecutor {
    fn execute(&self, work: BlockingWork) {
        self.0.lock().push(work);
    }
}

impl HoldingExecutor {
    fn work_count(&self) -> usize {
        self.0.lock().len()
    }

    /// Does the work that came first.
    fn run_first(&self) {
        let work = self.0.lock().remove(0);
        work()();
    }
}

struct IdleEngine {
    sonnette: Sonnette,
    executor: Arc<HoldingExecutor>,
    organizers: Vec<OrganizerId>,
    _directory: tempfile::TempDir,
}

/// An engine without threads, which has so many organizers.
fn idle_engine(organizers: usize) -> IdleEngine {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path()).unwrap();
    let organizers = (0..organizers)
        .map(|number| add_organizer(&store, &format!("organizer{number}")))
        .collect();
    let options = Options {
        sender: SenderConfig::default(),
        log_retention: Duration::from_hours(720),
        alerts: AlertRules::default(),
        sending_threads: 1,
        max_in_flight: 1,
    };
    let executor = Arc::new(HoldingExecutor::default());
    let sonnette = Sonnette::assemble(
        Arc::new(store),
        Arc::new(MockClock::default()),
        &options,
        executor.clone(),
        CommitDelays::default(),
    );
    IdleEngine {
        sonnette: sonnette.unwrap(),
        executor,
        organizers,
        _directory: directory,
    }
}

fn add_organizer(store: &SqliteStore, slug: &str) -> OrganizerId {
    let organizer = Organizer {
        id: OrganizerId(0),
        slug: slug.parse().unwrap(),
        name: slug.to_owned(),
        uuid: uuid::Uuid::new_v4(),
        language: Language::English,
        dialects: vec![DialectName::Pretix],
        contact_emails: Vec::new(),
        failure_policy: Some(FailurePolicy::Never),
    };
    let entry = NewAuditEntry {
        actor: Actor::CommandLine,
        action: "test",
        data: serde_json::json!({}),
        at: jiff::Timestamp::UNIX_EPOCH,
    };
    match store.add_organizer(&organizer, entry).unwrap() {
        ChangeResult::Done(organizer) => organizer.id,
        other => panic!("no organizer: {other:?}"),
    }
}

type PendingRequest<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

fn poll<T>(request: &mut PendingRequest<'_, T>) -> Option<T> {
    match request
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

impl IdleEngine {
    fn scan(&self, organizer: usize) -> PendingRequest<'_, Result<(), StoreError>> {
        let organizer = self.organizers[organizer];
        Box::pin(self.sonnette.run_scan(Some(organizer), || Ok(())))
    }

    /// A publication that is too long for the thread of the request.
    fn prepare(
        &self,
        organizer: usize,
    ) -> PendingRequest<'_, Result<PublicationGroup, PublishError>> {
        let registry = self.sonnette.registry();
        let snapshot = registry.organizer_by_id(self.organizers[organizer]);
        let data = format!(r#"{{"code":"{}"}}"#, "A".repeat(140_000));
        let request = || PublishRequest {
            action_type: "pretix.event.order.placed".to_owned(),
            event: Some("democon".parse().unwrap()),
            data: RawValue::from_string(data.clone()).unwrap(),
            idempotency_key: None,
            subject: None,
        };
        let requests = vec![request(), request()];
        Box::pin(self.sonnette.prepare(snapshot.unwrap(), None, requests))
    }
}

/// Begins requests of the first organizer until one is refused, and one of each other. Returns how many of the first
/// organizer were not refused, and how many of all can run at a time.
fn fill<'a, T, E>(
    engine: &'a IdleEngine,
    begin: impl Fn(usize) -> PendingRequest<'a, Result<T, E>>,
    is_expected: impl Fn(&E) -> bool,
) -> (usize, usize) {
    let mut waiting = Vec::new();
    let refusal = loop {
        let mut request = begin(0);
        match poll(&mut request) {
            None => waiting.push(request),
            Some(result) => break result,
        }
    };
    assert!(refusal.is_err_and(|error| is_expected(&error)));
    assert_eq!(engine.executor.work_count(), 1, "one of each organizer");
    let accepted = waiting.len();
    for organizer in 1..engine.organizers.len() {
        let mut request = begin(organizer);
        assert!(poll(&mut request).is_none(), "others may wait as well");
        waiting.push(request);
    }
    let running = engine.executor.work_count();
    engine.executor.run_first();
    let ended = waiting.iter_mut().filter_map(poll).count();
    assert_eq!(ended, 1);
    assert_eq!(
        engine.executor.work_count(),
        running,
        "the next one has begun"
    );
    (accepted, running)
}

#[test]
fn one_scan_of_an_organizer_runs_and_31_wait() {
    let engine = idle_engine(6);
    let is_expected = |error: &StoreError| matches!(error, StoreError::Unavailable(_));
    let counts = fill(&engine, |organizer| engine.scan(organizer), is_expected);
    assert_eq!(counts, (1 + 31, 4));
}

#[test]
fn one_check_of_an_organizer_runs_and_64_wait() {
    let engine = idle_engine(4);
    let is_expected = |error: &PublishError| matches!(error, PublishError::Unavailable);
    let counts = fill(&engine, |organizer| engine.prepare(organizer), is_expected);
    assert_eq!(counts, (1 + 64, 2));
}

#[test]
fn a_sending_thread_has_eight_threads_for_the_store() {
    let runtime = build_sending_runtime().unwrap();
    let (report_start, starts) = mpsc::channel::<ThreadId>();
    let gate = Arc::new(Mutex::new(()));
    let start_work = || {
        let (gate, report_start) = (gate.clone(), report_start.clone());
        runtime.spawn_blocking(move || {
            report_start.send(thread::current().id()).unwrap();
            drop(gate.lock());
        });
    };
    let closed = gate.lock();
    (0..8).for_each(|_| start_work());
    let threads: HashSet<_> = starts.iter().take(8).collect();
    assert_eq!(threads.len(), 8);
    // All threads are in use: the runtime would start one more now, if it were allowed to.
    start_work();
    drop(closed);
    assert!(threads.contains(&starts.recv().unwrap()));
}
