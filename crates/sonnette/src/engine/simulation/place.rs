//! Where a simulation takes place, and how it is judged.

use super::*;

pub(super) fn note(at: Timestamp) -> NewAuditEntry {
    NewAuditEntry {
        actor: Actor::CommandLine,
        action: "simulation",
        data: serde_json::json!({}),
        at,
    }
}

pub(super) fn action() -> ActionName {
    "test.happened".parse().unwrap()
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(directory.path()).unwrap();
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let organizer = Organizer {
            id: OrganizerId(0),
            slug: "sim".parse().unwrap(),
            name: "sim".to_owned(),
            uuid: uuid::Uuid::nil(),
            language: Language::English,
            dialects: Vec::new(),
            contact_emails: Vec::new(),
            failure_policy: None,
        };
        let ChangeResult::Done(organizer) = store.add_organizer(&organizer, note(now)).unwrap()
        else {
            panic!()
        };
        let mut world = Self {
            rng: Rng::with_seed(seed),
            seed,
            directory,
            store,
            now,
            organizer: organizer.id,
            webhooks: BTreeMap::new(),
            moods: HashMap::new(),
            lanes: HashMap::new(),
            in_flight: Vec::new(),
            pages: Vec::new(),
            offers: Vec::new(),
            settlements: Vec::new(),
            submitted: 0,
            committed: 0,
            accepted: HashSet::new(),
            answered_well: HashSet::new(),
            sent: 0,
        };
        for _ in 0..2 {
            let webhook = world
                .store
                .add_webhook(&webhook(world.organizer), note(now))
                .unwrap();
            world.moods.insert(webhook.id, Mood::Well);
            world.webhooks.insert(webhook.id, webhook);
        }
        world
    }

    /// Receivers are well and webhooks on: within four days everything must have ended, and be seen to.
    pub(super) fn all_must_end(&mut self) {
        // A switching off that was decided before comes before.
        self.commit();
        for webhook in self.webhooks.keys().copied().collect::<Vec<_>>() {
            self.moods.insert(webhook, Mood::Well);
            self.set_enabled(webhook, true);
        }
        for _ in 0..4 * 24 * 6 {
            for _ in 0..3 {
                self.hand_over();
                self.turn_all();
                while !self.pages.is_empty() {
                    self.look_at_page();
                }
                self.turn_all();
                self.now += Duration::from_secs(4);
                self.answer();
                self.commit();
            }
            if self
                .store
                .lanes_with_pending_deliveries()
                .unwrap()
                .is_empty()
            {
                break;
            }
            self.now += Duration::from_mins(10);
        }
        for (webhook, notification) in &self.accepted {
            let delivery = self
                .store
                .delivery(*webhook, *notification)
                .unwrap()
                .expect("accepted, so it is there");
            let DeliveryState::Settled { how, .. } = delivery.state else {
                let lane = &self.lanes[webhook];
                panic!(
                    "lost: {delivery:?} (seed {}) at {} in {lane:?}",
                    self.seed, self.now
                )
            };
            if how == SettlementKind::Delivered {
                let key = (*webhook, *notification);
                assert!(
                    self.answered_well.contains(&key),
                    "never sent: {delivery:?} (seed {})",
                    self.seed
                );
            }
        }
    }
}

pub(super) fn webhook(organizer: OrganizerId) -> Webhook {
    Webhook {
        id: WebhookId(0),
        organizer,
        state: WebhookState::Enabled,
        target: "http://localhost/".parse().unwrap(),
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
