//! Publishing, settling, reading what is due.

use sonnette::domain::{
    DeliveryState, DisableReason, FailureStreak, LaneHealth, NotificationId, ProbeSchedule,
    SettlementKind, WebhookState,
};
use sonnette::store::{Batch, CommitError, DeliveryUpdate, GroupResult, MAX_PAGE_BYTES};
use std::time::Duration;

use super::bench::{Bench, at, disabling, keyed, publication, settlement, taken, with_health};

pub(super) fn a_batch_is_taken_as_a_whole(bench: &Bench<'_>) {
    let (one, two) = (bench.add_webhook(), bench.add_webhook());
    let groups = vec![
        bench.group(vec![publication(&[one, two], 1), publication(&[], 2)]),
        bench.group(vec![publication(&[two], 3)]),
    ];
    let answers = bench.commit(groups);
    let ids: Vec<_> = answers.iter().flat_map(taken).map(|a| a.id).collect();
    assert!(ids.windows(2).all(|two| two[0] < two[1]), "{ids:?}");
    let owed: Vec<_> = answers
        .iter()
        .flat_map(taken)
        .map(|a| a.delivery_count)
        .collect();
    assert_eq!(owed, [2, 0, 1]);
    let body = taken(&answers[0])[0].body.clone().unwrap();
    assert_eq!(
        body,
        format!(r#"{{"notification_id":{},"data":{{}}}}"#, ids[0])
    );
    assert_eq!(bench.due(two, 10), [ids[0], ids[2]]);
    let page = bench.store.due_deliveries(one, at(10), None, 9).unwrap();
    assert_eq!(page.due[0].notification.body, body);
    assert_eq!(page.due[0].progress.due_at, at(1));
}

pub(super) fn ids_rise_over_organizers_and_are_reserved_for_tests(bench: &Bench<'_>) {
    assert_eq!(
        bench.store.newest_notification_id().unwrap(),
        NotificationId(0)
    );
    let first = bench.publish(&[], &[1])[0];
    assert_eq!(bench.store.newest_notification_id().unwrap(), first);
    let reserved = bench.store.reserve_notification_id().unwrap();
    let mut group = bench.group(vec![publication(&[], 2)]);
    group.organizer = bench.add_organizer("other");
    let last = taken(&bench.commit(vec![group])[0])[0].id;
    assert!(first < reserved && reserved < last);
    assert_eq!(bench.store.newest_notification_id().unwrap(), last);
}

pub(super) fn a_batch_of_an_older_registry_is_stale(bench: &Bench<'_>) {
    let version = bench.store.version().unwrap();
    let webhook = bench.add_webhook();
    let id = bench.publish(&[webhook], &[1])[0];
    let batch = Batch {
        groups: vec![bench.group(vec![publication(&[webhook], 2)])],
        settlements: vec![settlement(
            webhook,
            id,
            3,
            Some(DeliveryUpdate::Settle {
                end: SettlementKind::Delivered,
                attempts: 1,
                started_at: at(1),
            }),
        )],
        published_changes: Vec::new(),
        now: at(3),
    };
    let refused = bench.store.commit(version, &batch);
    assert!(matches!(refused, Err(CommitError::Stale)), "{refused:?}");
    assert_eq!(bench.store.newest_notification_id().unwrap(), id);
    assert_eq!(
        bench.state(webhook, id),
        "scheduled",
        "nothing of it was done"
    );
}

pub(super) fn a_repeated_key_gives_the_first_answer(bench: &Bench<'_>) {
    let webhook = bench.add_webhook();
    let first = bench.commit(vec![bench.group(vec![keyed(
        publication(&[webhook], 1),
        "k",
        1,
    )])]);
    let first = &taken(&first[0])[0];
    // Matched against other webhooks by now, and later: the answer is the same.
    let again = bench.commit(vec![bench.group(vec![keyed(publication(&[], 9), "k", 1)])]);
    let again = &taken(&again[0])[0];
    assert_eq!(again.body, None, "nothing is published");
    assert_eq!(
        (again.id, again.published_at, again.delivery_count),
        (first.id, first.published_at, first.delivery_count)
    );
    assert_eq!(bench.store.newest_notification_id().unwrap(), first.id);
}

pub(super) fn a_key_counts_within_a_group_and_per_organizer(bench: &Bench<'_>) {
    let one = || keyed(publication(&[], 1), "k", 1);
    let answers = bench.commit(vec![
        bench.group(vec![one(), one()]),
        bench.group(vec![one()]),
    ]);
    let ids: Vec<_> = answers.iter().flat_map(taken).map(|a| a.id).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let mut group = bench.group(vec![keyed(publication(&[], 1), "k", 2)]);
    group.organizer = bench.add_organizer("other");
    let other = bench.commit(vec![group]);
    assert!(
        taken(&other[0])[0].body.is_some(),
        "another organizer's key is another"
    );
}

pub(super) fn a_conflict_refuses_its_group_and_no_other(bench: &Bench<'_>) {
    let webhook = bench.add_webhook();
    bench.commit(vec![bench.group(vec![keyed(publication(&[], 1), "k", 1)])]);
    let mut registering = publication(&[webhook], 2);
    registering.event = Some("refused".parse().unwrap());
    registering.registers_event = true;
    let answers = bench.commit(vec![
        bench.group(vec![registering, keyed(publication(&[webhook], 2), "k", 2)]),
        bench.group(vec![
            keyed(publication(&[], 2), "n", 1),
            keyed(publication(&[], 2), "n", 2),
        ]),
        bench.group(vec![publication(&[webhook], 3)]),
    ]);
    assert_eq!(answers[0], GroupResult::Conflict(1));
    assert_eq!(answers[1], GroupResult::Conflict(1));
    let third = taken(&answers[2])[0].id;
    assert_eq!(bench.due(webhook, 10), [third]);
    assert_eq!(
        bench.store.events(bench.organizer).unwrap(),
        [],
        "no event of what is refused"
    );
}

pub(super) fn unknown_events_become_known(bench: &Bench<'_>) {
    let of = |slug: &str, registers| {
        let mut publication = publication(&[], 1);
        publication.event = Some(slug.parse().unwrap());
        publication.registers_event = registers;
        publication
    };
    let version = bench.store.version().unwrap();
    let publications = vec![
        of("b", true),
        of("a", true),
        of("b", true),
        of("deleted", false),
    ];
    bench.commit(vec![bench.group(publications)]);
    bench.commit(vec![bench.group(vec![of("a", true)])]);
    let events = bench.store.events(bench.organizer).unwrap();
    let known: Vec<_> = events
        .iter()
        .map(|e| (e.slug.as_str(), e.name.as_str()))
        .collect();
    assert_eq!(known, [("a", "a"), ("b", "b")]);
    assert_eq!(
        bench.store.version().unwrap(),
        version,
        "nobody matches otherwise by it"
    );
}

pub(super) fn settling_twice_changes_nothing(bench: &Bench<'_>) {
    let webhook = bench.add_webhook();
    let id = bench.publish(&[webhook], &[1])[0];
    bench.ends(webhook, id, SettlementKind::Delivered, 5);
    let settled = bench.delivery(webhook, id);
    bench.ends(webhook, id, SettlementKind::Delivered, 5);
    bench.ends(webhook, id, SettlementKind::GivenUp, 6);
    bench.waits_until(webhook, id, 9);
    assert_eq!(bench.delivery(webhook, id), settled);
    let DeliveryState::Settled { at: when, how, .. } = settled.state else {
        panic!("{settled:?}")
    };
    assert_eq!(
        (when, how, settled.attempts),
        (at(5), SettlementKind::Delivered, 1)
    );
}

pub(super) fn a_settlement_keeps_the_lanes_health(bench: &Bench<'_>) {
    let webhook = bench.add_webhook();
    let lane = bench.store.lane(webhook).unwrap();
    assert_eq!(
        (lane.health, lane.next_due_at, lane.last_attempt),
        (LaneHealth::default(), None, None)
    );
    let id = bench.publish(&[webhook], &[1])[0];
    let health = LaneHealth {
        streak: Some(FailureStreak {
            failures: 7,
            since: at(2),
            first: id,
            several: true,
        }),
        probing: Some(ProbeSchedule {
            since: at(3),
            next_at: at(4),
            wait: Duration::from_secs(40),
        }),
        paused_until: Some(at(60)),
        last_success_at: Some(at(1)),
    };
    bench.settle(
        vec![with_health(settlement(webhook, id, 3, None), health)],
        at(3),
    );
    let lane = bench.store.lane(webhook).unwrap();
    assert_eq!((lane.health, lane.next_due_at), (health, Some(at(1))));
    assert_eq!(lane.last_attempt.unwrap().0, at(3).as_microsecond());
    bench.settle(
        vec![with_health(
            settlement(webhook, id, 4, None),
            LaneHealth::default(),
        )],
        at(4),
    );
    assert_eq!(
        bench.store.lane(webhook).unwrap().health,
        LaneHealth::default()
    );
}

pub(super) fn switching_off_is_noted_once(bench: &Bench<'_>) {
    let webhook = bench.add_webhook();
    let id = bench.publish(&[webhook], &[1])[0];
    let (version, notes) = (bench.store.version().unwrap(), audit(bench));
    let gone = |second| disabling(settlement(webhook, id, second, None), DisableReason::Gone);
    bench.settle(vec![gone(3), gone(4)], at(4));
    assert_eq!(bench.store.version().unwrap(), version + 1);
    assert_eq!(audit(bench), notes + 1);
    let rows = bench.store.load(version).unwrap();
    let WebhookState::Disabled(disabled) = &rows.webhooks[0].state else {
        panic!("it is off")
    };
    assert_eq!(
        (disabled.since, disabled.reason),
        (at(4), DisableReason::Gone)
    );
}

fn audit(bench: &Bench<'_>) -> usize {
    bench.store.audit_entries(bench.organizer, 0, 1).unwrap().0
}

pub(super) fn pages_come_in_order_and_go_on_after_a_cursor(bench: &Bench<'_>) {
    let webhook = bench.add_webhook();
    // Two of the same time come by id.
    let ids = bench.publish(&[webhook], &[5, 1, 3, 3, 100]);
    let order = [ids[1], ids[2], ids[3], ids[0]];
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = bench
            .store
            .due_deliveries(webhook, at(10), after, 1)
            .unwrap();
        let Some(last) = page.due.last() else {
            assert_eq!(page.next_due_at, Some(at(100)), "not due yet");
            break;
        };
        assert!(page.next_due_at.is_some());
        after = Some((last.progress.due_at, last.notification.id));
        seen.push(last.notification.id);
    }
    assert_eq!(seen, order);
    assert_eq!(bench.due(webhook, 10), order);
    assert_eq!(bench.due(webhook, 0), []);
}

pub(super) fn a_page_holds_no_more_than_its_bytes(bench: &Bench<'_>) {
    let webhook = bench.add_webhook();
    let publications = (0..9)
        .map(|second| {
            let mut large = publication(&[webhook], second);
            large.body =
                sonnette::domain::BodyTemplate::Complete(vec![b' '; MAX_PAGE_BYTES / 3].into());
            large
        })
        .collect();
    bench.commit(vec![bench.group(publications)]);
    let page = bench
        .store
        .due_deliveries(webhook, at(10), None, 9)
        .unwrap();
    assert!(
        (1..=4).contains(&page.due.len()),
        "{} on a page",
        page.due.len()
    );
    assert!(
        page.next_due_at.is_some_and(|due| due <= at(10)),
        "there is more"
    );
}

pub(super) fn lanes_with_something_waiting_are_found(bench: &Bench<'_>) {
    let webhooks: Vec<_> = (0..4).map(|_| bench.add_webhook()).collect();
    let id = bench.publish(&[webhooks[0], webhooks[2], webhooks[3]], &[1])[0];
    bench.ends(webhooks[2], id, SettlementKind::Delivered, 2);
    assert_eq!(
        bench.store.lanes_with_pending_deliveries().unwrap(),
        [webhooks[0], webhooks[3]]
    );
}

pub(super) fn what_was_begun_anew_is_not_settled_by_what_came_before(bench: &Bench<'_>) {
    let webhook = bench.add_webhook();
    let id = bench.publish(&[webhook], &[1])[0];
    let before = DeliveryUpdate::Settle {
        end: SettlementKind::Delivered,
        attempts: 1,
        started_at: bench.started_at(webhook, id),
    };
    bench.store.replay(id, &[webhook], at(2)).unwrap();
    bench.settle(vec![settlement(webhook, id, 3, Some(before))], at(3));
    assert_eq!(bench.state(webhook, id), "scheduled");
    bench.ends(webhook, id, SettlementKind::Delivered, 4);
    assert_eq!(bench.state(webhook, id), "delivered");
}
