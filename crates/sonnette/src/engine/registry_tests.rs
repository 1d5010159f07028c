//! Matching, against a model that looks at every webhook.

use std::collections::BTreeSet;

use jiff::Timestamp;
use proptest::prelude::*;

use super::registry::OrganizerSnapshot;
use crate::dialect::ActionType;
use crate::domain::{
    ActionName, DialectName, DisableReason, Disablement, EventFilter, EventSlug, Language,
    Organizer, OrganizerId, PayloadShape, RegisteredAction, Secret, Secrets, Webhook, WebhookId,
    WebhookSettings, WebhookState,
};
use crate::store::StoredOrganizer;

/// Names a webhook may listen to; the pretix ones are registered in pretix.
const NAMES: [&str; 9] = [
    "pretix.event.order.placed",
    "pretix.event.order.placed.require_approval",
    "pretix.event.order.changed.*",
    "pretix.event.added",
    "shop.order.placed",
    "shop.order.*",
    "shop.*",
    "shop.order.placed.late",
    "shop.person.moved",
];

/// What is published.
const CONCRETE: [&str; 8] = [
    "pretix.event.order.placed",
    "pretix.event.order.placed.require_approval",
    "pretix.event.order.changed.item",
    "pretix.event.order.changed.price.more",
    "pretix.event.added",
    "shop.order.placed",
    "shop.order.placed.late",
    "shop.person.moved",
];

fn slug(text: &str) -> EventSlug {
    text.parse().unwrap()
}

fn any_filter() -> impl Strategy<Value = EventFilter> {
    prop_oneof![
        Just(EventFilter::All),
        proptest::collection::btree_set(proptest::sample::select(&["a", "b"][..]), 0..3)
            .prop_map(|slugs| EventFilter::Only(slugs.into_iter().map(slug).collect())),
    ]
}

fn any_webhook() -> impl Strategy<Value = Webhook> {
    let names = proptest::collection::vec(proptest::sample::select(&NAMES[..]), 0..6);
    (names, any_filter(), proptest::bool::weighted(0.8)).prop_map(|(mut names, events, enabled)| {
        names.sort_unstable();
        Webhook {
            id: WebhookId(0),
            organizer: OrganizerId(1),
            state: if enabled {
                WebhookState::Enabled
            } else {
                WebhookState::Disabled(Disablement {
                    since: Timestamp::UNIX_EPOCH,
                    reason: DisableReason::User,
                })
            },
            target: "http://localhost/".parse().unwrap(),
            generation: 0,
            events,
            action_types: names.iter().map(|n| n.parse().unwrap()).collect(),
            comment: None,
            secrets: Secrets {
                current: Secret::from_random([1; 32]),
                previous: None,
            },
            settings: WebhookSettings::default(),
        }
    })
}

fn tenant(webhooks: Vec<Webhook>) -> OrganizerSnapshot {
    let registered = |(place, name): (usize, &&str)| RegisteredAction {
        id: i64::try_from(place).unwrap() + 1,
        organizer: Some(OrganizerId(1)),
        name: name.parse().unwrap(),
        description: String::new(),
        schema: None,
        example: None,
        shape: PayloadShape::Custom,
        from_file: false,
    };
    let own = [
        "shop.order.placed",
        "shop.order.placed.late",
        "shop.person.moved",
    ];
    let rows = StoredOrganizer {
        organizer: Organizer {
            id: OrganizerId(1),
            slug: "o".parse().unwrap(),
            name: String::new(),
            uuid: uuid::Uuid::nil(),
            language: Language::English,
            dialects: vec![DialectName::Pretix, DialectName::Custom],
            contact_emails: Vec::new(),
            failure_policy: None,
        },
        webhooks,
        action_types: own.iter().enumerate().map(registered).collect(),
    };
    OrganizerSnapshot::new(rows, None)
}

/// Whether one of the webhook's names stands for the action, by the rules of `docs/dialects.md`.
fn hears(webhook: &Webhook, spec: &ActionType, concrete: &str) -> bool {
    let stands = |name: &ActionName| {
        if spec.dialect == DialectName::Pretix {
            // pretix calls for the registered name alone, and a name of a longer wildcard is another.
            *name == spec.name
        } else {
            name.covers(concrete)
        }
    };
    webhook.action_types.iter().any(stands)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_index_finds_whom_a_look_at_each_finds(webhooks in proptest::collection::vec(any_webhook(), 0..8)) {
        let webhooks: Vec<_> = webhooks
            .into_iter()
            .zip(1..)
            .map(|(webhook, id)| Webhook { id: WebhookId(id), ..webhook })
            .collect();
        let tenant = tenant(webhooks.clone());
        for concrete in CONCRETE {
            let spec = tenant.catalogue.resolve(concrete).expect("known");
            for event in [None, Some(slug("a")), Some(slug("b")), Some(slug("c"))] {
                let expected: Vec<_> = webhooks
                    .iter()
                    .filter(|w| w.is_enabled())
                    .filter(|w| w.events.passes(event.as_ref()))
                    .filter(|w| hears(w, spec, concrete))
                    .map(|w| w.id)
                    .collect();
                let told = tenant.listeners(spec, concrete, event.as_ref());
                prop_assert_eq!(told, expected, "{} of {:?}", concrete, event);
            }
        }
    }
}

#[test]
fn pretix_resolves_to_the_exact_name_else_to_its_longest_wildcard() {
    let tenant = tenant(Vec::new());
    for (concrete, name) in [
        ("pretix.event.order.placed", "pretix.event.order.placed"),
        (
            "pretix.event.order.changed.item",
            "pretix.event.order.changed.*",
        ),
        (
            "pretix.event.order.changed.a.b",
            "pretix.event.order.changed.*",
        ),
    ] {
        assert_eq!(
            tenant.catalogue.resolve(concrete).unwrap().name.as_str(),
            name
        );
    }
    assert!(
        tenant
            .catalogue
            .resolve("pretix.event.order.missed_notifications")
            .is_none()
    );
}

#[test]
fn what_belongs_to_the_organizer_passes_every_list_of_events() {
    let mut webhook = Webhook {
        action_types: vec![NAMES[0].parse().unwrap()],
        ..first()
    };
    for events in [EventFilter::All, EventFilter::Only(BTreeSet::new())] {
        webhook.events = events;
        let tenant = tenant(vec![webhook.clone()]);
        let spec = tenant.catalogue.resolve(NAMES[0]).unwrap();
        assert_eq!(tenant.listeners(spec, NAMES[0], None), [WebhookId(1)]);
    }
}

fn first() -> Webhook {
    Webhook {
        id: WebhookId(1),
        organizer: OrganizerId(1),
        state: WebhookState::Enabled,
        target: "http://localhost/".parse().unwrap(),
        generation: 0,
        events: EventFilter::All,
        action_types: Vec::new(),
        comment: None,
        secrets: Secrets {
            current: Secret::from_random([1; 32]),
            previous: None,
        },
        settings: WebhookSettings::default(),
    }
}
