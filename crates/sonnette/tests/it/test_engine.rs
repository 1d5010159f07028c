//! A running engine on a store of its own, with one organizer, and what tests do with it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;
use sonnette::Sonnette;
use sonnette::clock::{Clock, SystemClock};
use sonnette::domain::{
    ActionTypeName, AlertRules, DialectName, DisableReason, EventFilter, FailurePolicy, Language,
    Organizer, OrganizerId, Secret, Secrets, Webhook, WebhookId, WebhookSettings, WebhookState,
};
use sonnette::engine::sender::{Resolver, SenderConfig};
use sonnette::engine::{
    Options, OrganizerSnapshot, PublishError, PublishRequest, PublishedNotification,
};
use sonnette::store::sqlite::SqliteStore;
use sonnette::store::{
    Actor, AttemptQuery, BatchAuditEntry, ChangeResult, History, NewAuditEntry, RegistryStore,
    Store, WebhookStore,
};

/// A note for the audit log that no test looks at.
pub(crate) fn note() -> NewAuditEntry {
    NewAuditEntry {
        actor: Actor::CommandLine,
        action: "test",
        data: serde_json::json!({}),
        at: SystemClock.now(),
    }
}

pub(crate) fn batch_entry() -> BatchAuditEntry {
    note().into()
}

/// An organizer as tests have it.
pub(crate) fn organizer(slug: &str) -> Organizer {
    Organizer {
        id: OrganizerId(0),
        slug: slug.parse().unwrap(),
        name: slug.to_owned(),
        uuid: uuid::Uuid::new_v4(),
        language: Language::English,
        dialects: vec![DialectName::Pretix, DialectName::Custom],
        contact_emails: Vec::new(),
        failure_policy: Some(FailurePolicy::Never),
    }
}

/// A webhook as tests have it.
pub(crate) fn webhook(organizer: OrganizerId, url: &str, names: &[&str]) -> Webhook {
    Webhook {
        id: WebhookId(0),
        organizer,
        state: WebhookState::Enabled,
        target: url.parse().unwrap(),
        generation: 0,
        events: EventFilter::All,
        action_types: names
            .iter()
            .map(|n| n.parse::<ActionTypeName>().unwrap())
            .collect(),
        comment: None,
        secrets: Secrets {
            current: Secret::from_random([7; 32]),
            previous: None,
        },
        settings: WebhookSettings::default(),
    }
}

pub(crate) struct TestEngine {
    pub(crate) sonnette: Arc<Sonnette>,
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) organizer: OrganizerId,
}

impl TestEngine {
    /// Starts on a directory; a second time it finds what the first left.
    pub(crate) fn start(directory: &Path) -> Self {
        Self::open(
            directory,
            Arc::new(SystemClock),
            AlertRules::default(),
            2_048,
        )
    }

    /// With a clock of the test's own.
    pub(crate) fn start_at(directory: &Path, clock: Arc<dyn Clock>) -> Self {
        Self::open(directory, clock, AlertRules::default(), 2_048)
    }

    /// With rules of its own for alerts.
    pub(crate) fn start_with(directory: &Path, alerts: AlertRules) -> Self {
        Self::open(directory, Arc::new(SystemClock), alerts, 2_048)
    }

    /// With so many requests in flight at most.
    pub(crate) fn start_with_capacity(directory: &Path, max_in_flight: usize) -> Self {
        let alerts = AlertRules::default();
        Self::open(directory, Arc::new(SystemClock), alerts, max_in_flight)
    }

    /// With so many sending threads.
    pub(crate) fn start_with_threads(directory: &Path, sending_threads: usize) -> Self {
        let (clock, alerts) = (Arc::new(SystemClock), AlertRules::default());
        Self::open_with(
            directory,
            clock,
            alerts,
            2_048,
            sending_threads,
            Resolver::default(),
        )
    }

    /// With another way to look up names.
    pub(crate) fn start_with_resolver(directory: &Path, resolver: Resolver) -> Self {
        let (clock, alerts) = (Arc::new(SystemClock), AlertRules::default());
        Self::open_with(directory, clock, alerts, 2_048, 1, resolver)
    }

    fn open(
        directory: &Path,
        clock: Arc<dyn Clock>,
        alerts: AlertRules,
        max_in_flight: usize,
    ) -> Self {
        Self::open_with(
            directory,
            clock,
            alerts,
            max_in_flight,
            1,
            Resolver::default(),
        )
    }

    fn open_with(
        directory: &Path,
        clock: Arc<dyn Clock>,
        alerts: AlertRules,
        max_in_flight: usize,
        sending_threads: usize,
        resolver: Resolver,
    ) -> Self {
        let store = Arc::new(SqliteStore::open(directory).unwrap());
        let known = store.load(0).unwrap().organizers.pop().map(|o| o.id);
        let organizer = known.unwrap_or_else(|| {
            match store
                .add_organizer(&organizer("bigevents"), note())
                .unwrap()
            {
                ChangeResult::Done(organizer) => organizer.id,
                other => panic!("no organizer: {other:?}"),
            }
        });
        let options = Options {
            sender: SenderConfig {
                timeout: Duration::from_secs(2),
                allow: vec!["127.0.0.0/8".parse().unwrap()],
                resolver,
                ..SenderConfig::default()
            },
            log_retention: Duration::from_hours(720),
            alerts,
            sending_threads,
            max_in_flight,
        };
        let as_store: Arc<dyn Store> = store.clone();
        let sonnette = Sonnette::start(as_store, clock, &options).unwrap();
        Self {
            sonnette,
            store,
            organizer,
        }
    }

    /// Has the organizer speak these dialects.
    pub(crate) async fn set_dialects(&self, dialects: &[DialectName]) {
        let mut change = |organizer: &mut Organizer| {
            organizer.dialects = dialects.to_vec();
            true
        };
        self.store
            .change_organizer(self.organizer, &mut change, note())
            .unwrap();
        self.sonnette.refresh().await.unwrap();
    }

    pub(crate) async fn organizer_snapshot(&self) -> Arc<OrganizerSnapshot> {
        self.sonnette
            .refresh()
            .await
            .unwrap()
            .organizer_by_id(self.organizer)
            .unwrap()
            .clone()
    }

    pub(crate) fn add_webhook(&self, url: &str, names: &[&str]) -> WebhookId {
        self.store
            .add_webhook(&webhook(self.organizer, url, names), note(), None)
            .unwrap()
            .id
    }

    pub(crate) async fn change_webhook(&self, id: WebhookId, change: impl Fn(&mut Webhook)) {
        let mut change = |w: &mut Webhook| {
            change(w);
            true
        };
        let changed = self
            .store
            .change_webhook(self.organizer, id, &mut change, note(), None)
            .unwrap();
        assert!(matches!(changed, ChangeResult::Done(_)), "{changed:?}");
        self.sonnette.refresh().await.unwrap();
    }

    /// Switches webhooks off after so many failures in a row, over at least so many seconds; mails `ops@example.org`.
    pub(crate) async fn disable_after(&self, failures: u32, seconds: i64) {
        let mut change = |organizer: &mut Organizer| {
            organizer.contact_emails = vec!["ops@example.org".to_owned()];
            organizer.failure_policy = Some(FailurePolicy::After {
                failures,
                lasting: jiff::SignedDuration::from_secs(seconds),
            });
            true
        };
        let changed = self
            .store
            .change_organizer(self.organizer, &mut change, note())
            .unwrap();
        assert!(matches!(changed, ChangeResult::Done(_)), "{changed:?}");
        self.sonnette.refresh().await.unwrap();
    }

    /// Why the webhook is off, if it is.
    pub(crate) async fn disabled(&self, id: WebhookId) -> Option<DisableReason> {
        match self
            .sonnette
            .refresh()
            .await
            .unwrap()
            .webhook(id)
            .unwrap()
            .state
        {
            WebhookState::Enabled => None,
            WebhookState::Disabled(disabled) => Some(disabled.reason),
        }
    }

    /// Waits until `count` attempts have been settled; the store is up to date for all but the last few milliseconds.
    pub(crate) async fn settled(&self, webhook: WebhookId, count: usize) {
        let mut news = self.sonnette.watch();
        let wait = async {
            loop {
                let query = AttemptQuery {
                    limit: 1000,
                    ..Default::default()
                };
                if self.store.attempts(&[webhook], &query).unwrap().len() >= count {
                    return;
                }
                // Either news of an attempt, or the commit that follows it.
                let _ = tokio::time::timeout(Duration::from_millis(20), news.recv()).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), wait)
            .await
            .expect("attempts are settled");
    }

    pub(crate) async fn publish(
        &self,
        requests: Vec<PublishRequest>,
    ) -> Result<Vec<PublishedNotification>, PublishError> {
        self.sonnette
            .publish(&*self.organizer_snapshot().await, None, requests)
            .await
    }

    /// Publishes that an order was placed.
    pub(crate) async fn order(&self, code: &str) -> PublishedNotification {
        self.publish(vec![order(code)]).await.unwrap().remove(0)
    }
}

pub(crate) fn order(code: &str) -> PublishRequest {
    request(
        "pretix.event.order.placed",
        Some("democon"),
        &format!(r#"{{"code":"{code}"}}"#),
    )
}

pub(crate) fn request(action_type: &str, event: Option<&str>, data: &str) -> PublishRequest {
    PublishRequest {
        action_type: action_type.to_owned(),
        event: event.map(|e| e.parse().unwrap()),
        data: RawValue::from_string(data.to_owned()).unwrap(),
        idempotency_key: None,
        subject: None,
    }
}
