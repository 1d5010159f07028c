//! What people, and a change of state, do to waiting deliveries.

use jiff::SignedDuration;
use sonnette::domain::{DeliveryState, SettlementKind};
use sonnette::store::{DeliveryStateFilter, MAX_BATCH_ROWS, TimeRange};

use super::bench::{Bench, at, keyed, publication, taken};

/// More than a bite.
const MANY: usize = MAX_BATCH_ROWS + 10;

pub(super) fn everything_becomes_due_in_bites(bench: &Bench<'_>) {
    let (webhook, other) = (bench.add_webhook(), bench.add_webhook());
    let ids = bench.publish(&[webhook, other], &vec![100; MANY]);
    assert_eq!(bench.due(webhook, 0), []);
    assert_eq!(
        bench.store.schedule_now(webhook, at(0)).unwrap(),
        MAX_BATCH_ROWS
    );
    assert_eq!(bench.store.schedule_now(webhook, at(0)).unwrap(), 10);
    assert_eq!(bench.store.schedule_now(webhook, at(0)).unwrap(), 0);
    assert_eq!(bench.due(webhook, 0), ids);
    assert_eq!(bench.due(other, 0), []);
    // One that has been tried is due from when it was published: the order is that of publication.
    let (first, second) = (
        bench.publish(&[other], &[1])[0],
        bench.publish(&[other], &[2])[0],
    );
    bench.waits_until(other, first, 5_000);
    bench.store.schedule_now(other, at(200)).unwrap();
    let due = bench.due(other, 10);
    assert_eq!(due, [first, second]);
}

pub(super) fn dropping_comes_in_bites_and_ends(bench: &Bench<'_>) {
    let (webhook, other) = (bench.add_webhook(), bench.add_webhook());
    let delivered = bench.publish(&[webhook, other], &[1])[0];
    bench.ends(webhook, delivered, SettlementKind::Delivered, 2);
    let ids = bench.publish(&[webhook], &vec![1; MANY]);
    let drop = || bench.store.drop_pending(webhook, at(5), "why").unwrap();
    assert_eq!((drop(), drop(), drop()), (MAX_BATCH_ROWS, 10, 0));
    assert_eq!(bench.state(webhook, delivered), "delivered");
    assert_eq!(bench.state(other, delivered), "scheduled");
    let DeliveryState::Settled {
        at: when,
        how,
        reason,
    } = bench.delivery(webhook, ids[0]).state
    else {
        panic!("it is settled")
    };
    assert_eq!(
        (when, how, reason.as_deref()),
        (at(5), SettlementKind::Dropped, Some("why"))
    );
}

pub(super) fn what_is_three_days_old_is_given_up(bench: &Bench<'_>) {
    let webhook = bench.add_webhook();
    let ids = bench.publish(&[webhook], &[0, 1, 1_000]);
    let days = at(1) + SignedDuration::from_hours(72);
    assert_eq!(
        bench
            .store
            .expire_deliveries(webhook, days - SignedDuration::from_secs(2))
            .unwrap(),
        0
    );
    assert_eq!(bench.store.expire_deliveries(webhook, days).unwrap(), 2);
    assert_eq!(bench.store.expire_deliveries(webhook, days).unwrap(), 0);
    assert_eq!(bench.state(webhook, ids[1]), "given_up");
    assert_eq!(bench.state(webhook, ids[2]), "scheduled");
    // Sent again, it has three days more.
    bench.store.resend(webhook, ids[0], days).unwrap();
    assert_eq!(
        bench
            .store
            .expire_deliveries(webhook, days + SignedDuration::from_secs(1))
            .unwrap(),
        0
    );
}

pub(super) fn the_backlog_is_counted(bench: &Bench<'_>) {
    let (webhook, other) = (bench.add_webhook(), bench.add_webhook());
    assert_eq!(bench.store.backlog(webhook).unwrap(), (0, None));
    let ids = bench.publish(&[webhook], &[3, 4, 5]);
    bench.publish(&[other], &[9]);
    bench.ends(webhook, ids[0], SettlementKind::Delivered, 6);
    assert_eq!(bench.store.backlog(webhook).unwrap(), (2, Some(at(4))));
    assert_eq!(bench.store.total_backlog().unwrap(), (3, Some(at(4))));
}

pub(super) fn one_delivery_is_sent_again(bench: &Bench<'_>) {
    let (webhook, other) = (bench.add_webhook(), bench.add_webhook());
    let id = bench.publish(&[webhook], &[0])[0];
    assert!(bench.store.resend(other, id, at(9)).unwrap().is_none());
    // One that waits keeps its schedule, and is due.
    bench.waits_until(webhook, id, 5_000);
    let waiting = bench
        .store
        .resend(webhook, id, at(9))
        .unwrap()
        .unwrap()
        .progress;
    assert_eq!((waiting.tries, waiting.attempts), (1, 1));
    assert_eq!((waiting.started_at, waiting.due_at), (at(0), at(9)));
    // One that ended begins anew, but its attempts are counted on.
    bench.ends(webhook, id, SettlementKind::Delivered, 10);
    let waiting = bench
        .store
        .resend(webhook, id, at(20))
        .unwrap()
        .unwrap()
        .progress;
    assert_eq!((waiting.tries, waiting.attempts), (0, 1));
    assert_eq!((waiting.started_at, waiting.due_at), (at(20), at(20)));
    assert_eq!(bench.state(webhook, id), "scheduled");
}

pub(super) fn what_was_not_delivered_is_sent_again(bench: &Bench<'_>) {
    let webhook = bench.add_webhook();
    // Ids rise with time but for a minute, as in life.
    let ids = bench.publish(&[webhook], &[0, 100, 200, 300, 400]);
    bench.ends(webhook, ids[0], SettlementKind::GivenUp, 500);
    bench.ends(webhook, ids[1], SettlementKind::Delivered, 500);
    bench.ends(webhook, ids[2], SettlementKind::GivenUp, 500);
    bench.ends(webhook, ids[3], SettlementKind::Dropped, 500);
    let range = TimeRange {
        since: Some(at(50)),
        until: Some(at(350)),
    };
    let again = |only, dry_run| {
        let found = bench
            .store
            .resend_undelivered(webhook, range, only, None, at(600), dry_run);
        let (count, more) = found.unwrap();
        assert_eq!(more, None);
        count
    };
    let given_up = Some(DeliveryStateFilter::Settled(SettlementKind::GivenUp));
    assert_eq!((again(None, true), again(given_up, true)), (2, 1));
    assert_eq!(bench.state(webhook, ids[2]), "given_up", "it only counted");
    assert_eq!(again(given_up, false), 1);
    assert_eq!(bench.state(webhook, ids[2]), "scheduled");
    assert_eq!(bench.state(webhook, ids[3]), "dropped");
    assert_eq!(again(None, false), 2);
    assert_eq!(bench.due(webhook, 600), [ids[4], ids[2], ids[3]]);
    assert_eq!(bench.state(webhook, ids[0]), "given_up", "outside");
    assert_eq!(bench.state(webhook, ids[1]), "delivered");
}

pub(super) fn looking_for_what_was_not_delivered_goes_on_where_it_ended(bench: &Bench<'_>) {
    let webhook = bench.add_webhook();
    bench.publish(&[webhook], &vec![1; MANY]);
    while bench.store.drop_pending(webhook, at(2), "").unwrap() > 0 {}
    let (mut count, mut after, mut calls) = (0, None, 0);
    loop {
        let range = TimeRange::default();
        let found = bench
            .store
            .resend_undelivered(webhook, range, None, after, at(3), false);
        let (some, next) = found.unwrap();
        (count, after, calls) = (count + some, next, calls + 1);
        if after.is_none() {
            break;
        }
    }
    assert_eq!(count, MANY as u64);
    assert!(calls > 1, "not all of it at a time");
    assert_eq!(bench.due(webhook, 3).len(), MANY);
}

pub(super) fn a_replay_owes_anew(bench: &Bench<'_>) {
    let (webhook, later) = (bench.add_webhook(), bench.add_webhook());
    let id = bench.publish(&[webhook], &[0])[0];
    bench.ends(webhook, id, SettlementKind::Delivered, 1);
    bench.store.replay(id, &[webhook, later], at(9)).unwrap();
    for webhook in [webhook, later] {
        let page = bench.store.due_deliveries(webhook, at(9), None, 9).unwrap();
        let progress = page.due[0].progress;
        assert_eq!(
            (progress.tries, progress.started_at, progress.due_at),
            (0, at(9), at(9))
        );
    }
    assert_eq!(
        bench.delivery(webhook, id).attempts,
        1,
        "attempts are counted on"
    );
}

/// Everything of a month ago, as the janitor does.
fn prune(bench: &Bench<'_>) {
    let now = at(0) + SignedDuration::from_hours(31 * 24);
    while bench
        .store
        .prune(now - SignedDuration::from_hours(30 * 24), now)
        .unwrap()
    {}
}

pub(super) fn pruning_keeps_what_waits_and_what_was_sent_again(bench: &Bench<'_>) {
    let webhook = bench.add_webhook();
    let month = 31 * 24 * 3_600;
    let ids = bench.publish(&[webhook], &[0, 1, 2, month, 3]);
    bench.ends(webhook, ids[0], SettlementKind::Delivered, 5);
    bench.ends(webhook, ids[4], SettlementKind::Delivered, 10 * 24 * 3_600);
    bench.ends(webhook, ids[2], SettlementKind::GivenUp, 5);
    prune(bench);
    assert_eq!(bench.store.delivery(webhook, ids[0]).unwrap(), None);
    assert_eq!(bench.state(webhook, ids[1]), "scheduled");
    assert_eq!(bench.store.delivery(webhook, ids[2]).unwrap(), None);
    assert_eq!(bench.state(webhook, ids[3]), "scheduled");
    let query = sonnette::store::AttemptQuery {
        limit: 9,
        ..Default::default()
    };
    let kept = bench.store.attempts(&[webhook], &query).unwrap();
    let kept: Vec<_> = kept.iter().map(|a| a.notification).collect();
    assert_eq!(kept, [ids[4]], "sent again by hand, ten days later");
    let entry = |id| bench.store.notification(bench.organizer, id).unwrap();
    assert!(entry(ids[0]).is_none() && entry(ids[1]).is_some());
}

pub(super) fn pruning_keeps_what_a_key_stands_for(bench: &Bench<'_>) {
    let group = || bench.group(vec![keyed(publication(&[], 0), "k", 1)]);
    let first = taken(&bench.commit(vec![group()])[0])[0].id;
    // The log is kept for a day, the key for seven.
    let day = SignedDuration::from_hours(24);
    let after = |days: i32| {
        let now = at(1) + day * days;
        while bench.store.prune(now - day, now).unwrap() {}
        taken(&bench.commit(vec![group()])[0])[0].id
    };
    assert_eq!(after(6), first);
    assert_ne!(after(8), first);
}

pub(super) fn ids_never_come_back(bench: &Bench<'_>) {
    let id = bench.publish(&[], &[0])[0];
    prune(bench);
    assert!(
        bench
            .store
            .notification(bench.organizer, id)
            .unwrap()
            .is_none()
    );
    assert!(bench.publish(&[], &[0])[0] > id);
}
