//! Who may publish, who listens, who changed what.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::SignedDuration;
use sonnette::domain::{
    DeliveryState, DialectName, DisableReason, Disablement, EventFilter, EventId, ExtraHeader,
    FailurePolicy, FailureStreak, LaneHealth, Language, Organizer, OrganizerId, PayloadShape,
    Permissions, Progress, RegisteredAction, Scope, Secret, SignatureScheme, SigningSeed,
    SigningSeeds, TokenId, Webhook, WebhookId, WebhookState,
};
use sonnette::engine::RegistrySnapshot;
use sonnette::store::{
    Actor, ChangeResult, DeliveryUpdate, NewAuditEntry, NewToken, RemovedAction, StoredResponse,
};

use super::bench::{Bench, at, disabling, of_generation, settlement, with_health};
use crate::test_engine::{note, organizer, webhook};

pub(super) fn done<T: std::fmt::Debug>(changed: ChangeResult<T>) -> T {
    match changed {
        ChangeResult::Done(value) => value,
        other => panic!("not done: {other:?}"),
    }
}

fn loaded(bench: &Bench<'_>, id: OrganizerId) -> Organizer {
    let rows = bench.store.load(0).unwrap().organizers;
    rows.into_iter().find(|o| o.id == id).unwrap()
}

pub(super) fn loaded_webhook(bench: &Bench<'_>, id: WebhookId) -> Webhook {
    let rows = bench.store.load(0).unwrap().webhooks;
    rows.into_iter().find(|w| w.id == id).unwrap()
}

pub(super) fn change(bench: &Bench<'_>, id: WebhookId, change: impl Fn(&mut Webhook)) -> Webhook {
    let mut change = |w: &mut Webhook| {
        change(w);
        true
    };
    done(
        bench
            .store
            .change_webhook(bench.organizer, id, &mut change, note())
            .unwrap(),
    )
}

fn token(scope: Scope, hash: u8) -> NewToken {
    NewToken {
        hash: [hash; 32],
        name: "till".to_owned(),
        scope,
        created: at(0),
    }
}

pub(super) fn each_change_makes_a_version_and_loads_what_changed(bench: &Bench<'_>) {
    let other = bench.add_organizer("other");
    let version = bench.store.version().unwrap();
    let webhook = bench.add_webhook();
    let rows = bench.store.load(version).unwrap();
    assert!(rows.version > version && rows.version == bench.store.version().unwrap());
    let ids: Vec<_> = rows.webhooks.iter().map(|w| w.id).collect();
    assert_eq!(ids, [webhook], "nothing else has changed");
    assert!(rows.organizers.is_empty() && rows.tokens.is_empty() && rows.actions.is_empty());

    bench
        .store
        .add_token(&token(Scope::Operator, 1), note())
        .unwrap();
    let after = bench.store.load(rows.version).unwrap();
    assert!(after.version > rows.version && after.webhooks.is_empty());
    assert_eq!(after.tokens.len(), 1);
    let whole = bench.store.load(0).unwrap();
    let ids: Vec<_> = whole.organizers.iter().map(|o| o.id).collect();
    assert_eq!(ids, [bench.organizer, other]);
    let none = bench.store.load(whole.version).unwrap();
    assert!(none.organizers.is_empty() && none.tokens.is_empty());
    let mut rename = |organizer: &mut Organizer| {
        organizer.name = "Big".to_owned();
        true
    };
    done(
        bench
            .store
            .change_organizer(bench.organizer, &mut rename, note())
            .unwrap(),
    );
    let renamed = bench.store.load(whole.version).unwrap();
    assert_eq!((renamed.organizers.len(), renamed.webhooks.len()), (1, 0));
    assert_eq!(renamed.organizers[0].id, bench.organizer);
}

pub(super) fn a_change_loads_one_row_however_large_the_organizer(bench: &Bench<'_>) {
    for _ in 0..2 {
        let mut webhooks: Vec<_> = (0..30).map(|_| bench.add_webhook()).collect();
        let changed = webhooks.swap_remove(7);
        let version = bench.store.version().unwrap();
        change(bench, changed, |w| w.comment = Some("mine".to_owned()));
        let rows = bench.store.load(version).unwrap();
        assert_eq!((rows.webhooks.len(), rows.organizers.len()), (1, 0));
        assert_eq!(rows.webhooks[0].id, changed);

        let version = bench.store.version().unwrap();
        done(
            bench
                .store
                .mark_webhook_deleted(bench.organizer, webhooks[3], note())
                .unwrap(),
        );
        let rows = bench.store.load(version).unwrap();
        assert_eq!((rows.webhooks.len(), rows.organizers.len()), (1, 0));
        assert_eq!(rows.webhooks[0].id, webhooks[3]);
    }
}

pub(super) fn a_removed_event_loads_the_webhooks_that_listed_it(bench: &Bench<'_>) {
    let slug: sonnette::domain::EventSlug = "a".parse().unwrap();
    done(
        bench
            .store
            .add_event(bench.organizer, &event("a", "", None), note())
            .unwrap(),
    );
    let (with, without) = (bench.add_webhook(), bench.add_webhook());
    let only = EventFilter::Only(BTreeSet::from([slug.clone()]));
    change(bench, with, |w| w.events = only.clone());
    change(bench, without, |w| {
        w.events = EventFilter::Only(BTreeSet::new())
    });
    let version = bench.store.version().unwrap();
    done(
        bench
            .store
            .remove_event(bench.organizer, &slug, note())
            .unwrap(),
    );
    let rows = bench.store.load(version).unwrap();
    let ids: Vec<_> = rows.webhooks.iter().map(|w| w.id).collect();
    assert_eq!(ids, [with]);
    assert_eq!(rows.webhooks[0].events, EventFilter::Only(BTreeSet::new()));
}

pub(super) fn a_name_may_be_registered_again_between_two_loads(bench: &Bench<'_>) {
    let row = |organizer| RegisteredAction {
        id: 0,
        organizer,
        name: "shop.moved".parse().unwrap(),
        description: String::new(),
        schema: None,
        example: None,
        shape: PayloadShape::Custom,
        from_file: false,
    };
    for organizer in [Some(bench.organizer), None] {
        let add = |row: &RegisteredAction| done(bench.store.add_action_type(row, note()).unwrap());
        let remove =
            |row: &RegisteredAction| done(bench.store.remove_action_type(row, note()).unwrap());
        let mut first = row(organizer);
        first.id = add(&first);
        let version = bench.store.version().unwrap();
        remove(&first);
        let removed = RemovedAction {
            organizer,
            name: first.name.clone(),
        };
        let rows = bench.store.load(version).unwrap();
        assert_eq!(rows.removed_actions, [removed.clone()]);
        assert!(rows.actions.is_empty() && rows.organizers.is_empty());
        let mut second = row(organizer);
        second.id = add(&second);
        let rows = bench.store.load(version).unwrap();
        assert_eq!(
            (rows.removed_actions, rows.actions),
            (vec![removed], vec![second.clone()])
        );
        remove(&second);
        assert_eq!(bench.store.load(version).unwrap().actions, []);
    }
}

pub(super) fn an_organizer_is_kept_as_it_was_given(bench: &Bench<'_>) {
    let policies = [
        None,
        Some(FailurePolicy::Never),
        Some(FailurePolicy::After {
            failures: 7,
            lasting: SignedDuration::from_secs(90),
        }),
    ];
    for policy in policies {
        let mut changed = |o: &mut Organizer| {
            "Größer \"quoted\"".clone_into(&mut o.name);
            o.language = Language::French;
            o.dialects = vec![DialectName::Creads, DialectName::Pretix];
            o.contact_emails = vec!["a@example.com".to_owned()];
            o.uuid = "5fab0ca1-4c63-4c58-adfe-8ef02c203414".parse().unwrap();
            o.failure_policy = policy;
            true
        };
        let changed = bench
            .store
            .change_organizer(bench.organizer, &mut changed, note())
            .unwrap();
        assert_eq!(loaded(bench, bench.organizer), done(changed));
        assert_eq!(loaded(bench, bench.organizer).failure_policy, policy);
    }
    let missing = bench
        .store
        .change_organizer(OrganizerId(999), &mut |_| true, note())
        .unwrap();
    assert_eq!(missing, ChangeResult::Missing);
}

pub(super) fn slugs_and_uuids_are_taken_once(bench: &Bench<'_>) {
    let again = bench
        .store
        .add_organizer(&organizer("bigevents"), note())
        .unwrap();
    assert_eq!(again, ChangeResult::Taken);
    let own = loaded(bench, bench.organizer);
    let namesake = Organizer {
        uuid: own.uuid,
        ..organizer("elsewhere")
    };
    let again = bench.store.add_organizer(&namesake, note()).unwrap();
    assert_eq!(again, ChangeResult::Taken);
    // Case matters.
    let other = done(
        bench
            .store
            .add_organizer(&organizer("BigEvents"), note())
            .unwrap(),
    );
    let mut steal = |o: &mut Organizer| {
        o.uuid = own.uuid;
        true
    };
    let stolen = bench.store.change_organizer(other.id, &mut steal, note());
    assert_eq!(stolen.unwrap(), ChangeResult::Taken);
    assert_eq!(loaded(bench, other.id), other);
}

fn event(slug: &str, name: &str, date_from: Option<i64>) -> sonnette::domain::Event {
    sonnette::domain::Event {
        id: EventId(0),
        slug: slug.parse().unwrap(),
        name: name.to_owned(),
        date_from: date_from.map(at),
    }
}

pub(super) fn events_come_in_their_order_and_leave_their_webhooks(bench: &Bench<'_>) {
    for event in [
        event("d", "x", None),
        event("c", "b", Some(5)),
        event("b", "a", Some(5)),
        event("a", "z", Some(1)),
    ] {
        done(
            bench
                .store
                .add_event(bench.organizer, &event, note())
                .unwrap(),
        );
    }
    let taken = bench
        .store
        .add_event(bench.organizer, &event("a", "again", None), note())
        .unwrap();
    assert_eq!(taken, ChangeResult::Taken);
    let order = || -> Vec<String> {
        let events = bench.store.events(bench.organizer).unwrap();
        events.iter().map(|e| e.slug.to_string()).collect()
    };
    assert_eq!(order(), ["a", "b", "c", "d"]);

    let only =
        |slugs: &[&str]| EventFilter::Only(slugs.iter().map(|s| s.parse().unwrap()).collect());
    let id = bench.add_webhook();
    change(bench, id, |w| w.events = only(&["a", "b"]));
    assert_eq!(loaded_webhook(bench, id).events, only(&["a", "b"]));
    let slug = "a".parse().unwrap();
    let version = bench.store.version().unwrap();
    done(
        bench
            .store
            .remove_event(bench.organizer, &slug, note())
            .unwrap(),
    );
    assert!(bench.store.version().unwrap() > version);
    assert_eq!(loaded_webhook(bench, id).events, only(&["b"]));
    assert_eq!(order(), ["b", "c", "d"]);
    let missing = bench
        .store
        .change_event(bench.organizer, &slug, "renamed", None, note())
        .unwrap();
    assert_eq!(missing, ChangeResult::Missing);
    done(
        bench
            .store
            .change_event(
                bench.organizer,
                &"b".parse().unwrap(),
                "renamed",
                None,
                note(),
            )
            .unwrap(),
    );
    assert_eq!(order(), ["c", "b", "d"]);
}

pub(super) fn a_webhook_is_kept_as_it_was_given(bench: &Bench<'_>) {
    let slug: sonnette::domain::EventSlug = "democon".parse().unwrap();
    done(
        bench
            .store
            .add_event(bench.organizer, &event("democon", "", None), note())
            .unwrap(),
    );
    let mut given = webhook(
        bench.organizer,
        "https://user:p%40ss@example.com/a?b=c",
        &["a.b", "a.b", "c.*"],
    );
    given.events = EventFilter::Only(BTreeSet::from([slug]));
    given.comment = Some(String::new());
    given.state = WebhookState::Disabled(Disablement {
        since: at(1),
        reason: DisableReason::User,
    });
    given.secrets.previous = Some((Secret::from_random([9; 32]), at(5)));
    given.settings.headers = vec![ExtraHeader {
        name: "X-Till".to_owned(),
        value: "7".to_owned(),
    }];
    given.settings.max_per_second = Some(10_000);
    given.settings.max_concurrency = Some(1);
    given.settings.timeout = Some(Duration::from_secs(30));
    given.settings.extra_signatures =
        BTreeSet::from([SignatureScheme::Creads, SignatureScheme::Ed25519]);
    given.settings.signing_seeds = Some(SigningSeeds {
        current: SigningSeed([1; 32]),
        previous: Some((SigningSeed([2; 32]), at(5))),
    });
    given.settings.contact_emails = vec!["a@example.com".to_owned()];
    let added = bench.store.add_webhook(&given, note()).unwrap();
    given.id = added.id;
    assert_eq!(added, given);
    assert_eq!(added.generation, 0);
    assert_eq!(loaded_webhook(bench, added.id), given);

    let plain = webhook(bench.organizer, "http://localhost/", &[]);
    let changed = change(bench, added.id, |w| {
        *w = Webhook {
            id: w.id,
            ..plain.clone()
        }
    });
    assert_eq!(loaded_webhook(bench, added.id), changed);
    assert_eq!((changed.comment, changed.settings), (None, plain.settings));
}

pub(super) fn a_change_may_be_refused(bench: &Bench<'_>) {
    let id = bench.add_webhook();
    let before = (bench.store.version().unwrap(), loaded_webhook(bench, id));
    let mut refuse = |w: &mut Webhook| {
        w.comment = Some("no".to_owned());
        false
    };
    let refused = bench
        .store
        .change_webhook(bench.organizer, id, &mut refuse, note())
        .unwrap();
    assert_eq!(refused, ChangeResult::Refused);
    let elsewhere = bench.add_organizer("other");
    let version = bench.store.version().unwrap();
    let missing = bench
        .store
        .change_webhook(elsewhere, id, &mut |_| true, note())
        .unwrap();
    assert_eq!(missing, ChangeResult::Missing);
    assert_eq!(loaded_webhook(bench, id), before.1);
    // Nothing but a note: the version stays.
    change(bench, id, |_| {});
    assert_eq!(bench.store.version().unwrap(), version);
}

pub(super) fn another_target_or_switching_on_begins_anew(bench: &Bench<'_>) {
    let id = bench.add_webhook();
    let notification = bench.publish(&[id], &[0])[0];
    let streak = FailureStreak {
        failures: 9,
        since: at(0),
        first: notification,
        several: true,
    };
    let ill = LaneHealth {
        streak: Some(streak),
        ..LaneHealth::default()
    };
    let off = WebhookState::Disabled(Disablement {
        since: at(0),
        reason: DisableReason::User,
    });
    let health_after = |change_it: &dyn Fn(&mut Webhook)| {
        let generation = loaded_webhook(bench, id).generation;
        let failed = with_health(settlement(id, notification, 1, None), ill);
        bench.settle(vec![of_generation(failed, generation)], at(1));
        change(bench, id, change_it);
        bench.store.lane(id).unwrap().health
    };
    assert_eq!(health_after(&|w| w.comment = Some("c".to_owned())), ill);
    assert_eq!(health_after(&|w| w.state = off.clone()), ill);
    assert_eq!(
        health_after(&|w| w.state = WebhookState::Enabled),
        LaneHealth::default()
    );
    assert_eq!(
        health_after(&|w| w.target = "http://localhost/new".parse().unwrap()),
        LaneHealth::default()
    );
}

pub(super) fn what_was_sent_under_a_former_generation_counts_for_nothing(bench: &Bench<'_>) {
    let id = bench.add_webhook();
    let notification = bench.publish(&[id], &[0])[0];
    let streak = FailureStreak {
        failures: 9,
        since: at(0),
        first: notification,
        several: true,
    };
    let ill = LaneHealth {
        streak: Some(streak),
        ..LaneHealth::default()
    };
    let retry_at = at(60);
    let waits = DeliveryUpdate::Reschedule(Progress {
        attempts: 1,
        tries: 1,
        started_at: at(0),
        due_at: retry_at,
    });
    let gone = disabling(
        with_health(settlement(id, notification, 1, Some(waits)), ill),
        DisableReason::Gone,
    );
    let moved = change(bench, id, |w| {
        w.target = "http://localhost/new".parse().unwrap();
    });
    assert_eq!(moved.generation, 1);
    bench.settle(vec![of_generation(gone.clone(), 0)], at(1));
    // The attempt and its delivery are written all the same.
    let delivery = bench.store.delivery(id, notification).unwrap().unwrap();
    assert_eq!(delivery.attempts, 1);
    assert_eq!(
        delivery.state,
        DeliveryState::Scheduled { due_at: retry_at }
    );
    let lane = bench.store.lane(id).unwrap();
    assert_eq!((lane.generation, lane.health), (1, LaneHealth::default()));
    assert!(loaded_webhook(bench, id).is_enabled());

    bench.settle(vec![of_generation(gone, 1)], at(2));
    let disabled = loaded_webhook(bench, id);
    assert!(!disabled.is_enabled());
    assert_eq!(disabled.generation, 2);
    assert_eq!(change(bench, id, |w| w.comment = None).generation, 2);
    let enabled = change(bench, id, |w| w.state = WebhookState::Enabled);
    assert_eq!(enabled.generation, 3);
}

pub(super) fn action_types_belong_to_one_or_to_all(bench: &Bench<'_>) {
    let other = bench.add_organizer("other");
    let mut row = RegisteredAction {
        id: 0,
        organizer: Some(bench.organizer),
        name: "shop.moved".parse().unwrap(),
        description: "moved".to_owned(),
        schema: Some(serde_json::json!({"type": "object"})),
        example: None,
        shape: PayloadShape::Custom,
        from_file: false,
    };
    row.id = done(bench.store.add_action_type(&row, note()).unwrap());
    let again = RegisteredAction {
        id: 0,
        ..row.clone()
    };
    assert_eq!(
        bench.store.add_action_type(&again, note()).unwrap(),
        ChangeResult::Taken
    );
    let everybodys = RegisteredAction {
        id: 0,
        organizer: None,
        name: "all.moved".parse().unwrap(),
        ..row.clone()
    };
    done(bench.store.add_action_type(&everybodys, note()).unwrap());
    let names = |organizer| -> Vec<String> {
        let registry = RegistrySnapshot::read(bench.store).unwrap();
        let found = registry.organizer_by_id(organizer).unwrap();
        let mut names: Vec<_> = found
            .catalogue
            .registered()
            .map(|a| a.name.to_string())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names(bench.organizer), ["all.moved", "shop.moved"]);
    assert_eq!(names(other), ["all.moved"]);
    row.example = Some(serde_json::json!({"a": [1, "é"]}));
    let version = bench.store.version().unwrap();
    done(bench.store.change_action_type(&row, note()).unwrap());
    let rows = bench.store.load(version).unwrap();
    assert_eq!(
        (&rows.actions[..], rows.organizers.len()),
        (&[row.clone()][..], 0)
    );
    done(bench.store.remove_action_type(&row, note()).unwrap());
    assert_eq!(
        bench.store.remove_action_type(&row, note()).unwrap(),
        ChangeResult::Missing
    );
    assert_eq!(names(bench.organizer), ["all.moved"]);
}

pub(super) fn tokens_are_kept_by_their_hash(bench: &Bench<'_>) {
    let scope = Scope::Organizer(bench.organizer, Permissions::DEFAULT);
    let added = bench.store.add_token(&token(scope, 1), note()).unwrap();
    assert_eq!(
        (added.scope, added.active, added.last_used),
        (scope, true, None)
    );
    let operator = bench
        .store
        .add_token(&token(Scope::Operator, 2), note())
        .unwrap();
    let tokens = || bench.store.load(0).unwrap().tokens;
    assert_eq!(tokens(), [([1; 32], added.clone()), ([2; 32], operator)]);
    let mut switch_off = |t: &mut sonnette::domain::Token| {
        t.active = false;
        true
    };
    let off = done(
        bench
            .store
            .change_token(added.id, &mut switch_off, note())
            .unwrap(),
    );
    assert!(!off.active);
    assert_eq!(
        bench
            .store
            .change_token(TokenId(99), &mut |_| true, note())
            .unwrap(),
        ChangeResult::Missing
    );
    let version = bench.store.version().unwrap();
    bench
        .store
        .record_token_uses(&[(added.id, at(60))])
        .unwrap();
    assert_eq!(bench.store.version().unwrap(), version);
    assert_eq!(
        (tokens()[0].1.last_used, tokens()[0].1.active),
        (Some(at(60)), false)
    );
}

pub(super) fn the_audit_log_is_paged_newest_first(bench: &Bench<'_>) {
    let other = bench.add_organizer("other");
    let before = bench.store.audit_entries(bench.organizer, 0, 0).unwrap().0;
    for second in 0..5 {
        let note = NewAuditEntry {
            actor: Actor::Token(TokenId(7)),
            action: "test.noted",
            data: serde_json::json!({"second": second}),
            at: at(second),
        };
        bench.store.add_audit_entry(bench.organizer, note).unwrap();
    }
    let (count, page) = bench.store.audit_entries(bench.organizer, 1, 2).unwrap();
    assert_eq!((count, page.len()), (before + 5, 2));
    assert_eq!((page[0].at, page[1].at), (at(3), at(2)));
    assert_eq!(page[0].actor, ("token".to_owned(), Some(7)));
    assert_eq!(
        (page[0].action.as_str(), &page[0].data),
        ("test.noted", &serde_json::json!({"second": 3}))
    );
    assert!(bench.store.audit_entries(other, 0, 9).unwrap().0 < 5);
}

pub(super) fn an_answer_is_kept_for_a_day(bench: &Bench<'_>) {
    let answer = StoredResponse {
        status: 201,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: vec![0, 255, b'{'],
    };
    let key = [3; 32];
    bench.store.store_response(&key, &answer, at(0)).unwrap();
    let kept = |second| bench.store.stored_response(&key, at(second)).unwrap();
    assert_eq!(kept(86_399), Some(answer));
    assert_eq!(kept(86_400), None);
    assert_eq!(bench.store.stored_response(&[4; 32], at(0)).unwrap(), None);
}
