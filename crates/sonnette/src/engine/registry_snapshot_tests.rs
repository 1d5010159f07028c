//! Matching, against a model that looks at every webhook, and what a change leaves as it was.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use proptest::prelude::*;

use super::organizer_snapshot::OrganizerSnapshot;
use super::registry_snapshot::RegistrySnapshot;
use crate::dialect::ActionType;
use crate::domain::{
    ActionTypeName, DialectName, DisableReason, Disablement, EventFilter, EventSlug, Language,
    Organizer, OrganizerId, PayloadShape, RegisteredActionType, Secret, Secrets, Webhook,
    WebhookId, WebhookSettings, WebhookState,
};
use crate::store::{RegistryChanges, RemovedActionType};

/// Names a webhook may listen to; the pretix ones are registered in pretix.
const STORED_ACTION_TYPES: [&str; 9] = [
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
const CONCRETE_ACTION_TYPES: [&str; 8] = [
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
    let names = proptest::collection::vec(proptest::sample::select(&STORED_ACTION_TYPES[..]), 0..6);
    (names, any_filter(), proptest::bool::weighted(0.8)).prop_map(|(mut names, events, enabled)| {
        names.sort_unstable();
        Webhook {
            generation: 0,
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

fn action(organizer: Option<i64>, name: &str) -> RegisteredActionType {
    RegisteredActionType {
        id: 1,
        organizer: organizer.map(OrganizerId),
        name: name.parse().unwrap(),
        description: String::new(),
        schema: None,
        example: None,
        shape: PayloadShape::Custom,
        from_file: false,
    }
}

fn organizer(id: i64) -> Organizer {
    Organizer {
        id: OrganizerId(id),
        slug: format!("o{id}").parse().unwrap(),
        name: String::new(),
        uuid: uuid::Uuid::nil(),
        language: Language::English,
        dialects: vec![DialectName::Pretix, DialectName::Custom],
        contact_emails: Vec::new(),
        failure_policy: None,
    }
}

fn organizer_snapshot(webhooks: Vec<Webhook>) -> Arc<OrganizerSnapshot> {
    let own = [
        "shop.order.placed",
        "shop.order.placed.late",
        "shop.person.moved",
    ];
    let rows = RegistryChanges {
        organizers: vec![organizer(1)],
        webhooks,
        action_types: own.iter().map(|name| action(Some(1), name)).collect(),
        ..RegistryChanges::default()
    };
    let (registry, _) = RegistrySnapshot::default().with_changes(rows);
    registry.organizer("o1").unwrap()
}

/// Whether one of the webhook's names stands for the action, by the rules of `docs/dialects.md`.
fn is_matched_by(webhook: &Webhook, catalogue_entry: &ActionType, concrete: &str) -> bool {
    let stands = |name: &ActionTypeName| {
        if catalogue_entry.dialect == DialectName::Pretix {
            // pretix calls for the registered name alone, and a name of a longer wildcard is another.
            *name == catalogue_entry.name
        } else {
            name.matches(concrete)
        }
    };
    webhook.action_types.iter().any(stands)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_index_matches_the_same_webhooks_as_a_scan(webhooks in proptest::collection::vec(any_webhook(), 0..8)) {
        let webhooks: Vec<_> = webhooks
            .into_iter()
            .zip(1..)
            .map(|(webhook, id)| Webhook { id: WebhookId(id), ..webhook })
            .collect();
        let organizer_snapshot = organizer_snapshot(webhooks.clone());
        for concrete in CONCRETE_ACTION_TYPES {
            let catalogue_entry = organizer_snapshot.catalogue.resolve(concrete).expect("known");
            for event in [None, Some(slug("a")), Some(slug("b")), Some(slug("c"))] {
                let expected: Vec<_> = webhooks
                    .iter()
                    .filter(|w| w.is_enabled())
                    .filter(|w| w.events.matches(event.as_ref()))
                    .filter(|w| is_matched_by(w, catalogue_entry, concrete))
                    .map(|w| w.id)
                    .collect();
                let found = organizer_snapshot.webhooks_for(catalogue_entry, concrete, event.as_ref());
                prop_assert_eq!(found, expected, "{} of {:?}", concrete, event);
            }
        }
    }
}

#[test]
fn pretix_resolves_to_the_exact_name_else_to_its_longest_wildcard() {
    let organizer_snapshot = organizer_snapshot(Vec::new());
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
            organizer_snapshot
                .catalogue
                .resolve(concrete)
                .unwrap()
                .name
                .as_str(),
            name
        );
    }
    assert!(
        organizer_snapshot
            .catalogue
            .resolve("pretix.event.order.missed_notifications")
            .is_none()
    );
}

#[test]
fn organizer_level_actions_ignore_limit_events() {
    let mut webhook = Webhook {
        action_types: vec![STORED_ACTION_TYPES[0].parse().unwrap()],
        ..first()
    };
    for events in [EventFilter::All, EventFilter::Only(BTreeSet::new())] {
        webhook.events = events;
        let organizer_snapshot = organizer_snapshot(vec![webhook.clone()]);
        let catalogue_entry = organizer_snapshot
            .catalogue
            .resolve(STORED_ACTION_TYPES[0])
            .unwrap();
        assert_eq!(
            organizer_snapshot.webhooks_for(catalogue_entry, STORED_ACTION_TYPES[0], None),
            [WebhookId(1)]
        );
    }
}

fn first() -> Webhook {
    Webhook {
        generation: 0,
        id: WebhookId(1),
        organizer: OrganizerId(1),
        state: WebhookState::Enabled,
        target: "http://localhost/".parse().unwrap(),
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

/// Two organizers: the first with so many webhooks, the second with one.
fn registry_with(count: i64) -> RegistrySnapshot {
    let webhook = |id| Webhook {
        id: WebhookId(id),
        action_types: vec![
            STORED_ACTION_TYPES[0].parse().unwrap(),
            "shop.moved".parse().unwrap(),
        ],
        ..first()
    };
    let other = Webhook {
        organizer: OrganizerId(2),
        ..webhook(count + 1)
    };
    let rows = RegistryChanges {
        version: 1,
        organizers: vec![organizer(1), organizer(2)],
        webhooks: (1..=count).map(webhook).chain([other]).collect(),
        action_types: vec![action(Some(1), "shop.moved"), action(None, "all.moved")],
        ..RegistryChanges::default()
    };
    RegistrySnapshot::default().with_changes(rows).0
}

fn names(registry: &RegistrySnapshot, slug: &str) -> Vec<String> {
    let organizer = registry.organizer(slug).unwrap();
    let registered = organizer.catalogue.iter();
    let custom =
        registered.filter(|catalogue_entry| catalogue_entry.dialect == DialectName::Custom);
    custom
        .map(|catalogue_entry| catalogue_entry.name.to_string())
        .collect()
}

#[test]
fn a_change_of_a_webhook_copies_as_much_however_many_there_are() {
    for count in [1_000, 10_000] {
        let before = registry_with(count);
        let old = before.webhook(WebhookId(500)).unwrap();
        let webhook = Webhook {
            comment: Some("mine".to_owned()),
            ..(**old).clone()
        };
        let rows = RegistryChanges {
            version: 2,
            webhooks: vec![webhook.clone()],
            ..RegistryChanges::default()
        };
        let held = |registry: &RegistrySnapshot| -> Vec<usize> {
            let ids = (1..=count).map(WebhookId);
            ids.map(|id| Arc::strong_count(registry.webhook(id).unwrap()))
                .collect()
        };
        let held_before = held(&before);
        let (after, changed) = before.with_changes(rows);
        assert_eq!(changed, [WebhookId(500)]);
        // A node that is copied holds its webhooks once more: one of all webhooks, one of the organizer's.
        let copied = held(&before)
            .iter()
            .zip(&held_before)
            .filter(|(a, b)| a > b)
            .count();
        assert!((1..=128).contains(&copied), "{copied} of {count}");
        let (one, other) = (
            after.organizer("o1").unwrap(),
            after.organizer("o2").unwrap(),
        );
        assert_eq!(**one.webhooks.get(&WebhookId(500)).unwrap(), webhook);
        assert!(Arc::ptr_eq(&other, &before.organizer("o2").unwrap()));
        let known = before.webhook(WebhookId(501)).unwrap();
        assert!(Arc::ptr_eq(
            one.webhooks.get(&WebhookId(501)).unwrap(),
            known
        ));
        let catalogue_entry = one.catalogue.get("shop.moved").unwrap();
        let compiled = before.organizer("o1").unwrap();
        assert!(Arc::ptr_eq(
            catalogue_entry,
            compiled.catalogue.get("shop.moved").unwrap()
        ));
    }
}

#[test]
fn a_webhook_that_is_loaded_unchanged_stays_the_same_value() {
    let before = registry_with(3);
    let same = (**before.webhook(WebhookId(2)).unwrap()).clone();
    let rows = RegistryChanges {
        version: 2,
        webhooks: vec![same],
        ..RegistryChanges::default()
    };
    let (after, changed) = before.with_changes(rows);
    assert!(changed.is_empty() && after.version() == 2);
    let (old, new) = (before.webhook(WebhookId(2)), after.webhook(WebhookId(2)));
    assert!(Arc::ptr_eq(old.unwrap(), new.unwrap()));
}

#[test]
fn an_action_type_for_all_reaches_every_organizer_and_compiles_nothing_else() {
    let before = registry_with(3);
    let rows = RegistryChanges {
        version: 2,
        action_types: vec![action(None, "all.added")],
        ..RegistryChanges::default()
    };
    let (after, _) = before.with_changes(rows);
    assert_eq!(names(&before, "o1"), ["all.moved", "shop.moved"]);
    assert_eq!(
        names(&after, "o1"),
        ["all.added", "all.moved", "shop.moved"]
    );
    assert_eq!(names(&after, "o2"), ["all.added", "all.moved"]);
    for name in ["all.moved", "shop.moved"] {
        let (old, new) = (
            before.organizer("o1").unwrap(),
            after.organizer("o1").unwrap(),
        );
        let specs = (
            old.catalogue.get(name).unwrap(),
            new.catalogue.get(name).unwrap(),
        );
        assert!(Arc::ptr_eq(specs.0, specs.1), "{name}");
    }
    let removed_actions = vec![
        RemovedActionType {
            organizer: None,
            name: "all.moved".parse().unwrap(),
        },
        RemovedActionType {
            organizer: Some(OrganizerId(1)),
            name: "shop.moved".parse().unwrap(),
        },
    ];
    let rows = RegistryChanges {
        version: 3,
        removed_action_types: removed_actions,
        action_types: vec![action(Some(1), "all.added")],
        ..RegistryChanges::default()
    };
    let (last, _) = after.with_changes(rows);
    assert_eq!(names(&last, "o1"), ["all.added"]);
    assert_eq!(names(&last, "o2"), ["all.added"]);
    let registered = last.organizer("o1").unwrap();
    assert_eq!(
        registered.catalogue.registered().count(),
        2,
        "its own, and everybody's"
    );
}

#[test]
fn a_webhook_is_found_by_the_names_that_it_has_while_it_is_enabled() {
    let mut registry = registry_with(2);
    let found = |registry: &RegistrySnapshot| {
        let organizer = registry.organizer("o1").unwrap();
        let catalogue_entry = organizer.catalogue.get("shop.moved").unwrap();
        organizer.webhooks_for(catalogue_entry, "shop.moved", None)
    };
    let disabled = WebhookState::Disabled(Disablement {
        since: Timestamp::UNIX_EPOCH,
        reason: DisableReason::User,
    });
    let renamed: Vec<ActionTypeName> =
        vec!["shop.*".parse().unwrap(), "shop.moved".parse().unwrap()];
    for (state, names, expected) in [
        (WebhookState::Enabled, vec![], vec![2]),
        (WebhookState::Enabled, renamed.clone(), vec![1, 2]),
        (disabled, renamed.clone(), vec![2]),
        (WebhookState::Enabled, renamed[..1].to_vec(), vec![1, 2]),
    ] {
        let webhook = Webhook {
            state,
            action_types: names,
            ..first()
        };
        let rows = RegistryChanges {
            webhooks: vec![webhook],
            ..RegistryChanges::default()
        };
        registry = registry.with_changes(rows).0;
        let expected: Vec<_> = expected.into_iter().map(WebhookId).collect();
        assert_eq!(found(&registry), expected);
    }
}
