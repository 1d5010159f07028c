//! A simulated machine: its disk, its clock, the process that may crash, and what the world outside knows.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::Rc;
use std::sync::{Arc, LazyLock, Once};
use std::time::Duration;

use fastrand::Rng;
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::task::{LocalSet, yield_now};

use super::executor::SteppedExecutor;
use super::model::Model;
use super::store::{FailingStore, Faults};
use super::transport::ScriptedTransport;
use crate::clock::Clock;
use crate::domain::{
    ActionTypeName, AlertRules, DialectName, EventFilter, FailurePolicy, Language, Organizer,
    OrganizerId, PayloadShape, RegisteredActionType, Secret, Secrets, Webhook, WebhookId,
    WebhookSettings, WebhookState,
};
use crate::engine::committer::{CommitDelays, WrittenBatch};
use crate::engine::dispatcher::Dispatcher;
use crate::engine::sender::SenderConfig;
use crate::engine::{Options, Sonnette};
use crate::store::sqlite::SqliteStore;
use crate::store::{
    Actor, ChangeResult, DeliveryStore, NewAuditEntry, RegistryStore, Store, WebhookStore,
};
use crate::testing::MockClock;

/// How often all tasks get their turn after something has happened.
const YIELDS_PER_EVENT: usize = 4;

/// What a crash takes away.
pub(super) struct Process {
    pub(super) sonnette: Arc<Sonnette>,
    pub(super) store: Arc<FailingStore>,
    pub(super) dispatchers: Vec<Rc<Dispatcher>>,
    /// What the commit thread has written and not yet told of.
    pub(super) written: Option<Vec<WrittenBatch>>,
    pub(super) tasks: LocalSet,
}

pub(super) struct World {
    pub(super) rng: Rng,
    pub(super) seed: u64,
    pub(super) step: usize,
    pub(super) clock: MockClock,
    pub(super) faults: Arc<Faults>,
    pub(super) executor: Arc<SteppedExecutor>,
    pub(super) model: Rc<RefCell<Model>>,
    pub(super) process: Option<Process>,
    pub(super) next_name: u32,
    pub(super) directory: TempDir,
}

thread_local! {
    /// Panics of tasks, which the runtime catches.
    static TASK_PANICS: Cell<u32> = const { Cell::new(0) };
}

/// A file with two organizers: one with two webhooks that many failures disable, one with a webhook that only a 410 does.
static DATABASE_TEMPLATE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path()).unwrap();
    let strict = FailurePolicy::After {
        failures: 12,
        lasting: jiff::SignedDuration::from_mins(30),
    };
    for (name, policy, webhooks) in [("a", strict, 2), ("b", FailurePolicy::Never, 1)] {
        let organizer = Organizer {
            id: OrganizerId(0),
            slug: name.parse().unwrap(),
            name: name.to_owned(),
            uuid: uuid::Uuid::new_v4(),
            language: Language::English,
            dialects: vec![DialectName::Custom],
            contact_emails: Vec::new(),
            failure_policy: Some(policy),
        };
        let added = store.add_organizer(&organizer, note(&*name_clock()));
        let ChangeResult::Done(organizer) = added.unwrap() else {
            panic!("not added")
        };
        let action = RegisteredActionType {
            id: 0,
            organizer: Some(organizer.id),
            name: action(),
            description: String::new(),
            schema: None,
            example: Some(serde_json::json!({})),
            shape: PayloadShape::Custom,
            from_file: false,
        };
        store
            .add_action_type(&action, note(&*name_clock()))
            .unwrap();
        for number in 0..webhooks {
            let webhook = webhook(organizer.id, &format!("http://{name}{number}.test/"));
            store
                .add_webhook(&webhook, note(&*name_clock()), None)
                .unwrap();
        }
    }
    let copy = directory.path().join("copy.db");
    store.backup(&copy).unwrap();
    std::fs::read(copy).unwrap()
});

fn name_clock() -> Box<dyn Clock> {
    Box::new(MockClock::default())
}

pub(super) fn action() -> ActionTypeName {
    "test.happened".parse().unwrap()
}

pub(super) fn note(clock: &dyn Clock) -> NewAuditEntry {
    NewAuditEntry {
        actor: Actor::CommandLine,
        action: "simulation",
        data: serde_json::json!({}),
        at: clock.now(),
    }
}

fn webhook(organizer: OrganizerId, url: &str) -> Webhook {
    Webhook {
        id: WebhookId(0),
        organizer,
        state: WebhookState::Enabled,
        target: url.parse().unwrap(),
        generation: 0,
        events: EventFilter::All,
        action_types: vec![action()],
        comment: None,
        secrets: Secrets {
            current: Secret::from_random([1; 32]),
            previous: None,
        },
        settings: WebhookSettings::default(),
    }
}

/// In memory where the system has such a place: nothing here is worth a disk's time.
fn new_directory() -> TempDir {
    let memory = Path::new("/dev/shm");
    let in_memory = memory.is_dir().then(|| tempfile::tempdir_in(memory).ok());
    let directory = in_memory
        .flatten()
        .unwrap_or_else(|| tempfile::tempdir().unwrap());
    std::fs::write(directory.path().join("sonnette.db"), &*DATABASE_TEMPLATE).unwrap();
    directory
}

fn count_panics() {
    static INSTALL_PANIC_COUNTER: Once = Once::new();
    INSTALL_PANIC_COUNTER.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            TASK_PANICS.set(TASK_PANICS.get() + 1);
            before(panic);
        }));
    });
    TASK_PANICS.set(0);
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        count_panics();
        let clock = MockClock::default();
        let directory = new_directory();
        let database = Connection::open(directory.path().join("sonnette.db")).unwrap();
        let mut world = Self {
            rng: Rng::with_seed(seed),
            seed,
            step: 0,
            clock: clock.clone(),
            faults: Arc::new(Faults::new(seed)),
            executor: Arc::default(),
            model: Rc::new(RefCell::new(Model::new(database, clock))),
            process: None,
            next_name: 0,
            directory,
        };
        world.start();
        world.model.borrow_mut().read_versions();
        world
    }

    /// Starts the process on what the disk holds.
    pub(super) fn start(&mut self) {
        let store = Arc::new(FailingStore {
            inner: SqliteStore::open(self.directory.path()).unwrap(),
            faults: self.faults.clone(),
        });
        self.faults.set_per_mille(0);
        let options = Options {
            sender: SenderConfig::default(),
            log_retention: Duration::from_hours(720),
            alerts: AlertRules::default(),
            sending_threads: self.rng.usize(1..3),
            max_in_flight: [4, 16, 2_048][self.rng.usize(..3)],
        };
        let as_store: Arc<dyn Store> = store.clone();
        let delays = CommitDelays {
            idle: Duration::ZERO,
            settlement: Duration::ZERO,
            retry: Duration::ZERO,
        };
        let clock = Arc::new(self.clock.clone());
        let sonnette = Sonnette::assemble(as_store, clock, &options, self.executor.clone(), delays);
        let sonnette = Arc::new(sonnette.unwrap());
        let context = &sonnette.context;
        let waiting = store.lanes_with_pending_deliveries().unwrap();
        let tasks = LocalSet::new();
        let mut dispatchers = Vec::new();
        for thread in 0..context.inboxes.len() {
            let transport = Box::new(ScriptedTransport(self.model.clone()));
            let rng = Rng::with_seed(self.rng.u64(..));
            let dispatcher = Dispatcher::new(context.clone(), thread, transport, rng);
            let own = waiting.iter().copied();
            let own = own
                .filter(|w| context.inboxes.thread_of(*w) == thread)
                .collect();
            let _entered = tasks.enter();
            dispatcher.open_lanes(own);
            dispatchers.push(dispatcher);
        }
        self.faults
            .set_per_mille([0, 0, 10, 60][self.rng.usize(..4)]);
        self.process = Some(Process {
            sonnette,
            store,
            dispatchers,
            written: None,
            tasks,
        });
    }

    /// Everything in memory is gone.
    pub(super) fn crash(&mut self) {
        self.model.borrow_mut().log("the process ends");
        self.process = None;
        self.executor.clear();
        self.model.borrow_mut().record_crash();
        self.start();
    }

    /// Does one thing, and whatever tasks do of themselves then; nothing of it may break a rule.
    pub(super) async fn step(&mut self) {
        self.step += 1;
        let mut process = self.process.take().unwrap();
        let tasks = std::mem::take(&mut process.tasks);
        let must_crash = tasks
            .run_until(async {
                self.process = Some(process);
                let must_crash = self.run_random_action().await;
                for _ in 0..YIELDS_PER_EVENT {
                    yield_now().await;
                }
                must_crash
            })
            .await;
        self.process.as_mut().unwrap().tasks = tasks;
        self.check();
        if must_crash {
            self.crash();
        }
    }

    /// Fails if a rule was broken.
    pub(super) fn check(&mut self) {
        self.check_rules();
        let model = self.model.borrow();
        let panics = TASK_PANICS.get();
        if model.violations.is_empty() && panics == 0 {
            return;
        }
        let (seed, step) = (self.seed, self.step);
        if std::env::var_os("SONNETTE_SIMULATION_SEED").is_some() {
            for line in &model.trace {
                eprintln!("{line}");
            }
        }
        let what = model.violations.join("; ");
        drop(model);
        panic!(
            "step {step}: {what} ({panics} tasks panicked); run it again with SONNETTE_SIMULATION_SEED={seed}"
        );
    }

    pub(super) fn into_trace(mut self) -> Vec<String> {
        self.process = None;
        self.executor.clear();
        std::mem::take(&mut self.model.borrow_mut().trace)
    }
}
