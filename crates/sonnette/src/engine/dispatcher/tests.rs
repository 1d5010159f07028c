//! How many bytes a sending thread keeps in memory.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use tokio::task::{LocalSet, yield_now};

use super::scheduling::page_rows;
use super::{Dispatcher, MAX_QUEUED_BYTES};
use crate::clock::Clock as _;
use crate::domain::{
    ActionTypeName, AlertRules, DeliveryProgress, DialectName, EventFilter, FailurePolicy,
    HttpExchange, Language, Notification, NotificationId, Organizer, OrganizerId, PayloadShape,
    Secret, Secrets, Webhook, WebhookId, WebhookSettings, WebhookState,
};
use crate::engine::blocking::{BlockingExecutor, BlockingWork};
use crate::engine::committer::CommitDelays;
use crate::engine::lane::PAGE_ROWS;
use crate::engine::sender::{ConnectionPool, PreparedWebhook, Request, SenderConfig, Transport};
use crate::engine::{Options, Sonnette};
use crate::store::sqlite::SqliteStore;
use crate::store::{
    Actor, ChangeResult, NewAuditEntry, PendingDelivery, RegistryStore, WebhookStore,
};
use crate::testing::MockClock;

const ACTION_TYPE: &str = "pretix.event.order.placed";

/// Does the work at once.
struct ImmediateExecutor;

impl BlockingExecutor for ImmediateExecutor {
    fn execute(&self, work: BlockingWork) {
        work()();
    }
}

/// A receiver that never answers.
struct SilentTransport;

impl Transport for SilentTransport {
    fn prepare(&self, webhook: &Webhook) -> PreparedWebhook {
        PreparedWebhook::new(webhook, &HeaderValue::from_static("test"))
    }

    fn send<'a>(
        &'a self,
        _: &'a ConnectionPool,
        _: Request<'a>,
    ) -> Pin<Box<dyn Future<Output = HttpExchange> + 'a>> {
        Box::pin(std::future::pending())
    }
}

fn entry() -> NewAuditEntry {
    NewAuditEntry {
        actor: Actor::CommandLine,
        action: "test",
        data: serde_json::json!({}),
        at: jiff::Timestamp::UNIX_EPOCH,
    }
}

fn add_organizer(store: &SqliteStore) -> OrganizerId {
    let organizer = Organizer {
        id: OrganizerId(0),
        slug: "bigevents".parse().unwrap(),
        name: "Big Events".to_owned(),
        uuid: uuid::Uuid::new_v4(),
        language: Language::English,
        dialects: vec![DialectName::Pretix],
        contact_emails: Vec::new(),
        failure_policy: Some(FailurePolicy::Never),
    };
    match store.add_organizer(&organizer, entry()).unwrap() {
        ChangeResult::Done(organizer) => organizer.id,
        other => panic!("no organizer: {other:?}"),
    }
}

fn add_webhook(store: &SqliteStore, organizer: OrganizerId) -> WebhookId {
    let webhook = Webhook {
        id: WebhookId(0),
        organizer,
        state: WebhookState::Enabled,
        target: "http://localhost/".parse().unwrap(),
        generation: 0,
        events: EventFilter::All,
        action_types: vec![ACTION_TYPE.parse::<ActionTypeName>().unwrap()],
        comment: None,
        secrets: Secrets {
            current: Secret::from_random([1; 32]),
            previous: None,
        },
        settings: WebhookSettings::default(),
    };
    store.add_webhook(&webhook, entry(), None).unwrap().id
}

/// The dispatcher of an engine that has one request in flight at most.
fn dispatcher(store: SqliteStore, clock: MockClock) -> Rc<Dispatcher> {
    let options = Options {
        sender: SenderConfig::default(),
        log_retention: Duration::from_hours(720),
        alerts: AlertRules::default(),
        sending_threads: 1,
        max_in_flight: 1,
    };
    let sonnette = Sonnette::assemble(
        Arc::new(store),
        Arc::new(clock),
        &options,
        Arc::new(ImmediateExecutor),
        CommitDelays::default(),
    );
    let context = sonnette.unwrap().context.clone();
    let rng = fastrand::Rng::with_seed(1);
    Dispatcher::new(context, 0, Box::new(SilentTransport), rng)
}

/// Deliveries that take 256 KiB each with their overhead.
fn deliveries(webhook: WebhookId, count: usize) -> Vec<(WebhookId, PendingDelivery)> {
    let published_at = MockClock::default().now();
    let delivery = |number: usize| PendingDelivery {
        notification: Arc::new(Notification {
            id: NotificationId(number.try_into().unwrap()),
            organizer: OrganizerId(1),
            action_type: ACTION_TYPE.parse().unwrap(),
            event: None,
            published_at,
            shape: PayloadShape::Custom,
            body: vec![b' '; (256 << 10) - 256].into(),
        }),
        progress: DeliveryProgress::new(published_at),
    };
    (1..=count).map(|n| (webhook, delivery(n))).collect()
}

#[tokio::test]
async fn deliveries_beyond_32_mib_stay_in_the_store() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path()).unwrap();
    let organizer = add_organizer(&store);
    let webhooks: Vec<_> = (0..20).map(|_| add_webhook(&store, organizer)).collect();
    let dispatcher = dispatcher(store, MockClock::default());
    let check = async {
        dispatcher.open_lanes(webhooks.clone());
        while dispatcher.lanes().len() < webhooks.len() {
            yield_now().await;
        }
        for _ in 0..9 {
            yield_now().await;
        }
        // Eight of them are what a lane keeps in memory, and 16 lanes what the thread does.
        for webhook in &webhooks {
            dispatcher.inbox().hand_over(deliveries(*webhook, 8));
        }
        dispatcher.run_once();
        let entries = dispatcher.entries.borrow();
        let queued: Vec<_> = entries
            .values()
            .map(|entry| entry.lane.borrow().as_ref().unwrap().queued_bytes() >> 10)
            .collect();
        let expected: Vec<_> = [7 * 256]
            .into_iter()
            .chain([8 * 256; 15])
            .chain([0; 4])
            .collect();
        assert_eq!(queued, expected, "the first request has begun");
        assert_eq!(
            dispatcher.queued_bytes.get(),
            MAX_QUEUED_BYTES - (256 << 10)
        );
    };
    LocalSet::new().run_until(check).await;
}

#[test]
fn a_lane_loads_few_rows_while_the_memory_of_the_thread_is_full() {
    let in_flight = 5;
    let rows = PAGE_ROWS + in_flight;
    assert_eq!(page_rows(rows, (32 << 20) - 1), 512 + in_flight);
    assert_eq!(page_rows(rows, 32 << 20), 16 + in_flight);
}
