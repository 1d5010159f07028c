//! Changes of deliveries that are not the result of an attempt.

use jiff::SignedDuration;
use sonnette::domain::{DeliveryState, SettlementKind, SettlementReason};
use sonnette::store::{DeliveryStateFilter, MAX_BATCH_ROWS, TimeRange};

use crate::test_engine::batch_entry;

use super::fixture::{Fixture, at, keyed, publication, stored};

const MORE_THAN_A_BATCH: usize = MAX_BATCH_ROWS + 10;

pub(super) fn pending_deliveries_become_due_in_batches(fixture: &Fixture<'_>) {
    let (webhook, other) = (fixture.add_webhook(), fixture.add_webhook());
    let ids = fixture.publish(&[webhook, other], &vec![100; MORE_THAN_A_BATCH]);
    assert_eq!(fixture.due(webhook, 0), []);
    assert_eq!(
        fixture
            .store
            .expedite_pending(webhook, at(0), None)
            .unwrap(),
        MAX_BATCH_ROWS
    );
    assert_eq!(
        fixture
            .store
            .expedite_pending(webhook, at(0), None)
            .unwrap(),
        10
    );
    assert_eq!(
        fixture
            .store
            .expedite_pending(webhook, at(0), None)
            .unwrap(),
        0
    );
    assert_eq!(fixture.due(webhook, 0), ids);
    assert_eq!(fixture.due(other, 0), []);
    // A delivery with attempts becomes due as of its publication, so the order is that of publication.
    let (first, second) = (
        fixture.publish(&[other], &[1])[0],
        fixture.publish(&[other], &[2])[0],
    );
    fixture.reschedule(other, first, 5_000);
    fixture
        .store
        .expedite_pending(other, at(200), None)
        .unwrap();
    let due = fixture.due(other, 10);
    assert_eq!(due, [first, second]);
}

pub(super) fn pending_deliveries_are_dropped_in_batches(fixture: &Fixture<'_>) {
    let (webhook, other) = (fixture.add_webhook(), fixture.add_webhook());
    let delivered = fixture.publish(&[webhook, other], &[1])[0];
    fixture.settle_delivery(webhook, delivered, SettlementKind::Delivered, 2);
    let ids = fixture.publish(&[webhook], &vec![1; MORE_THAN_A_BATCH]);
    let drop = || {
        fixture
            .store
            .drop_pending(webhook, at(5), "why", None)
            .unwrap()
    };
    assert_eq!((drop(), drop(), drop()), (MAX_BATCH_ROWS, 10, 0));
    assert_eq!(fixture.state(webhook, delivered), "delivered");
    assert_eq!(fixture.state(other, delivered), "scheduled");
    let DeliveryState::Settled {
        at: when,
        kind,
        reason,
    } = fixture.delivery(webhook, ids[0]).state
    else {
        panic!("it is settled")
    };
    assert_eq!(
        (when, kind, reason.as_ref().map(SettlementReason::as_str)),
        (at(5), SettlementKind::Dropped, Some("why"))
    );
}

pub(super) fn deliveries_expire_after_three_days(fixture: &Fixture<'_>) {
    let webhook = fixture.add_webhook();
    let ids = fixture.publish(&[webhook], &[0, 1, 1_000]);
    let days = at(1) + SignedDuration::from_hours(72);
    assert_eq!(
        fixture
            .store
            .expire_deliveries(webhook, days - SignedDuration::from_secs(2))
            .unwrap(),
        0
    );
    assert_eq!(fixture.store.expire_deliveries(webhook, days).unwrap(), 2);
    assert_eq!(fixture.store.expire_deliveries(webhook, days).unwrap(), 0);
    assert_eq!(fixture.state(webhook, ids[1]), "given_up");
    assert_eq!(fixture.state(webhook, ids[2]), "scheduled");
    // A resent delivery has another three days.
    fixture.store.resend(webhook, ids[0], days).unwrap();
    assert_eq!(
        fixture
            .store
            .expire_deliveries(webhook, days + SignedDuration::from_secs(1))
            .unwrap(),
        0
    );
}

pub(super) fn the_backlog_is_counted(fixture: &Fixture<'_>) {
    let (webhook, other) = (fixture.add_webhook(), fixture.add_webhook());
    assert_eq!(fixture.store.backlog(webhook).unwrap(), (0, None));
    let ids = fixture.publish(&[webhook], &[3, 4, 5]);
    fixture.publish(&[other], &[9]);
    fixture.settle_delivery(webhook, ids[0], SettlementKind::Delivered, 6);
    assert_eq!(fixture.store.backlog(webhook).unwrap(), (2, Some(at(4))));
    assert_eq!(fixture.store.total_backlog().unwrap(), (3, Some(at(4))));
}

pub(super) fn a_single_delivery_is_resent(fixture: &Fixture<'_>) {
    let (webhook, other) = (fixture.add_webhook(), fixture.add_webhook());
    let id = fixture.publish(&[webhook], &[0])[0];
    assert!(fixture.store.resend(other, id, at(9)).unwrap().is_none());
    // A pending delivery keeps its schedule and is due.
    fixture.reschedule(webhook, id, 5_000);
    let waiting = fixture
        .store
        .resend(webhook, id, at(9))
        .unwrap()
        .unwrap()
        .progress;
    assert_eq!((waiting.scheduled_tries, waiting.attempts), (1, 1));
    assert_eq!((waiting.started_at, waiting.due_at), (at(0), at(9)));
    // A settled delivery starts a new schedule, but its number of attempts goes on.
    fixture.settle_delivery(webhook, id, SettlementKind::Delivered, 10);
    let waiting = fixture
        .store
        .resend(webhook, id, at(20))
        .unwrap()
        .unwrap()
        .progress;
    assert_eq!((waiting.scheduled_tries, waiting.attempts), (0, 1));
    assert_eq!((waiting.started_at, waiting.due_at), (at(20), at(20)));
    assert_eq!(fixture.state(webhook, id), "scheduled");
}

pub(super) fn undelivered_notifications_are_resent(fixture: &Fixture<'_>) {
    let webhook = fixture.add_webhook();
    // Ids rise with the time of publication, except within a minute.
    let ids = fixture.publish(&[webhook], &[0, 100, 200, 300, 400]);
    fixture.settle_delivery(webhook, ids[0], SettlementKind::GivenUp, 500);
    fixture.settle_delivery(webhook, ids[1], SettlementKind::Delivered, 500);
    fixture.settle_delivery(webhook, ids[2], SettlementKind::GivenUp, 500);
    fixture.settle_delivery(webhook, ids[3], SettlementKind::Dropped, 500);
    let range = TimeRange {
        since: Some(at(50)),
        until: Some(at(350)),
    };
    let again = |only, dry_run: bool| {
        let mut entry = (!dry_run).then(batch_entry);
        let found =
            fixture
                .store
                .resend_undelivered(webhook, range, only, None, at(600), entry.as_mut());
        let (count, more) = found.unwrap();
        assert_eq!(more, None);
        count
    };
    let given_up = Some(DeliveryStateFilter::Settled(SettlementKind::GivenUp));
    assert_eq!((again(None, true), again(given_up, true)), (2, 1));
    assert_eq!(
        fixture.state(webhook, ids[2]),
        "given_up",
        "without an entry it only counts"
    );
    assert_eq!(again(given_up, false), 1);
    assert_eq!(fixture.state(webhook, ids[2]), "scheduled");
    assert_eq!(fixture.state(webhook, ids[3]), "dropped");
    assert_eq!(again(None, false), 2);
    assert_eq!(fixture.due(webhook, 600), [ids[4], ids[2], ids[3]]);
    assert_eq!(fixture.state(webhook, ids[0]), "given_up", "outside");
    assert_eq!(fixture.state(webhook, ids[1]), "delivered");
}

pub(super) fn resending_continues_where_the_last_batch_ended(fixture: &Fixture<'_>) {
    let webhook = fixture.add_webhook();
    fixture.publish(&[webhook], &vec![1; MORE_THAN_A_BATCH]);
    while fixture
        .store
        .drop_pending(webhook, at(2), "", None)
        .unwrap()
        > 0
    {}
    let (mut count, mut after, mut calls) = (0, None, 0);
    let mut entry = batch_entry();
    loop {
        let range = TimeRange::default();
        let found =
            fixture
                .store
                .resend_undelivered(webhook, range, None, after, at(3), Some(&mut entry));
        let (some, next) = found.unwrap();
        (count, after, calls) = (count + some, next, calls + 1);
        if after.is_none() {
            break;
        }
    }
    assert_eq!(count, MORE_THAN_A_BATCH as u64);
    assert!(calls > 1, "not all of it at a time");
    let (_, entries) = fixture
        .store
        .audit_entries(fixture.organizer, 0, 9)
        .unwrap();
    let counts: Vec<_> = entries.iter().map(|e| e.data["count"].as_u64()).collect();
    assert_eq!(
        counts.iter().flatten().collect::<Vec<_>>(),
        [&count],
        "one entry tells of all batches"
    );
    assert_eq!(fixture.due(webhook, 3).len(), MORE_THAN_A_BATCH);
}

pub(super) fn a_replay_starts_a_new_schedule(fixture: &Fixture<'_>) {
    let (webhook, later) = (fixture.add_webhook(), fixture.add_webhook());
    let id = fixture.publish(&[webhook], &[0])[0];
    fixture.settle_delivery(webhook, id, SettlementKind::Delivered, 1);
    fixture.store.replay(id, &[webhook, later], at(9)).unwrap();
    for webhook in [webhook, later] {
        let page = fixture
            .store
            .due_deliveries(webhook, at(9), None, 9)
            .unwrap();
        let progress = page.deliveries[0].progress;
        assert_eq!(
            (
                progress.scheduled_tries,
                progress.started_at,
                progress.due_at
            ),
            (0, at(9), at(9))
        );
    }
    assert_eq!(
        fixture.delivery(webhook, id).attempts,
        1,
        "attempts are counted on"
    );
}

/// Removes everything older than 30 days, as the janitor does.
fn prune(fixture: &Fixture<'_>) {
    let now = at(0) + SignedDuration::from_hours(31 * 24);
    while fixture
        .store
        .prune(now - SignedDuration::from_hours(30 * 24), now)
        .unwrap()
    {}
}

pub(super) fn pruning_keeps_pending_and_resent_deliveries(fixture: &Fixture<'_>) {
    let webhook = fixture.add_webhook();
    let month = 31 * 24 * 3_600;
    let ids = fixture.publish(&[webhook], &[0, 1, 2, month, 3]);
    fixture.settle_delivery(webhook, ids[0], SettlementKind::Delivered, 5);
    fixture.settle_delivery(webhook, ids[4], SettlementKind::Delivered, 10 * 24 * 3_600);
    fixture.settle_delivery(webhook, ids[2], SettlementKind::GivenUp, 5);
    prune(fixture);
    assert_eq!(fixture.store.delivery(webhook, ids[0]).unwrap(), None);
    assert_eq!(fixture.state(webhook, ids[1]), "scheduled");
    assert_eq!(fixture.store.delivery(webhook, ids[2]).unwrap(), None);
    assert_eq!(fixture.state(webhook, ids[3]), "scheduled");
    let query = sonnette::store::AttemptQuery {
        limit: 9,
        ..Default::default()
    };
    let kept = fixture.store.attempts(&[webhook], &query).unwrap();
    let kept: Vec<_> = kept.iter().map(|a| a.notification).collect();
    assert_eq!(kept, [ids[4]], "sent again by hand, ten days later");
    let entry = |id| fixture.store.notification(fixture.organizer, id).unwrap();
    assert!(entry(ids[0]).is_none() && entry(ids[1]).is_some());
}

pub(super) fn pruning_keeps_notifications_of_live_idempotency_keys(fixture: &Fixture<'_>) {
    let group = || fixture.group(vec![keyed(publication(&[], 0), "k", 1)]);
    let first = stored(&fixture.commit(vec![group()])[0])[0].id;
    // The log is kept for one day, the key for seven.
    let day = SignedDuration::from_hours(24);
    let after = |days: i32| {
        let now = at(1) + day * days;
        while fixture.store.prune(now - day, now).unwrap() {}
        stored(&fixture.commit(vec![group()])[0])[0].id
    };
    assert_eq!(after(6), first);
    assert_ne!(after(8), first);
}

pub(super) fn ids_are_never_reused(fixture: &Fixture<'_>) {
    let id = fixture.publish(&[], &[0])[0];
    prune(fixture);
    assert!(
        fixture
            .store
            .notification(fixture.organizer, id)
            .unwrap()
            .is_none()
    );
    assert!(fixture.publish(&[], &[0])[0] > id);
}
