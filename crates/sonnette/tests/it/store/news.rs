//! Changes of webhooks that others are to hear of.

use sonnette::domain::{DialectName, Organizer, OrganizerId, Secret, WebhookChange, WebhookState};
use sonnette::store::{Batch, ChangeResult};

use super::bench::Bench;
use super::registry::{change, done, loaded_webhook};
use crate::test_engine::{note, webhook};

pub(super) fn changes_of_webhooks_are_owed_where_creads_is_spoken(bench: &Bench<'_>) {
    let store = bench.store;
    let add = || {
        let new = webhook(bench.organizer, "https://u:p@a.example/x", &[]);
        store.add_webhook(&new, note()).unwrap().id
    };
    let silent = add();
    change(bench, silent, |w| w.comment = Some("a".to_owned()));
    assert_eq!(
        store.pending_webhook_changes(9).unwrap(),
        [],
        "nobody would hear of it"
    );

    let mut speak = |organizer: &mut Organizer| {
        organizer.dialects.push(DialectName::Creads);
        true
    };
    done(
        store
            .change_organizer(bench.organizer, &mut speak, note())
            .unwrap(),
    );
    let id = add();
    change(bench, id, |w| w.settings.max_per_second = Some(5));
    change(bench, id, |w| {
        w.secrets.current = Secret::from_random([9; 32]);
    });
    change(bench, id, |w| w.comment = Some("b".to_owned()));
    for _ in 0..2 {
        done(
            store
                .mark_webhook_deleted(bench.organizer, id, note())
                .unwrap(),
        );
    }
    assert!(!loaded_webhook(bench, id).is_enabled());
    change(bench, id, |w| w.state = WebhookState::Enabled);
    let owed = store.pending_webhook_changes(9).unwrap();
    let changes: Vec<_> = owed.iter().map(|one| (one.change, one.enabled)).collect();
    let expected = [
        (WebhookChange::Created, true),
        (WebhookChange::Updated, true),
        (WebhookChange::Deleted, false),
        (WebhookChange::Updated, true),
    ];
    assert_eq!(changes, expected);
    assert!(
        owed.iter()
            .all(|one| one.webhook == id && one.created_at == owed[0].created_at)
    );
    let batch = Batch {
        published_changes: owed[..3].iter().map(|one| one.id).collect(),
        ..Batch::default()
    };
    store.commit(0, &batch).unwrap();
    assert_eq!(store.pending_webhook_changes(9).unwrap(), owed[3..]);
    let elsewhere = store
        .mark_webhook_deleted(OrganizerId(99), id, note())
        .unwrap();
    assert_eq!(elsewhere, ChangeResult::Missing);
}
