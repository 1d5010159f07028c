//! Lanes over a real store, with a clock moved by hand, receivers that misbehave, crashes and clock jumps.
//!
//! The shell around the lanes is played here, one step at a time and in an order drawn at random, so that reading,
//! answering and committing interleave as they may in life. What must hold: nothing accepted is lost, nothing is sent
//! after it was settled, and disabled means silent.

mod place;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;

use place::{action, note};

use super::lane::{Lane, LaneAction, SendOrder};
use crate::domain::{
    ActionName, Attempt, AttemptKind, Audience, BodyTemplate, DeliveryState, DisableReason,
    Disablement, EventFilter, FailurePolicy, HttpExchange, Language, NotificationId, Organizer,
    OrganizerId, Outcome, PayloadShape, Policy, Secret, Secrets, SendFailure, SettlementKind,
    Webhook, WebhookId, WebhookSettings, WebhookState,
};
use crate::store::sqlite::SqliteStore;
use crate::store::{
    Actor, Batch, ChangeResult, DeliveryAdmin, DeliveryPage, DeliveryStore, GroupResult,
    NewAuditEntry, PendingDelivery, Publication, PublicationGroup, RegistryStore, Settlement,
    SettlementCause, WebhookStore,
};

/// How a receiver behaves for a while.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Mood {
    Well,
    Error,
    Gone,
    Busy,
    Dead,
}

struct World {
    rng: Rng,
    seed: u64,
    directory: TempDir,
    store: SqliteStore,
    now: Timestamp,
    organizer: OrganizerId,
    webhooks: BTreeMap<WebhookId, Webhook>,
    moods: HashMap<WebhookId, Mood>,
    lanes: HashMap<WebhookId, Lane>,
    /// Requests under way, and when they are answered.
    in_flight: Vec<(WebhookId, SendOrder, Timestamp)>,
    /// Pages read but not looked at yet.
    pages: Vec<(WebhookId, DeliveryPage, Timestamp)>,
    /// Committed, but not handed over yet.
    offers: Vec<(WebhookId, PendingDelivery)>,
    settlements: Vec<Settlement>,
    submitted: u64,
    committed: u64,
    accepted: HashSet<(WebhookId, NotificationId)>,
    answered_well: HashSet<(WebhookId, NotificationId)>,
    sent: u64,
}

impl World {
    fn any_webhook(&mut self) -> WebhookId {
        let ids: Vec<_> = self.webhooks.keys().copied().collect();
        ids[self.rng.usize(..ids.len())]
    }

    fn step(&mut self) {
        match self.rng.u32(..100) {
            0..25 => self.publish(),
            25..45 => self.answer(),
            45..60 => self.commit(),
            60..70 => self.look_at_page(),
            70..78 => self.hand_over(),
            78..90 => self.pass_time(),
            90..93 => self.change_mood(),
            93..95 => self.switch(),
            95..96 => self.crash(),
            96..97 => self.jump(),
            97..98 => self.expedite(),
            98..99 => self.drop_waiting(),
            _ => self.expire(),
        }
        self.turn_all();
    }

    fn publish(&mut self) {
        let enabled: Vec<_> = self
            .webhooks
            .values()
            .filter(|w| w.is_enabled())
            .map(|w| w.id)
            .collect();
        let publications = (0..self.rng.usize(1..4))
            .map(|_| Publication {
                data: None,
                audience: Audience::Everyone,
                action_type: action(),
                event: None,
                registers_event: false,
                shape: PayloadShape::Custom,
                body: BodyTemplate::Complete("{}".into()),
                subject: None,
                published_at: self.now,
                key: None,
                webhooks: enabled.clone(),
            })
            .collect();
        let group = PublicationGroup {
            organizer: self.organizer,
            token: None,
            publications,
        };
        let batch = Batch {
            groups: vec![group],
            now: self.now,
            ..Batch::default()
        };
        let answers = self
            .store
            .commit(self.store.version().unwrap(), &batch)
            .unwrap();
        let GroupResult::Stored(taken) = &answers[0] else {
            panic!("{answers:?}")
        };
        for (answered, publication) in taken.iter().zip(&batch.groups[0].publications) {
            let notification = Arc::new(crate::domain::Notification {
                id: answered.id,
                organizer: self.organizer,
                action_type: action(),
                event: None,
                published_at: answered.published_at,
                shape: PayloadShape::Custom,
                body: "{}".into(),
            });
            for webhook in &publication.webhooks {
                self.accepted.insert((*webhook, answered.id));
                let progress = crate::domain::Progress::new(answered.published_at);
                self.offers.push((
                    *webhook,
                    PendingDelivery {
                        notification: notification.clone(),
                        progress,
                    },
                ));
            }
        }
    }

    fn hand_over(&mut self) {
        for (webhook, waiting) in std::mem::take(&mut self.offers) {
            let room = self.rng.u32(..20) > 0;
            self.lane(webhook).push_committed(waiting, room);
        }
    }

    fn lane(&mut self, webhook: WebhookId) -> &mut Lane {
        let store = &self.store;
        self.lanes
            .entry(webhook)
            .or_insert_with(|| Lane::new(&store.lane(webhook).unwrap()))
    }

    fn turn_all(&mut self) {
        for webhook in self.webhooks.values().cloned().collect::<Vec<_>>() {
            self.turn(&webhook);
        }
    }

    fn turn(&mut self, webhook: &Webhook) {
        let (now, committed) = (self.now, self.committed);
        loop {
            match self.lane(webhook.id).next_action(webhook, now, committed) {
                LaneAction::Send(order) => self.send(webhook.id, order),
                LaneAction::Expire(id) => {
                    let expired = Settlement::expired(webhook.id, id, FailurePolicy::Never);
                    self.settle(webhook.id, id, expired);
                }
                LaneAction::Load(after, limit) => {
                    let page = self
                        .store
                        .due_deliveries(webhook.id, now, after, limit)
                        .unwrap();
                    self.pages.push((webhook.id, page, now));
                }
                LaneAction::SleepUntil(until) => {
                    assert!(
                        until > now,
                        "a lane that sleeps until the past would never sleep (seed {})",
                        self.seed
                    );
                    return;
                }
                LaneAction::Idle => return,
            }
        }
    }

    fn send(&mut self, webhook: WebhookId, order: SendOrder) {
        self.sent += 1;
        let notification = order.delivery.notification.id;
        let seed = self.seed;
        assert!(
            self.webhooks[&webhook].is_enabled(),
            "sent to a disabled webhook (seed {seed})"
        );
        let delivery = self.store.delivery(webhook, notification).unwrap().unwrap();
        assert!(
            matches!(delivery.state, DeliveryState::Scheduled { .. }),
            "sent after settlement: {delivery:?} (seed {seed})"
        );
        let same = self
            .in_flight
            .iter()
            .any(|(w, o, _)| *w == webhook && o.delivery.notification.id == notification);
        assert!(!same, "sent twice at a time (seed {seed})");
        if order.kind == AttemptKind::Probe {
            let others = self
                .in_flight
                .iter()
                .filter(|(w, ..)| *w == webhook)
                .count();
            assert_eq!(others, 0, "a probe goes alone (seed {seed})");
        }
        let at = self.now + Duration::from_millis(self.rng.u64(1..3_000));
        self.in_flight.push((webhook, order, at));
    }

    fn answer(&mut self) {
        let now = self.now;
        let (done, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut self.in_flight)
            .into_iter()
            .partition(|(_, _, at)| *at <= now);
        self.in_flight = rest;
        for (webhook, order, _) in done {
            let status = match self.moods[&webhook] {
                Mood::Well => Some(200),
                Mood::Error => Some(500),
                Mood::Gone => Some(410),
                Mood::Busy => Some(429),
                Mood::Dead => None,
            };
            let outcome = match status {
                Some(status) => {
                    let wait = Duration::from_secs(self.rng.u64(1..100));
                    Outcome::Answered {
                        status,
                        retry_after: (status == 429).then_some(wait),
                    }
                }
                None => Outcome::Failed(SendFailure::ConnectionClosed),
            };
            if outcome.is_success() {
                self.answered_well
                    .insert((webhook, order.delivery.notification.id));
            }
            self.finish(webhook, &order, outcome);
        }
    }

    fn finish(&mut self, webhook: WebhookId, order: &SendOrder, outcome: Outcome) {
        let (now, jitter) = (self.now, self.rng.f64());
        let lasting = SignedDuration::from_mins(30);
        let policy = Policy {
            failures: FailurePolicy::After {
                failures: 12,
                lasting,
            },
        };
        let took = Duration::from_millis(20);
        let effects = self
            .lane(webhook)
            .apply_outcome(order, &outcome, took, policy, 64, now, jitter);
        let notification = &order.delivery.notification;
        let exchange = HttpExchange {
            started_at: now,
            duration: took,
            outcome,
            request_headers: String::new(),
            response_headers: String::new(),
            response_body: "".into(),
        };
        let attempt = Arc::new(Attempt {
            id: effects.attempt_id,
            webhook,
            notification: notification.id,
            action_type: action(),
            event: None,
            target_url: String::new(),
            number: 1,
            test: false,
            payload: None,
            exchange,
        });
        let settlement = Settlement {
            webhook,
            cause: SettlementCause::Attempted {
                attempt,
                update: Some(effects.update),
            },
            health: effects.changed_health,
            disable: effects.decision.disable,
            alert: None,
        };
        self.settle(webhook, notification.id, settlement);
        if effects.must_hold {
            while self.store.schedule_now(webhook, now).unwrap() > 0 {}
            self.lane(webhook).request_reload(None);
        }
    }

    fn settle(&mut self, webhook: WebhookId, notification: NotificationId, settlement: Settlement) {
        self.settlements.push(settlement);
        self.submitted += 1;
        let (number, committed) = (self.submitted, self.committed);
        self.lane(webhook)
            .add_settlement(number, notification, committed);
    }

    fn commit(&mut self) {
        let batch = Batch {
            settlements: std::mem::take(&mut self.settlements),
            now: self.now,
            ..Batch::default()
        };
        self.store.commit(0, &batch).unwrap();
        self.committed = self.submitted;
        for settlement in &batch.settlements {
            if settlement.disable.is_some() {
                self.refresh(settlement.webhook);
            }
        }
    }

    /// The registry is read again, as after a change.
    fn refresh(&mut self, webhook: WebhookId) {
        let rows = self.store.load(0).unwrap();
        let after = rows
            .webhooks
            .iter()
            .find(|w| w.id == webhook)
            .unwrap()
            .clone();
        let before = self.webhooks.insert(webhook, after.clone()).unwrap();
        if after.is_enabled() && !before.is_enabled() {
            self.lane(webhook).reset();
        }
    }

    fn look_at_page(&mut self) {
        if !self.pages.is_empty() {
            let place = self.rng.usize(..self.pages.len());
            let (webhook, page, at) = self.pages.swap_remove(place);
            self.lane(webhook).loaded(page, at);
        }
    }

    fn pass_time(&mut self) {
        let most = [2, 10, 100, 4_000, 40_000][self.rng.usize(..5)];
        self.now += Duration::from_millis(self.rng.u64(1..most * 1_000));
    }

    fn change_mood(&mut self) {
        let webhook = self.any_webhook();
        let moods = [
            Mood::Well,
            Mood::Well,
            Mood::Error,
            Mood::Gone,
            Mood::Busy,
            Mood::Dead,
        ];
        let mood = moods[self.rng.usize(..moods.len())];
        self.moods.insert(webhook, mood);
    }

    fn switch(&mut self) {
        let webhook = self.any_webhook();
        let on = self.rng.bool();
        self.set_enabled(webhook, on);
    }

    fn set_enabled(&mut self, webhook: WebhookId, on: bool) {
        let now = self.now;
        let mut change = |w: &mut Webhook| {
            w.state = if on {
                WebhookState::Enabled
            } else {
                WebhookState::Disabled(Disablement {
                    since: now,
                    reason: DisableReason::User,
                })
            };
            true
        };
        self.store
            .change_webhook(self.organizer, webhook, &mut change, note(now))
            .unwrap();
        self.refresh(webhook);
    }

    /// Everything in memory is gone: what was in flight, what was read, what was not committed yet.
    fn crash(&mut self) {
        self.lanes.clear();
        self.in_flight.clear();
        self.pages.clear();
        self.offers.clear();
        self.settlements.clear();
        self.committed = self.submitted;
        self.store = SqliteStore::open(self.directory.path()).unwrap();
        for webhook in self.webhooks.keys().copied().collect::<Vec<_>>() {
            self.refresh(webhook);
        }
    }

    fn jump(&mut self) {
        let jump = SignedDuration::from_secs(self.rng.i64(-7_200..7_200));
        self.now += jump;
    }

    fn expedite(&mut self) {
        let webhook = self.any_webhook();
        while self.store.make_due(webhook, self.now).unwrap() > 0 {}
        let now = self.now;
        self.lane(webhook).request_reload(Some(now));
    }

    fn drop_waiting(&mut self) {
        let webhook = self.any_webhook();
        self.lane(webhook).pause();
        self.store
            .drop_waiting(webhook, self.now, "dropped")
            .unwrap();
        let through = self.store.newest_id().unwrap();
        self.lane(webhook).resume(through);
    }

    fn expire(&mut self) {
        for webhook in self.store.waiting_lanes().unwrap() {
            self.store.expire(webhook, self.now).unwrap();
        }
    }
}

#[test]
fn nothing_is_lost_sent_after_its_end_or_sent_to_the_disabled() {
    let seeds = std::env::var("SIMULATION_SEEDS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(20);
    let mut sent = 0;
    for seed in 0..seeds {
        let mut world = World::new(seed);
        for _ in 0..300 {
            world.step();
        }
        world.all_must_end();
        sent += world.sent;
    }
    assert!(
        sent > seeds * 50,
        "the simulation hardly did anything: {sent} requests"
    );
}
