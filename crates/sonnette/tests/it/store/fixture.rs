//! A store with one organizer, and functions that fill it.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sonnette::domain::{
    Attempt, AttemptId, Audience, BodyTemplate, Delivery, DeliveryProgress, DisableReason,
    HttpExchange, LaneHealth, NotificationId, OrganizerId, Outcome, PayloadShape, SettlementKind,
    Webhook, WebhookId,
};
use sonnette::store::{
    Batch, ChangeResult, CommitError, ContentHash, DeliveryUpdate, GroupResult, IdempotencyKey,
    Publication, PublicationGroup, Settlement, SettlementCause, Store, StoredPublication,
};

use crate::test_engine::{note, organizer, webhook};

pub(super) const ACTION: &str = "test.happened";

/// The time this many seconds after noon.
pub(super) fn at(seconds: i64) -> Timestamp {
    let noon: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    noon + SignedDuration::from_secs(seconds)
}

pub(super) struct Fixture<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) organizer: OrganizerId,
}

impl<'a> Fixture<'a> {
    pub(super) fn new(store: &'a dyn Store) -> Self {
        let organizer = add_organizer(store, "bigevents");
        Self { store, organizer }
    }

    /// A further organizer of a store.
    pub(super) fn new_organizer(store: &'a dyn Store, slug: &str) -> Self {
        let organizer = add_organizer(store, slug);
        Self { store, organizer }
    }

    pub(super) fn add_organizer(&self, slug: &str) -> OrganizerId {
        add_organizer(self.store, slug)
    }

    pub(super) fn add_webhook(&self) -> WebhookId {
        let webhook = webhook(self.organizer, "http://localhost/", &[ACTION]);
        self.store.add_webhook(&webhook, note(), None).unwrap().id
    }

    pub(super) fn group(&self, publications: Vec<Publication>) -> PublicationGroup {
        PublicationGroup {
            organizer: self.organizer,
            token: None,
            publications,
        }
    }

    pub(super) fn commit(&self, groups: Vec<PublicationGroup>) -> Vec<GroupResult> {
        self.try_commit(groups).unwrap()
    }

    pub(super) fn try_commit(
        &self,
        groups: Vec<PublicationGroup>,
    ) -> Result<Vec<GroupResult>, CommitError> {
        let batch = Batch {
            groups,
            settlements: Vec::new(),
            published_changes: Vec::new(),
            now: at(0),
        };
        self.store.commit(self.store.version()?, &batch)
    }

    pub(super) fn settle(&self, settlements: Vec<Settlement>, now: Timestamp) {
        let batch = Batch {
            groups: Vec::new(),
            settlements,
            published_changes: Vec::new(),
            now,
        };
        // The version is checked for publications only.
        self.store.commit(0, &batch).unwrap();
    }

    /// Publishes one notification to these webhooks at each of these seconds.
    pub(super) fn publish(&self, to: &[WebhookId], seconds: &[i64]) -> Vec<NotificationId> {
        let publications = seconds.iter().map(|s| publication(to, *s)).collect();
        stored(&self.commit(vec![self.group(publications)])[0])
            .iter()
            .map(|answered| answered.id)
            .collect()
    }

    /// The start of the schedule of a pending delivery; an arbitrary time for a settled one.
    pub(super) fn started_at(&self, webhook: WebhookId, id: NotificationId) -> Timestamp {
        let page = self
            .store
            .due_deliveries(webhook, at(1_000_000_000), None, 100_000)
            .unwrap();
        let waiting = page.deliveries.iter().find(|w| w.notification.id == id);
        waiting.map_or(at(0), |w| w.progress.started_at)
    }

    pub(super) fn settle_delivery(
        &self,
        webhook: WebhookId,
        id: NotificationId,
        kind: SettlementKind,
        second: i64,
    ) {
        let ends = DeliveryUpdate::Settle {
            end: kind,
            attempts: 1,
            started_at: self.started_at(webhook, id),
        };
        let settlement = settlement(webhook, id, second, Some(ends));
        self.settle(vec![settlement], at(second));
    }

    pub(super) fn reschedule(&self, webhook: WebhookId, id: NotificationId, second: i64) {
        let progress = DeliveryProgress {
            attempts: 1,
            scheduled_tries: 1,
            started_at: self.started_at(webhook, id),
            due_at: at(second),
        };
        let settlement = settlement(webhook, id, 0, Some(DeliveryUpdate::Reschedule(progress)));
        self.settle(vec![settlement], at(0));
    }

    pub(super) fn delivery(&self, webhook: WebhookId, id: NotificationId) -> Delivery {
        self.store.delivery(webhook, id).unwrap().unwrap()
    }

    pub(super) fn state(&self, webhook: WebhookId, id: NotificationId) -> &'static str {
        self.delivery(webhook, id).state.as_str()
    }

    /// The notifications of the due deliveries, in order.
    pub(super) fn due(&self, webhook: WebhookId, second: i64) -> Vec<NotificationId> {
        let page = self
            .store
            .due_deliveries(webhook, at(second), None, 10_000)
            .unwrap();
        page.deliveries.iter().map(|w| w.notification.id).collect()
    }
}

fn add_organizer(store: &dyn Store, slug: &str) -> OrganizerId {
    match store.add_organizer(&organizer(slug), note()).unwrap() {
        ChangeResult::Done(organizer) => organizer.id,
        other => panic!("no organizer: {other:?}"),
    }
}

pub(super) fn publication(to: &[WebhookId], second: i64) -> Publication {
    Publication {
        data: None,
        audience: Audience::Everyone,
        action_type: ACTION.parse().unwrap(),
        event: None,
        registers_event: false,
        shape: PayloadShape::Custom,
        body: BodyTemplate::WithId(r#","data":{}}"#.into()),
        subject: None,
        published_at: at(second),
        key: None,
        webhooks: to.to_vec(),
    }
}

pub(super) fn keyed(mut publication: Publication, text: &str, content: u8) -> Publication {
    publication.key = Some(IdempotencyKey {
        text: text.to_owned(),
        content_hash: ContentHash {
            exact: [content; 32],
            double_precision: [content; 32],
        },
    });
    publication
}

pub(super) fn stored(answer: &GroupResult) -> &[StoredPublication] {
    match answer {
        GroupResult::Stored(answers) => answers,
        GroupResult::Conflict(place) => panic!("a conflict at {place}"),
    }
}

pub(super) fn attempt(webhook: WebhookId, id: NotificationId, second: i64) -> Attempt {
    Attempt {
        id: AttemptId(at(second).as_microsecond()),
        webhook,
        notification: id,
        action_type: ACTION.parse().unwrap(),
        event: None,
        target_url: "http://localhost/".to_owned(),
        number: 1,
        is_test: false,
        sent_body: None,
        exchange: HttpExchange {
            started_at: at(second),
            duration: Duration::from_millis(12),
            outcome: Outcome::Answered {
                status: 200,
                retry_after: None,
            },
            request_headers: "a: b\n".to_owned(),
            response_headers: "c: d\n".to_owned(),
            response_body: "thanks".into(),
        },
    }
}

pub(super) fn settlement(
    webhook: WebhookId,
    id: NotificationId,
    second: i64,
    update: Option<DeliveryUpdate>,
) -> Settlement {
    Settlement {
        webhook,
        generation: 0,
        cause: SettlementCause::Attempted {
            attempt: Arc::new(attempt(webhook, id, second)),
            update,
        },
        health: None,
        action_type: None,
        disable: None,
        alert: None,
    }
}

pub(super) fn with_health(mut settlement: Settlement, health: LaneHealth) -> Settlement {
    settlement.health = Some(health);
    settlement
}

pub(super) fn of_generation(mut settlement: Settlement, generation: u64) -> Settlement {
    settlement.generation = generation;
    settlement
}

pub(super) fn disabling(mut settlement: Settlement, reason: DisableReason) -> Settlement {
    settlement.disable = Some(reason);
    settlement
}

pub(super) fn done<T: std::fmt::Debug>(changed: ChangeResult<T>) -> T {
    match changed {
        ChangeResult::Done(value) => value,
        other => panic!("not done: {other:?}"),
    }
}

pub(super) fn loaded_webhook(fixture: &Fixture<'_>, id: WebhookId) -> Webhook {
    let rows = fixture.store.load(0).unwrap().webhooks;
    rows.into_iter().find(|w| w.id == id).unwrap()
}

pub(super) fn change(
    fixture: &Fixture<'_>,
    id: WebhookId,
    change: impl Fn(&mut Webhook),
) -> Webhook {
    let mut change = |w: &mut Webhook| {
        change(w);
        true
    };
    done(
        fixture
            .store
            .change_webhook(fixture.organizer, id, &mut change, note(), None)
            .unwrap(),
    )
}
