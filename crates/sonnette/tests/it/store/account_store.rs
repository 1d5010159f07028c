//! Users, their sessions and links, and mail about accounts.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use sonnette::domain::{
    AccessLink, AccessLinkPurpose, AccountEmail, AccountEmailKind, AccountEmailResult, Language,
    OrganizerId, Permission, Permissions, Scope, Session, SessionOwner, SessionTokenHash, TokenId,
    User, UserAccess, UserId,
};
use sonnette::store::{Actor, ChangeResult, NewAuditEntry, NewToken, NewUser};

use super::fixture::done;
use super::fixture::{Fixture, at};
use crate::test_engine::note;

const FIRST_HASH: SessionTokenHash = [1; 32];
const SECOND_HASH: SessionTokenHash = [2; 32];

fn new_user(email: &str, access: UserAccess) -> NewUser {
    NewUser {
        email: email.parse().unwrap(),
        password_hash: None,
        access,
        created: at(0),
    }
}

fn entries(organizers: &[OrganizerId]) -> UserAccess {
    let entry = |organizer: &OrganizerId| (*organizer, Permissions::DEFAULT);
    UserAccess::Organizers(organizers.iter().map(entry).collect())
}

fn add(fixture: &Fixture<'_>, email: &str, access: UserAccess) -> User {
    done(
        fixture
            .store
            .add_user(&new_user(email, access), note())
            .unwrap(),
    )
}

/// A user of the fixture's organizer.
fn ada(fixture: &Fixture<'_>) -> User {
    add(fixture, "ada@example.org", entries(&[fixture.organizer]))
}

fn token(fixture: &Fixture<'_>) -> TokenId {
    let token = NewToken {
        hash: [7; 32],
        name: "shop".to_owned(),
        scope: Scope::Organizer(fixture.organizer, Permissions::DEFAULT),
        created: at(0),
    };
    fixture.store.add_token(&token, note()).unwrap().id
}

fn session(holder: SessionOwner, until: i64) -> Session {
    Session {
        owner: holder,
        created: at(0),
        expires: at(until),
    }
}

fn named(action: &'static str) -> NewAuditEntry {
    NewAuditEntry {
        actor: Actor::CommandLine,
        action,
        data: serde_json::json!({}),
        at: at(0),
    }
}

/// The actions in the audit log of an organizer that are about users, oldest first.
fn audited(fixture: &Fixture<'_>, organizer: OrganizerId) -> Vec<String> {
    let (_, entries) = fixture.store.audit_entries(organizer, 0, 99).unwrap();
    let actions = entries.into_iter().rev().map(|entry| entry.action);
    actions
        .filter(|a| a.starts_with("sonnette.user."))
        .collect()
}

pub(super) fn email_addresses_of_users_are_unique(fixture: &Fixture<'_>) {
    let user = ada(fixture);
    let again = new_user("ADA@example.org", UserAccess::Operator);
    assert_eq!(
        fixture.store.add_user(&again, note()).unwrap(),
        ChangeResult::Taken
    );
    assert_eq!(fixture.store.users(None).unwrap(), [user]);
}

pub(super) fn a_user_is_read_as_it_was_written(fixture: &Fixture<'_>) {
    let other = fixture.add_organizer("other");
    let held = BTreeMap::from([
        (
            fixture.organizer,
            Permissions::from_iter([Permission::Publish]),
        ),
        (other, Permissions::default()),
    ]);
    let mut wanted = new_user("zoë@example.org", UserAccess::Organizers(held));
    wanted.password_hash = Some("$argon2id$".to_owned());
    let zoe = done(fixture.store.add_user(&wanted, note()).unwrap());
    assert_eq!(
        (&zoe.email, &zoe.access, zoe.has_password, zoe.created),
        (&wanted.email, &wanted.access, true, at(0))
    );
    let ada = add(fixture, "ada@example.org", UserAccess::Operator);
    let one = add(fixture, "one@example.org", entries(&[other]));
    let nobody = add(fixture, "nobody@example.org", entries(&[]));
    let store = fixture.store;
    assert_eq!(store.user(zoe.id).unwrap(), Some(zoe.clone()));
    assert_eq!(store.user(UserId(99)).unwrap(), None);
    let all = [ada.clone(), nobody, one.clone(), zoe.clone()];
    assert_eq!(store.users(None).unwrap(), all);
    let own = store.users(Some(fixture.organizer)).unwrap();
    assert_eq!(own, std::slice::from_ref(&zoe));
    assert_eq!(store.users(Some(other)).unwrap(), [one, zoe.clone()]);
    let found = |email: &str| store.user_by_email(&email.parse().unwrap()).unwrap();
    let hash = Some("$argon2id$".to_owned());
    assert_eq!(found("Zoë@example.org"), Some((zoe, hash)));
    assert_eq!(found("ada@example.org"), Some((ada, None)));
    assert_eq!(found("eve@example.org"), None);
}

pub(super) fn the_address_and_access_of_a_user_change(fixture: &Fixture<'_>) {
    let (user, other) = (ada(fixture), fixture.add_organizer("other"));
    add(fixture, "taken@example.org", UserAccess::Operator);
    let change = |email: &str, access: &UserAccess| {
        let mut change = |user: &mut User| {
            user.email = email.parse().unwrap();
            user.access = access.clone();
            // The verb changes neither.
            (user.has_password, user.created) = (true, at(9));
            true
        };
        fixture
            .store
            .change_user(user.id, &mut change, note())
            .unwrap()
    };
    let access = entries(&[other]);
    assert_eq!(change("taken@example.org", &access), ChangeResult::Taken);
    assert_eq!(fixture.store.user(user.id).unwrap(), Some(user.clone()));
    let changed = done(change("lovelace@example.org", &access));
    let wanted = User {
        email: "lovelace@example.org".parse().unwrap(),
        access,
        ..user.clone()
    };
    assert_eq!(changed, wanted);
    assert_eq!(fixture.store.user(user.id).unwrap(), Some(wanted));
    assert_eq!(
        done(change("ada@example.org", &UserAccess::Operator)).access,
        UserAccess::Operator
    );
    assert_eq!(fixture.store.users(Some(other)).unwrap(), []);
    let refuse = |id| {
        fixture
            .store
            .change_user(id, &mut |_| false, note())
            .unwrap()
    };
    assert_eq!(refuse(user.id), ChangeResult::Refused);
    assert_eq!(refuse(UserId(99)), ChangeResult::Missing);
}

pub(super) fn a_new_address_ends_the_links_to_the_old_one(fixture: &Fixture<'_>) {
    let user = ada(fixture);
    let link = AccessLink::new(AccessLinkPurpose::Invitation(user.id), at(0));
    fixture.store.add_link(&FIRST_HASH, &link).unwrap();
    let change = |email: &str| {
        let mut change = |user: &mut User| {
            user.email = email.parse().unwrap();
            true
        };
        done(
            fixture
                .store
                .change_user(user.id, &mut change, note())
                .unwrap(),
        );
        fixture.store.link(&FIRST_HASH, at(1)).unwrap()
    };
    assert_eq!(change("ada@example.org"), Some(link));
    assert_eq!(change("eve@example.org"), None);
}

pub(super) fn a_password_ends_sessions_links_and_emails(fixture: &Fixture<'_>) {
    let (user, store) = (ada(fixture), fixture.store);
    let other = add(fixture, "other@example.org", UserAccess::Operator);
    for (user, first) in [(user.id, 1), (other.id, 11)] {
        let held = session(SessionOwner::User(user), 60);
        store.add_session(&[first; 32], &held, None).unwrap();
        store.add_session(&[first + 1; 32], &held, None).unwrap();
        let link = AccessLink::new(AccessLinkPurpose::Reset(user), at(0));
        store.add_link(&[first; 32], &link).unwrap();
        let queued = store.enqueue_account_email(
            user,
            AccountEmailKind::Reset,
            Language::English,
            None,
            at(0),
        );
        assert!(queued.unwrap());
    }
    let set = |id| {
        store
            .set_password(id, "$argon2id$new", None, note(), at(1))
            .unwrap()
    };
    assert!(done(set(user.id)).has_password);
    assert_eq!(set(UserId(99)), ChangeResult::Missing);
    let by = |link| store.set_password(other.id, "$argon2id$x", Some(&link), note(), at(1));
    assert_eq!(
        by([1; 32]).unwrap(),
        ChangeResult::Missing,
        "the link is over"
    );
    let (_, hash) = store.user_by_email(&user.email).unwrap().unwrap();
    assert_eq!(hash.as_deref(), Some("$argon2id$new"));
    for (place, there) in [(1, false), (2, false), (11, true), (12, true)] {
        let found = store.session(&[place; 32], at(1)).unwrap();
        assert_eq!(found.is_some(), there, "{place}");
    }
    assert_eq!(store.link(&[1; 32], at(1)).unwrap(), None);
    assert!(store.link(&[11; 32], at(1)).unwrap().is_some());
    let pending = store.due_account_emails(at(1), 9).unwrap();
    assert_eq!(
        pending.iter().map(|l| l.user).collect::<Vec<_>>(),
        [other.id]
    );
    assert!(matches!(by([11; 32]).unwrap(), ChangeResult::Done(_)));
    assert_eq!(by([11; 32]).unwrap(), ChangeResult::Missing, "only once");
    let own = session(SessionOwner::User(user.id), 60);
    let verified = |hash| store.add_session(&[21; 32], &own, Some(hash)).unwrap();
    assert!(
        !verified("$argon2id$old"),
        "another password was set meanwhile"
    );
    assert!(verified("$argon2id$new"));
}

pub(super) fn a_removed_user_leaves_nothing_and_its_id_is_not_reused(fixture: &Fixture<'_>) {
    let (user, store) = (ada(fixture), fixture.store);
    let holder = SessionOwner::User(user.id);
    store
        .add_session(&FIRST_HASH, &session(holder, 60), None)
        .unwrap();
    let link = AccessLink::new(AccessLinkPurpose::Invitation(user.id), at(0));
    store.add_link(&FIRST_HASH, &link).unwrap();
    let owe = |user| {
        store.enqueue_account_email(
            user,
            AccountEmailKind::Invitation,
            Language::French,
            None,
            at(0),
        )
    };
    assert!(owe(user.id).unwrap());
    let remove = || store.remove_user(user.id, note()).unwrap();
    assert_eq!(done(remove()), user);
    assert_eq!(remove(), ChangeResult::Missing);
    assert_eq!(store.user(user.id).unwrap(), None);
    assert_eq!(store.session(&FIRST_HASH, at(1)).unwrap(), None);
    assert_eq!(store.link(&FIRST_HASH, at(1)).unwrap(), None);
    assert_eq!(store.due_account_emails(at(1), 9).unwrap(), []);
    assert!(!owe(user.id).unwrap());
    assert!(
        store
            .add_session(&SECOND_HASH, &session(holder, 60), None)
            .is_err()
    );
    assert!(ada(fixture).id > user.id);
}

pub(super) fn changes_of_users_are_audited_per_organizer(fixture: &Fixture<'_>) {
    let (store, other) = (fixture.store, fixture.add_organizer("other"));
    let wanted = new_user("ada@example.org", entries(&[fixture.organizer]));
    let user = done(
        store
            .add_user(&wanted, named("sonnette.user.created"))
            .unwrap(),
    );
    let mut change = |user: &mut User| {
        user.access = entries(&[other]);
        true
    };
    let changed = named("sonnette.user.changed");
    done(store.change_user(user.id, &mut change, changed).unwrap());
    let password = named("sonnette.user.password");
    done(
        store
            .set_password(user.id, "", None, password, at(0))
            .unwrap(),
    );
    let removed = named("sonnette.user.removed");
    done(store.remove_user(user.id, removed).unwrap());
    let operator = new_user("op@example.org", UserAccess::Operator);
    done(
        store
            .add_user(&operator, named("sonnette.user.created"))
            .unwrap(),
    );
    let own = ["sonnette.user.created", "sonnette.user.changed"];
    assert_eq!(audited(fixture, fixture.organizer), own);
    let others = ["changed", "password", "removed"].map(|a| format!("sonnette.user.{a}"));
    assert_eq!(audited(fixture, other), others);
}

pub(super) fn a_session_lasts_until_it_expires_or_ends(fixture: &Fixture<'_>) {
    let (store, user) = (fixture.store, ada(fixture).id);
    let (token, organizer) = (token(fixture), fixture.organizer);
    let own = session(SessionOwner::User(user), 60);
    let portal = session(SessionOwner::Portal { organizer, token }, 60);
    store.add_session(&FIRST_HASH, &own, None).unwrap();
    store.add_session(&SECOND_HASH, &portal, None).unwrap();
    let found = |hash, second| store.session(&hash, at(second)).unwrap();
    assert_eq!(
        (found(FIRST_HASH, 59), found(SECOND_HASH, 59)),
        (Some(own), Some(portal))
    );
    assert_eq!((found(FIRST_HASH, 60), found([3; 32], 0)), (None, None));
    // One session has expired, the other has not.
    store.extend_session(&FIRST_HASH, at(120), at(60)).unwrap();
    assert_eq!(found(FIRST_HASH, 60), None);
    store.extend_session(&FIRST_HASH, at(120), at(59)).unwrap();
    assert_eq!(found(FIRST_HASH, 119), Some(session(own.owner, 120)));
    store.end_sessions_of_user(user).unwrap();
    assert_eq!(
        (found(FIRST_HASH, 1), found(SECOND_HASH, 1)),
        (None, Some(portal))
    );
    store.end_session(&SECOND_HASH).unwrap();
    store.end_session(&SECOND_HASH).unwrap();
    assert_eq!(found(SECOND_HASH, 1), None);
}

pub(super) fn a_link_lasts_as_long_as_its_purpose_says(fixture: &Fixture<'_>) {
    let (store, user) = (fixture.store, ada(fixture).id);
    let (token, organizer) = (token(fixture), fixture.organizer);
    let purposes = [
        (AccessLinkPurpose::Invitation(user), 7 * 24 * 3_600),
        (AccessLinkPurpose::Reset(user), 3_600),
        (AccessLinkPurpose::Portal { organizer, token }, 600),
    ];
    for (hash, (purpose, seconds)) in (1..).zip(purposes) {
        let hash = [hash; 32];
        store
            .add_link(&hash, &AccessLink::new(purpose, at(0)))
            .unwrap();
        let found = |second| store.link(&hash, at(second)).unwrap();
        let expires = at(seconds);
        // Reading it does not end it.
        for _ in 0..2 {
            assert_eq!(found(seconds - 1), Some(AccessLink { purpose, expires }));
        }
        assert_eq!(found(seconds), None);
        store.end_link(&hash).unwrap();
        assert_eq!(found(0), None);
    }
}

pub(super) fn an_account_email_is_due_until_it_is_settled(fixture: &Fixture<'_>) {
    let (store, user) = (fixture.store, ada(fixture));
    let (kind, language, organizer) = (
        AccountEmailKind::Invitation,
        Language::French,
        Some(fixture.organizer),
    );
    assert!(
        store
            .enqueue_account_email(user.id, kind, language, organizer, at(5))
            .unwrap()
    );
    assert_eq!(store.due_account_emails(at(4), 9).unwrap(), []);
    let pending = store.due_account_emails(at(5), 9).unwrap().remove(0);
    let wanted = AccountEmail {
        id: pending.id,
        user: user.id,
        email: user.email,
        kind,
        language,
        organizer,
        at: at(5),
        send_failures: 0,
    };
    assert_eq!(pending, wanted);
    let waits = pending.after_failure("away".to_owned(), at(6));
    store
        .record_account_email_result(pending.id, &waits, at(6))
        .unwrap();
    assert_eq!(store.due_account_emails(at(10), 9).unwrap(), []);
    assert_eq!(
        store.due_account_emails(at(11), 9).unwrap()[0].send_failures,
        1
    );
    assert!(
        store
            .enqueue_account_email(user.id, AccountEmailKind::Reset, language, None, at(7))
            .unwrap()
    );
    assert_eq!(
        store.due_account_emails(at(20), 1).unwrap()[0].organizer,
        None
    );
    assert_eq!(store.due_account_emails(at(20), 9).unwrap().len(), 2);
    store
        .record_account_email_result(pending.id, &AccountEmailResult::Sent, at(12))
        .unwrap();
    // A settled email is not changed.
    store
        .record_account_email_result(pending.id, &waits, at(13))
        .unwrap();
    let left = store.due_account_emails(at(20), 9).unwrap();
    assert_eq!(left.len(), 1);
    let given_up = AccountEmailResult::GivenUp {
        error: "no".to_owned(),
    };
    store
        .record_account_email_result(left[0].id, &given_up, at(14))
        .unwrap();
    assert_eq!(store.due_account_emails(at(99), 9).unwrap(), []);
}

pub(super) fn account_emails_are_rate_limited(fixture: &Fixture<'_>) {
    let (store, user) = (fixture.store, ada(fixture).id);
    let other = add(fixture, "other@example.org", UserAccess::Operator).id;
    let owe = |user, kind, second| {
        let queued = store.enqueue_account_email(user, kind, Language::English, None, at(second));
        queued.unwrap()
    };
    assert!(owe(user, AccountEmailKind::Reset, 0));
    let first = store.due_account_emails(at(0), 9).unwrap()[0].id;
    store
        .record_account_email_result(first, &AccountEmailResult::Sent, at(0))
        .unwrap();
    assert!(!owe(user, AccountEmailKind::Reset, 59));
    assert!(owe(user, AccountEmailKind::Invitation, 59));
    assert!(owe(other, AccountEmailKind::Reset, 59));
    assert!(owe(user, AccountEmailKind::Reset, 60));
    assert!(!owe(user, AccountEmailKind::Invitation, 118));
    assert!(owe(user, AccountEmailKind::Invitation, 119));
    for minute in 3..11 {
        assert!(owe(user, AccountEmailKind::Reset, minute * 60));
    }
    assert!(!owe(user, AccountEmailKind::Reset, 86_399));
    assert!(owe(user, AccountEmailKind::Invitation, 86_399));
    assert!(owe(user, AccountEmailKind::Reset, 86_400));
    assert!(owe(other, AccountEmailKind::Reset, 86_400));
}

pub(super) fn expired_rows_are_pruned(fixture: &Fixture<'_>) {
    let (store, user) = (fixture.store, ada(fixture).id);
    let holder = SessionOwner::User(user);
    store
        .add_session(&FIRST_HASH, &session(holder, 60), None)
        .unwrap();
    store
        .add_session(&SECOND_HASH, &session(holder, 61), None)
        .unwrap();
    let (short, long) = (
        AccessLinkPurpose::Reset(user),
        AccessLinkPurpose::Invitation(user),
    );
    let early = at(60) - SignedDuration::from_hours(1);
    store
        .add_link(&FIRST_HASH, &AccessLink::new(short, early))
        .unwrap();
    store
        .add_link(&SECOND_HASH, &AccessLink::new(long, early))
        .unwrap();
    let owe = |kind, second| {
        store
            .enqueue_account_email(user, kind, Language::English, None, at(second))
            .unwrap()
    };
    assert!(owe(AccountEmailKind::Reset, 29) && owe(AccountEmailKind::Invitation, 30));
    assert!(!store.prune(at(30), at(60)).unwrap());
    // Expired rows are not returned, so they are read as of an earlier time.
    assert_eq!(store.session(&FIRST_HASH, at(0)).unwrap(), None);
    assert!(store.session(&SECOND_HASH, at(0)).unwrap().is_some());
    assert_eq!(store.link(&FIRST_HASH, at(0)).unwrap(), None);
    assert!(store.link(&SECOND_HASH, at(0)).unwrap().is_some());
    let left = store.due_account_emails(at(99), 9).unwrap();
    assert_eq!(left.iter().map(|l| l.at).collect::<Vec<_>>(), [at(30)]);
}
