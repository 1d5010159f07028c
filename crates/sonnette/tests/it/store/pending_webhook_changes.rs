//! Changes of webhooks that are to be published to other webhooks.

use sonnette::domain::{DialectName, Organizer, OrganizerId, Secret, WebhookChange, WebhookState};
use sonnette::store::{Batch, ChangeResult};

use super::fixture::Fixture;
use super::fixture::{change, done, loaded_webhook};
use crate::test_engine::{note, webhook};

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
pub(super) fn webhook_changes_are_pending_only_with_the_dialect_creads(fixture: &Fixture<'_>) {
    let store = fixture.store;
    let add = || {
        let new = webhook(fixture.organizer, "https://u:p@a.example/x", &[]);
        store.add_webhook(&new, note(), None).unwrap().id
    };
    let silent = add();
    change(fixture, silent, |w| w.comment = Some("a".to_owned()));
    assert_eq!(
        store.pending_webhook_changes(9).unwrap(),
        [],
        "without the dialect there is no change to publish"
    );

    let mut speak = |organizer: &mut Organizer| {
        organizer.dialects.push(DialectName::Creads);
        true
    };
    done(
        store
            .change_organizer(fixture.organizer, &mut speak, note())
            .unwrap(),
    );
    let id = add();
    change(fixture, id, |w| w.settings.max_per_second = Some(5));
    change(fixture, id, |w| {
        w.secrets.current = Secret::from_random([9; 32]);
    });
    change(fixture, id, |w| w.comment = Some("b".to_owned()));
    for _ in 0..2 {
        done(
            store
                .mark_webhook_deleted(fixture.organizer, id, note())
                .unwrap(),
        );
    }
    assert!(!loaded_webhook(fixture, id).is_enabled());
    change(fixture, id, |w| w.state = WebhookState::Enabled);
    let pending = store.pending_webhook_changes(9).unwrap();
    let changes: Vec<_> = pending
        .iter()
        .map(|one| (one.change, one.enabled))
        .collect();
    let expected = [
        (WebhookChange::Created, true),
        (WebhookChange::Updated, true),
        (WebhookChange::Deleted, false),
        (WebhookChange::Updated, true),
    ];
    assert_eq!(changes, expected);
    assert!(
        pending
            .iter()
            .all(|one| one.webhook == id && one.created_at == pending[0].created_at)
    );
    let batch = Batch {
        published_changes: pending[..3].iter().map(|one| one.id).collect(),
        ..Batch::default()
    };
    store.commit(0, &batch).unwrap();
    assert_eq!(store.pending_webhook_changes(9).unwrap(), pending[3..]);
    let elsewhere = store
        .mark_webhook_deleted(OrganizerId(99), id, note())
        .unwrap();
    assert_eq!(elsewhere, ChangeResult::Missing);
}
