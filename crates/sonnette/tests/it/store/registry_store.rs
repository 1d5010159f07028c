//! Organizers, events, action types, tokens, the audit log and stored responses.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use sonnette::domain::{
    DialectName, EventFilter, EventId, FailurePolicy, Language, Organizer, OrganizerId,
    PayloadShape, Permissions, RegisteredActionType, Scope, TokenId,
};
use sonnette::engine::RegistrySnapshot;
use sonnette::store::{
    Actor, ChangeResult, NewAuditEntry, NewToken, RemovedActionType, StoredResponse,
};

use super::fixture::{Fixture, at, change, done, loaded_webhook};
use crate::test_engine::{note, organizer};

fn loaded(fixture: &Fixture<'_>, id: OrganizerId) -> Organizer {
    let rows = fixture.store.load(0).unwrap().organizers;
    rows.into_iter().find(|o| o.id == id).unwrap()
}

fn token(scope: Scope, hash: u8) -> NewToken {
    NewToken {
        hash: [hash; 32],
        name: "till".to_owned(),
        scope,
        created: at(0),
    }
}

pub(super) fn each_change_makes_a_version_and_loads_what_changed(fixture: &Fixture<'_>) {
    let other = fixture.add_organizer("other");
    let version = fixture.store.version().unwrap();
    let webhook = fixture.add_webhook();
    let rows = fixture.store.load(version).unwrap();
    assert!(rows.version > version && rows.version == fixture.store.version().unwrap());
    let ids: Vec<_> = rows.webhooks.iter().map(|w| w.id).collect();
    assert_eq!(ids, [webhook], "nothing else has changed");
    assert!(rows.organizers.is_empty() && rows.tokens.is_empty() && rows.action_types.is_empty());

    fixture
        .store
        .add_token(&token(Scope::Operator, 1), note())
        .unwrap();
    let after = fixture.store.load(rows.version).unwrap();
    assert!(after.version > rows.version && after.webhooks.is_empty());
    assert_eq!(after.tokens.len(), 1);
    let whole = fixture.store.load(0).unwrap();
    let ids: Vec<_> = whole.organizers.iter().map(|o| o.id).collect();
    assert_eq!(ids, [fixture.organizer, other]);
    let none = fixture.store.load(whole.version).unwrap();
    assert!(none.organizers.is_empty() && none.tokens.is_empty());
    let mut rename = |organizer: &mut Organizer| {
        "Big".clone_into(&mut organizer.name);
        true
    };
    done(
        fixture
            .store
            .change_organizer(fixture.organizer, &mut rename, note())
            .unwrap(),
    );
    let renamed = fixture.store.load(whole.version).unwrap();
    assert_eq!((renamed.organizers.len(), renamed.webhooks.len()), (1, 0));
    assert_eq!(renamed.organizers[0].id, fixture.organizer);
}

pub(super) fn a_change_loads_one_row_however_large_the_organizer(fixture: &Fixture<'_>) {
    for _ in 0..2 {
        let mut webhooks: Vec<_> = (0..30).map(|_| fixture.add_webhook()).collect();
        let changed = webhooks.swap_remove(7);
        let version = fixture.store.version().unwrap();
        change(fixture, changed, |w| w.comment = Some("mine".to_owned()));
        let rows = fixture.store.load(version).unwrap();
        assert_eq!((rows.webhooks.len(), rows.organizers.len()), (1, 0));
        assert_eq!(rows.webhooks[0].id, changed);

        let version = fixture.store.version().unwrap();
        done(
            fixture
                .store
                .mark_webhook_deleted(fixture.organizer, webhooks[3], note())
                .unwrap(),
        );
        let rows = fixture.store.load(version).unwrap();
        assert_eq!((rows.webhooks.len(), rows.organizers.len()), (1, 0));
        assert_eq!(rows.webhooks[0].id, webhooks[3]);
    }
}

pub(super) fn a_removed_event_loads_the_webhooks_that_listed_it(fixture: &Fixture<'_>) {
    let slug: sonnette::domain::EventSlug = "a".parse().unwrap();
    done(
        fixture
            .store
            .add_event(fixture.organizer, &event("a", "", None), note())
            .unwrap(),
    );
    let (with, without) = (fixture.add_webhook(), fixture.add_webhook());
    let only = EventFilter::Only(BTreeSet::from([slug.clone()]));
    change(fixture, with, |w| w.events = only.clone());
    change(fixture, without, |w| {
        w.events = EventFilter::Only(BTreeSet::new());
    });
    let version = fixture.store.version().unwrap();
    done(
        fixture
            .store
            .remove_event(fixture.organizer, &slug, note())
            .unwrap(),
    );
    let rows = fixture.store.load(version).unwrap();
    let ids: Vec<_> = rows.webhooks.iter().map(|w| w.id).collect();
    assert_eq!(ids, [with]);
    assert_eq!(rows.webhooks[0].events, EventFilter::Only(BTreeSet::new()));
}

pub(super) fn a_name_may_be_registered_again_between_two_loads(fixture: &Fixture<'_>) {
    let row = |organizer| RegisteredActionType {
        id: 0,
        organizer,
        name: "shop.moved".parse().unwrap(),
        description: String::new(),
        schema: None,
        example: None,
        shape: PayloadShape::Custom,
        from_file: false,
    };
    for organizer in [Some(fixture.organizer), None] {
        let add =
            |row: &RegisteredActionType| done(fixture.store.add_action_type(row, note()).unwrap());
        let remove = |row: &RegisteredActionType| {
            done(fixture.store.remove_action_type(row, note()).unwrap())
        };
        let mut first = row(organizer);
        first.id = add(&first);
        let version = fixture.store.version().unwrap();
        remove(&first);
        let removed = RemovedActionType {
            organizer,
            name: first.name.clone(),
        };
        let rows = fixture.store.load(version).unwrap();
        assert_eq!(rows.removed_action_types, std::slice::from_ref(&removed));
        assert!(rows.action_types.is_empty() && rows.organizers.is_empty());
        let mut second = row(organizer);
        second.id = add(&second);
        let rows = fixture.store.load(version).unwrap();
        assert_eq!(
            (rows.removed_action_types, rows.action_types),
            (vec![removed], vec![second.clone()])
        );
        remove(&second);
        assert_eq!(fixture.store.load(version).unwrap().action_types, []);
    }
}

pub(super) fn an_organizer_is_read_as_it_was_written(fixture: &Fixture<'_>) {
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
        let changed = fixture
            .store
            .change_organizer(fixture.organizer, &mut changed, note())
            .unwrap();
        assert_eq!(loaded(fixture, fixture.organizer), done(changed));
        assert_eq!(loaded(fixture, fixture.organizer).failure_policy, policy);
    }
    let missing = fixture
        .store
        .change_organizer(OrganizerId(999), &mut |_| true, note())
        .unwrap();
    assert_eq!(missing, ChangeResult::Missing);
}

pub(super) fn slugs_and_uuids_are_unique(fixture: &Fixture<'_>) {
    let again = fixture
        .store
        .add_organizer(&organizer("bigevents"), note())
        .unwrap();
    assert_eq!(again, ChangeResult::Taken);
    let own = loaded(fixture, fixture.organizer);
    let namesake = Organizer {
        uuid: own.uuid,
        ..organizer("elsewhere")
    };
    let again = fixture.store.add_organizer(&namesake, note()).unwrap();
    assert_eq!(again, ChangeResult::Taken);
    // Slugs are case-sensitive.
    let other = done(
        fixture
            .store
            .add_organizer(&organizer("BigEvents"), note())
            .unwrap(),
    );
    let mut steal = |o: &mut Organizer| {
        o.uuid = own.uuid;
        true
    };
    let stolen = fixture.store.change_organizer(other.id, &mut steal, note());
    assert_eq!(stolen.unwrap(), ChangeResult::Taken);
    assert_eq!(loaded(fixture, other.id), other);
}

pub(super) fn event(slug: &str, name: &str, date_from: Option<i64>) -> sonnette::domain::Event {
    sonnette::domain::Event {
        id: EventId(0),
        slug: slug.parse().unwrap(),
        name: name.to_owned(),
        date_from: date_from.map(|seconds| at(seconds).into()),
    }
}

pub(super) fn events_are_ordered_and_removed_from_webhooks(fixture: &Fixture<'_>) {
    for event in [
        event("d", "x", None),
        event("c", "b", Some(5)),
        event("b", "a", Some(5)),
        event("a", "z", Some(1)),
    ] {
        done(
            fixture
                .store
                .add_event(fixture.organizer, &event, note())
                .unwrap(),
        );
    }
    let taken = fixture
        .store
        .add_event(fixture.organizer, &event("a", "again", None), note())
        .unwrap();
    assert_eq!(taken, ChangeResult::Taken);
    let order = || -> Vec<String> {
        let events = fixture.store.events(fixture.organizer).unwrap();
        events.iter().map(|e| e.slug.to_string()).collect()
    };
    assert_eq!(order(), ["a", "b", "c", "d"]);

    let only =
        |slugs: &[&str]| EventFilter::Only(slugs.iter().map(|s| s.parse().unwrap()).collect());
    let id = fixture.add_webhook();
    change(fixture, id, |w| w.events = only(&["a", "b"]));
    assert_eq!(loaded_webhook(fixture, id).events, only(&["a", "b"]));
    let slug = "a".parse().unwrap();
    let version = fixture.store.version().unwrap();
    done(
        fixture
            .store
            .remove_event(fixture.organizer, &slug, note())
            .unwrap(),
    );
    assert!(fixture.store.version().unwrap() > version);
    assert_eq!(loaded_webhook(fixture, id).events, only(&["b"]));
    assert_eq!(order(), ["b", "c", "d"]);
    let missing = fixture
        .store
        .change_event(fixture.organizer, &slug, "renamed", None, note())
        .unwrap();
    assert_eq!(missing, ChangeResult::Missing);
    done(
        fixture
            .store
            .change_event(
                fixture.organizer,
                &"b".parse().unwrap(),
                "renamed",
                None,
                note(),
            )
            .unwrap(),
    );
    assert_eq!(order(), ["c", "b", "d"]);
}

pub(super) fn action_types_belong_to_one_or_all_organizers(fixture: &Fixture<'_>) {
    let other = fixture.add_organizer("other");
    let mut row = RegisteredActionType {
        id: 0,
        organizer: Some(fixture.organizer),
        name: "shop.moved".parse().unwrap(),
        description: "moved".to_owned(),
        schema: Some(serde_json::json!({"type": "object"})),
        example: None,
        shape: PayloadShape::Custom,
        from_file: false,
    };
    row.id = done(fixture.store.add_action_type(&row, note()).unwrap());
    let again = RegisteredActionType {
        id: 0,
        ..row.clone()
    };
    assert_eq!(
        fixture.store.add_action_type(&again, note()).unwrap(),
        ChangeResult::Taken
    );
    let everybodys = RegisteredActionType {
        id: 0,
        organizer: None,
        name: "all.moved".parse().unwrap(),
        ..row.clone()
    };
    done(fixture.store.add_action_type(&everybodys, note()).unwrap());
    let names = |organizer| -> Vec<String> {
        let registry = RegistrySnapshot::read(fixture.store).unwrap();
        let found = registry.organizer_by_id(organizer).unwrap();
        let mut names: Vec<_> = found
            .catalogue
            .registered()
            .map(|a| a.name.to_string())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names(fixture.organizer), ["all.moved", "shop.moved"]);
    assert_eq!(names(other), ["all.moved"]);
    row.example = Some(serde_json::json!({"a": [1, "é"]}));
    let version = fixture.store.version().unwrap();
    done(fixture.store.change_action_type(&row, note()).unwrap());
    let rows = fixture.store.load(version).unwrap();
    assert_eq!(
        (&rows.action_types[..], rows.organizers.len()),
        (&[row.clone()][..], 0)
    );
    done(fixture.store.remove_action_type(&row, note()).unwrap());
    assert_eq!(
        fixture.store.remove_action_type(&row, note()).unwrap(),
        ChangeResult::Missing
    );
    assert_eq!(names(fixture.organizer), ["all.moved"]);
}

pub(super) fn tokens_are_stored_by_their_hash(fixture: &Fixture<'_>) {
    let scope = Scope::Organizer(fixture.organizer, Permissions::DEFAULT);
    let added = fixture.store.add_token(&token(scope, 1), note()).unwrap();
    assert_eq!(
        (added.scope, added.active, added.last_used),
        (scope, true, None)
    );
    let operator = fixture
        .store
        .add_token(&token(Scope::Operator, 2), note())
        .unwrap();
    let tokens = || fixture.store.load(0).unwrap().tokens;
    assert_eq!(
        tokens(),
        [([1; 32], added.clone()), ([2; 32], operator.clone())]
    );
    let other = fixture.add_organizer("other");
    let scope_of_other = Scope::Organizer(other, Permissions::DEFAULT);
    let of_other = fixture
        .store
        .add_token(&token(scope_of_other, 3), note())
        .unwrap();
    let of_organizer = |organizer| fixture.store.tokens(organizer).unwrap();
    assert_eq!(
        (of_organizer(fixture.organizer), of_organizer(other)),
        (vec![added.clone()], vec![of_other])
    );
    let stored = |id| fixture.store.token(id).unwrap();
    assert_eq!(
        (stored(added.id), stored(operator.id), stored(TokenId(99))),
        (Some(added.clone()), Some(operator), None)
    );
    let mut switch_off = |t: &mut sonnette::domain::Token| {
        t.active = false;
        true
    };
    let off = done(
        fixture
            .store
            .change_token(added.id, &mut switch_off, note())
            .unwrap(),
    );
    assert!(!off.active);
    assert_eq!(
        fixture
            .store
            .change_token(TokenId(99), &mut |_| true, note())
            .unwrap(),
        ChangeResult::Missing
    );
    let version = fixture.store.version().unwrap();
    fixture
        .store
        .record_token_uses(&[(added.id, at(60))])
        .unwrap();
    assert_eq!(fixture.store.version().unwrap(), version);
    assert_eq!(
        (tokens()[0].1.last_used, tokens()[0].1.active),
        (Some(at(60)), false)
    );
}

pub(super) fn the_audit_log_is_paged_newest_first(fixture: &Fixture<'_>) {
    let other = fixture.add_organizer("other");
    let before = fixture
        .store
        .audit_entries(fixture.organizer, 0, 0)
        .unwrap()
        .0;
    for second in 0..5 {
        let note = NewAuditEntry {
            actor: Actor::Token(TokenId(7)),
            action: "test.noted",
            data: serde_json::json!({"second": second}),
            at: at(second),
        };
        fixture
            .store
            .add_audit_entry(fixture.organizer, note)
            .unwrap();
    }
    let (count, page) = fixture
        .store
        .audit_entries(fixture.organizer, 1, 2)
        .unwrap();
    assert_eq!((count, page.len()), (before + 5, 2));
    assert_eq!((page[0].at, page[1].at), (at(3), at(2)));
    assert_eq!(page[0].actor, ("token".to_owned(), Some(7)));
    assert_eq!(
        (page[0].action.as_str(), &page[0].data),
        ("test.noted", &serde_json::json!({"second": 3}))
    );
    assert!(fixture.store.audit_entries(other, 0, 9).unwrap().0 < 5);
}

pub(super) fn a_response_is_stored_for_a_day(fixture: &Fixture<'_>) {
    let answer = StoredResponse {
        status: 201,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: vec![0, 255, b'{'],
    };
    let key = [3; 32];
    fixture.store.store_response(&key, &answer, at(0)).unwrap();
    let kept = |second| fixture.store.stored_response(&key, at(second)).unwrap();
    assert_eq!(kept(86_399), Some(answer));
    assert_eq!(kept(86_400), None);
    assert_eq!(
        fixture.store.stored_response(&[4; 32], at(0)).unwrap(),
        None
    );
}
