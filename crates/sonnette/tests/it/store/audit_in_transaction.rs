//! A change and its audit entry are written in one transaction: if one of them fails, neither is written. Triggers, which
//! only SQL can create, make one of them fail.

use std::path::Path;

use rusqlite::Connection;
use sonnette::domain::{
    DisableReason, FailureStreak, LaneHealth, NotificationId, OrganizerId, PayloadShape,
    Permissions, RegisteredActionType, Scope, SettlementKind, TokenId, UserAccess, UserId,
    WebhookId,
};
use sonnette::store::sqlite::SqliteStore;
use sonnette::store::{
    AccountStore, Batch, ChangeResult, CommitError, DeliveryAdmin, DeliveryStore, ErasureBatch,
    ErasureStore, MissedStore, NewToken, NewUser, RegistryStore, StoreError, TimeRange, TokenStore,
    WebhookStore,
};

use super::fixture::{Fixture, at, disabling, publication, settlement, with_health};
use crate::test_engine::{batch_entry, note, organizer, webhook};

/// A store with a row for every change.
struct Subject {
    store: SqliteStore,
    organizer: OrganizerId,
    webhook: WebhookId,
    /// A notification with a delivery that waits, one that was given up, and one without a delivery.
    pending: NotificationId,
    missed: NotificationId,
    user: UserId,
    token: TokenId,
    action_type: RegisteredActionType,
}

/// What a change did; `Ok(false)` is a change that was refused.
type Outcome = Result<bool, StoreError>;

/// A change with the table that it changes.
type Change = (&'static str, &'static str, fn(&Subject) -> Outcome);

fn is_done<T>(result: Result<ChangeResult<T>, StoreError>) -> Outcome {
    result.map(|result| matches!(result, ChangeResult::Done(_)))
}

fn event(slug: &str) -> sonnette::domain::Event {
    sonnette::domain::Event {
        id: sonnette::domain::EventId(0),
        slug: slug.parse().unwrap(),
        name: slug.to_owned(),
        date_from: None,
    }
}

fn new_token() -> NewToken {
    NewToken {
        hash: [7; 32],
        name: "new".to_owned(),
        scope: Scope::Operator,
        created: at(0),
    }
}

fn new_user(email: &str, organizer: OrganizerId) -> NewUser {
    NewUser {
        email: email.parse().unwrap(),
        password_hash: None,
        access: UserAccess::Organizers([(organizer, Permissions::DEFAULT)].into()),
        created: at(0),
    }
}

fn done<T>(result: Result<ChangeResult<T>, StoreError>) -> T {
    match result.unwrap() {
        ChangeResult::Done(value) => value,
        _ => panic!("not done"),
    }
}

fn subject(path: &Path) -> Subject {
    let store = SqliteStore::open(path).unwrap();
    let fixture = Fixture::new(&store);
    let organizer = fixture.organizer;
    let id = fixture.add_webhook();
    let personal = sonnette::store::Publication {
        subject: Some("person".to_owned()),
        ..publication(&[id], 0)
    };
    let pending = fixture.commit(vec![fixture.group(vec![personal])]);
    let pending = super::fixture::stored(&pending[0])[0].id;
    let given_up = fixture.publish(&[id], &[1])[0];
    fixture.settle_delivery(id, given_up, SettlementKind::GivenUp, 2);
    let missed = fixture.publish(&[], &[3])[0];
    let streak = FailureStreak {
        failures: 6,
        since: at(1),
        first_notification: given_up,
        has_several_notifications: true,
    };
    let failing = LaneHealth {
        streak: Some(streak),
        ..LaneHealth::default()
    };
    let settled = settlement(id, missed, 3, None);
    fixture.settle(vec![with_health(settled, failing)], at(3));
    done(store.add_event(organizer, &event("old"), note()));
    let mut action_type = RegisteredActionType {
        id: 0,
        organizer: Some(organizer),
        name: "shop.moved".parse().unwrap(),
        description: String::new(),
        schema: None,
        example: None,
        shape: PayloadShape::Custom,
        from_file: false,
    };
    action_type.id = done(store.add_action_type(&action_type, note()));
    let user = done(store.add_user(&new_user("old@example.org", organizer), note())).id;
    let mut token = new_token();
    token.hash = [1; 32];
    let token = store.add_token(&token, note()).unwrap().id;
    Subject {
        organizer,
        webhook: id,
        pending,
        missed,
        user,
        token,
        action_type,
        store,
    }
}

const CHANGES: &[Change] = &[
    ("add_organizer", "organizers", |s| {
        is_done(s.store.add_organizer(&organizer("new"), note()))
    }),
    ("change_organizer", "organizers", |s| {
        let mut change = |organizer: &mut sonnette::domain::Organizer| {
            organizer.contact_emails = vec!["new@example.org".to_owned()];
            true
        };
        is_done(s.store.change_organizer(s.organizer, &mut change, note()))
    }),
    ("add_event", "events", |s| {
        is_done(s.store.add_event(s.organizer, &event("new"), note()))
    }),
    ("change_event", "events", |s| {
        let slug = "old".parse().unwrap();
        is_done(
            s.store
                .change_event(s.organizer, &slug, "new", None, note()),
        )
    }),
    ("remove_event", "events", |s| {
        let slug = "old".parse().unwrap();
        is_done(s.store.remove_event(s.organizer, &slug, note()))
    }),
    ("add_action_type", "action_types", |s| {
        let mut new = s.action_type.clone();
        new.name = "shop.new".parse().unwrap();
        is_done(s.store.add_action_type(&new, note()))
    }),
    ("change_action_type", "action_types", |s| {
        let mut changed = s.action_type.clone();
        "changed".clone_into(&mut changed.description);
        is_done(s.store.change_action_type(&changed, note()))
    }),
    ("remove_action_type", "action_types", |s| {
        is_done(s.store.remove_action_type(&s.action_type, note()))
    }),
    ("add_webhook", "webhooks", |s| {
        let new = webhook(s.organizer, "http://localhost/", &[]);
        s.store
            .add_webhook(&new, note(), Some(note()))
            .map(|_| true)
    }),
    ("change_webhook", "webhooks", |s| {
        let mut change = |webhook: &mut sonnette::domain::Webhook| {
            webhook.settings.contact_emails = vec!["new@example.org".to_owned()];
            true
        };
        let (entry, settings_entry) = (note(), Some(note()));
        is_done(
            s.store
                .change_webhook(s.organizer, s.webhook, &mut change, entry, settings_entry),
        )
    }),
    ("mark_webhook_deleted", "webhooks", |s| {
        is_done(s.store.mark_webhook_deleted(s.organizer, s.webhook, note()))
    }),
    ("add_token", "tokens", |s| {
        s.store.add_token(&new_token(), note()).map(|_| true)
    }),
    ("change_token", "tokens", |s| {
        let mut revoke = |token: &mut sonnette::domain::Token| {
            token.active = false;
            true
        };
        is_done(s.store.change_token(s.token, &mut revoke, note()))
    }),
    ("add_user", "users", |s| {
        let new = new_user("new@example.org", s.organizer);
        is_done(s.store.add_user(&new, note()))
    }),
    ("change_user", "user_permissions", |s| {
        let mut revoke = |user: &mut sonnette::domain::User| {
            user.access = UserAccess::Organizers([].into());
            true
        };
        is_done(s.store.change_user(s.user, &mut revoke, note()))
    }),
    ("set_password", "users", |s| {
        is_done(
            s.store
                .set_password(s.user, "$argon2id$new", None, note(), at(9)),
        )
    }),
    ("remove_user", "users", |s| {
        is_done(s.store.remove_user(s.user, note()))
    }),
    ("expedite_pending", "deliveries", |s| {
        // The delivery was published at second 0, so this is before it is due.
        let changed = s.store.expedite_pending(s.webhook, at(-9), Some(&note()))?;
        Ok(changed == 1)
    }),
    ("drop_pending", "deliveries", |s| {
        let dropped = s.store.drop_pending(s.webhook, at(9), "", Some(&note()))?;
        Ok(dropped == 1)
    }),
    ("resend_undelivered", "deliveries", |s| {
        let (range, mut entry) = (TimeRange::default(), batch_entry());
        let (count, _) =
            s.store
                .resend_undelivered(s.webhook, range, None, None, at(9), Some(&mut entry))?;
        Ok(count == 2)
    }),
    ("enqueue", "deliveries", |s| {
        let count = s
            .store
            .enqueue(s.webhook, &[s.missed], at(9), &mut batch_entry())?;
        Ok(count == 1)
    }),
    ("erase_subject", "notifications", |s| {
        let (through, mut entry) = (s.missed, batch_entry());
        let paused = [s.webhook];
        let batch =
            s.store
                .erase_subject(s.organizer, "person", through, at(9), &paused, &mut entry)?;
        Ok(
            matches!(batch, ErasureBatch::Erased { result, .. } if (result.notifications, result.dropped) == (1, 1)),
        )
    }),
    ("commit of a webhook that is gone", "webhooks", |s| {
        let settled = settlement(s.webhook, s.pending, 9, None);
        let batch = Batch {
            settlements: vec![disabling(settled, DisableReason::Gone)],
            now: at(9),
            ..Batch::default()
        };
        match s.store.commit(0, &batch) {
            Ok(_) => Ok(true),
            Err(CommitError::Store(error)) => Err(error),
            Err(CommitError::Stale) => Ok(false),
        }
    }),
    ("disable_never_succeeded", "webhooks", |s| {
        s.store.disable_never_succeeded(s.webhook, at(9))
    }),
];

/// Makes every change of a table fail.
fn forbid(connection: &Connection, table: &str) {
    for verb in ["INSERT", "UPDATE", "DELETE"] {
        let sql = format!(
            "CREATE TRIGGER forbid_{verb} BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, 'forbidden'); END"
        );
        connection.execute_batch(&sql).unwrap();
    }
}

/// The rows of all tables.
fn rows(connection: &Connection) -> Vec<String> {
    let mut tables = connection
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        .unwrap();
    let tables: Vec<String> = tables
        .query_map([], |r| r.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let mut found = Vec::new();
    for table in tables {
        let mut statement = connection
            .prepare(&format!("SELECT * FROM {table}"))
            .unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let cells: Vec<_> = (0..columns).map(|c| row.get_ref(c).unwrap()).collect();
            found.push(format!("{table}: {cells:?}"));
        }
    }
    found
}

fn audit_entries(connection: &Connection) -> i64 {
    connection
        .query_row("SELECT count(*) FROM audit", [], |r| r.get(0))
        .unwrap()
}

#[test]
fn a_change_and_its_audit_entry_are_written_together_or_not_at_all() {
    for (name, table, change) in CHANGES {
        for forbidden in ["audit", table] {
            let directory = tempfile::tempdir().unwrap();
            let subject = subject(directory.path());
            let connection = Connection::open(directory.path().join("sonnette.db")).unwrap();
            forbid(&connection, forbidden);
            let before = rows(&connection);
            let result = change(&subject);
            assert!(result.is_err(), "{name} without {forbidden}: {result:?}");
            assert_eq!(rows(&connection), before, "{name} without {forbidden}");
        }
        let directory = tempfile::tempdir().unwrap();
        let subject = subject(directory.path());
        let connection = Connection::open(directory.path().join("sonnette.db")).unwrap();
        let before = audit_entries(&connection);
        assert!(change(&subject).unwrap(), "{name}");
        assert!(audit_entries(&connection) > before, "{name} is not audited");
    }
}
