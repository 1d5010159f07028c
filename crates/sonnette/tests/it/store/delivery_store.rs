//! Publishing, settling, and reading due deliveries.

use sonnette::domain::{
    DeliveryState, DisableReason, FailureStreak, LaneHealth, NotificationId, ProbeSchedule,
    SettlementKind, WebhookState,
};
use sonnette::store::{Batch, CommitError, DeliveryUpdate, GroupResult, MAX_PAGE_BYTES};
use std::time::Duration;

use super::fixture::{Fixture, at, disabling, keyed, publication, settlement, stored, with_health};

pub(super) fn a_batch_is_stored_as_a_whole(fixture: &Fixture<'_>) {
    let (one, two) = (fixture.add_webhook(), fixture.add_webhook());
    let groups = vec![
        fixture.group(vec![publication(&[one, two], 1), publication(&[], 2)]),
        fixture.group(vec![publication(&[two], 3)]),
    ];
    let answers = fixture.commit(groups);
    let ids: Vec<_> = answers.iter().flat_map(stored).map(|a| a.id).collect();
    assert!(ids.windows(2).all(|two| two[0] < two[1]), "{ids:?}");
    let delivery_counts: Vec<_> = answers
        .iter()
        .flat_map(stored)
        .map(|a| a.delivery_count)
        .collect();
    assert_eq!(delivery_counts, [2, 0, 1]);
    let body = stored(&answers[0])[0].body.clone().unwrap();
    assert_eq!(
        body,
        format!(r#"{{"notification_id":{},"data":{{}}}}"#, ids[0])
    );
    assert_eq!(fixture.due(two, 10), [ids[0], ids[2]]);
    let page = fixture.store.due_deliveries(one, at(10), None, 9).unwrap();
    assert_eq!(page.deliveries[0].notification.body, body);
    assert_eq!(page.deliveries[0].progress.due_at, at(1));
}

pub(super) fn ids_rise_across_organizers_and_are_reserved_for_tests(fixture: &Fixture<'_>) {
    assert_eq!(
        fixture.store.newest_notification_id().unwrap(),
        NotificationId(0)
    );
    let first = fixture.publish(&[], &[1])[0];
    assert_eq!(fixture.store.newest_notification_id().unwrap(), first);
    let reserved = fixture.store.reserve_notification_id().unwrap();
    let mut group = fixture.group(vec![publication(&[], 2)]);
    group.organizer = fixture.add_organizer("other");
    let last = stored(&fixture.commit(vec![group])[0])[0].id;
    assert!(first < reserved && reserved < last);
    assert_eq!(fixture.store.newest_notification_id().unwrap(), last);
}

pub(super) fn a_batch_of_an_older_registry_is_stale(fixture: &Fixture<'_>) {
    let version = fixture.store.version().unwrap();
    let webhook = fixture.add_webhook();
    let id = fixture.publish(&[webhook], &[1])[0];
    let batch = Batch {
        groups: vec![fixture.group(vec![publication(&[webhook], 2)])],
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
    let refused = fixture.store.commit(version, &batch);
    assert!(matches!(refused, Err(CommitError::Stale)), "{refused:?}");
    assert_eq!(fixture.store.newest_notification_id().unwrap(), id);
    assert_eq!(
        fixture.state(webhook, id),
        "scheduled",
        "nothing of it was done"
    );
}

pub(super) fn a_repeated_key_gives_the_first_result(fixture: &Fixture<'_>) {
    let webhook = fixture.add_webhook();
    let first = fixture.commit(vec![fixture.group(vec![keyed(
        publication(&[webhook], 1),
        "k",
        1,
    )])]);
    let first = &stored(&first[0])[0];
    // The result is the same if other webhooks match at a later time.
    let again = fixture.commit(vec![fixture.group(vec![keyed(
        publication(&[], 9),
        "k",
        1,
    )])]);
    let again = &stored(&again[0])[0];
    assert_eq!(again.body, None, "nothing is published");
    assert_eq!(
        (again.id, again.published_at, again.delivery_count),
        (first.id, first.published_at, first.delivery_count)
    );
    assert_eq!(fixture.store.newest_notification_id().unwrap(), first.id);
}

pub(super) fn a_key_is_unique_within_a_group_and_per_organizer(fixture: &Fixture<'_>) {
    let one = || keyed(publication(&[], 1), "k", 1);
    let answers = fixture.commit(vec![
        fixture.group(vec![one(), one()]),
        fixture.group(vec![one()]),
    ]);
    let ids: Vec<_> = answers.iter().flat_map(stored).map(|a| a.id).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let mut group = fixture.group(vec![keyed(publication(&[], 1), "k", 2)]);
    group.organizer = fixture.add_organizer("other");
    let other = fixture.commit(vec![group]);
    assert!(
        stored(&other[0])[0].body.is_some(),
        "another organizer's key is another"
    );
}

pub(super) fn a_key_conflict_refuses_only_its_group(fixture: &Fixture<'_>) {
    let webhook = fixture.add_webhook();
    fixture.commit(vec![fixture.group(vec![keyed(
        publication(&[], 1),
        "k",
        1,
    )])]);
    let mut registering = publication(&[webhook], 2);
    registering.event = Some("refused".parse().unwrap());
    registering.registers_event = true;
    let answers = fixture.commit(vec![
        fixture.group(vec![registering, keyed(publication(&[webhook], 2), "k", 2)]),
        fixture.group(vec![
            keyed(publication(&[], 2), "n", 1),
            keyed(publication(&[], 2), "n", 2),
        ]),
        fixture.group(vec![publication(&[webhook], 3)]),
    ]);
    assert_eq!(answers[0], GroupResult::Conflict(1));
    assert_eq!(answers[1], GroupResult::Conflict(1));
    let third = stored(&answers[2])[0].id;
    assert_eq!(fixture.due(webhook, 10), [third]);
    assert_eq!(
        fixture.store.events(fixture.organizer).unwrap(),
        [],
        "no event of what is refused"
    );
}

pub(super) fn unknown_events_are_registered(fixture: &Fixture<'_>) {
    let of = |slug: &str, registers| {
        let mut publication = publication(&[], 1);
        publication.event = Some(slug.parse().unwrap());
        publication.registers_event = registers;
        publication
    };
    let version = fixture.store.version().unwrap();
    let publications = vec![
        of("b", true),
        of("a", true),
        of("b", true),
        of("deleted", false),
    ];
    fixture.commit(vec![fixture.group(publications)]);
    fixture.commit(vec![fixture.group(vec![of("a", true)])]);
    let events = fixture.store.events(fixture.organizer).unwrap();
    let known: Vec<_> = events
        .iter()
        .map(|e| (e.slug.as_str(), e.name.as_str()))
        .collect();
    assert_eq!(known, [("a", "a"), ("b", "b")]);
    assert_eq!(
        fixture.store.version().unwrap(),
        version,
        "nobody matches otherwise by it"
    );
}

pub(super) fn settling_twice_changes_nothing(fixture: &Fixture<'_>) {
    let webhook = fixture.add_webhook();
    let id = fixture.publish(&[webhook], &[1])[0];
    fixture.settle_delivery(webhook, id, SettlementKind::Delivered, 5);
    let settled = fixture.delivery(webhook, id);
    fixture.settle_delivery(webhook, id, SettlementKind::Delivered, 5);
    fixture.settle_delivery(webhook, id, SettlementKind::GivenUp, 6);
    fixture.reschedule(webhook, id, 9);
    assert_eq!(fixture.delivery(webhook, id), settled);
    let DeliveryState::Settled { at: when, kind, .. } = settled.state else {
        panic!("{settled:?}")
    };
    assert_eq!(
        (when, kind, settled.attempts),
        (at(5), SettlementKind::Delivered, 1)
    );
}

pub(super) fn a_settlement_stores_the_health_of_its_lane(fixture: &Fixture<'_>) {
    let webhook = fixture.add_webhook();
    let lane = fixture.store.lane(webhook).unwrap();
    assert_eq!(
        (lane.health, lane.next_due_at, lane.last_attempt),
        (LaneHealth::default(), None, None)
    );
    let id = fixture.publish(&[webhook], &[1])[0];
    let health = LaneHealth {
        streak: Some(FailureStreak {
            failures: 7,
            since: at(2),
            first_notification: id,
            has_several_notifications: true,
        }),
        failing_streak: Some(FailureStreak {
            failures: 5,
            since: at(3),
            first_notification: id,
            has_several_notifications: true,
        }),
        probe_schedule: Some(ProbeSchedule {
            since: at(3),
            next_at: at(4),
            wait: Duration::from_secs(40),
        }),
        paused_until: Some(at(60)),
        pause_length: Some(Duration::from_secs(6)),
        last_success_at: Some(at(1)),
    };
    fixture.settle(
        vec![with_health(settlement(webhook, id, 3, None), health)],
        at(3),
    );
    let lane = fixture.store.lane(webhook).unwrap();
    assert_eq!((lane.health, lane.next_due_at), (health, Some(at(1))));
    assert_eq!(lane.last_attempt.unwrap().0, at(3).as_microsecond());
    fixture.settle(
        vec![with_health(
            settlement(webhook, id, 4, None),
            LaneHealth::default(),
        )],
        at(4),
    );
    assert_eq!(
        fixture.store.lane(webhook).unwrap().health,
        LaneHealth::default()
    );
}

pub(super) fn disabling_is_audited_once(fixture: &Fixture<'_>) {
    let webhook = fixture.add_webhook();
    let id = fixture.publish(&[webhook], &[1])[0];
    let (version, notes) = (fixture.store.version().unwrap(), audit(fixture));
    let gone = |second| disabling(settlement(webhook, id, second, None), DisableReason::Gone);
    fixture.settle(vec![gone(3), gone(4)], at(4));
    assert_eq!(fixture.store.version().unwrap(), version + 1);
    assert_eq!(audit(fixture), notes + 1);
    let rows = fixture.store.load(version).unwrap();
    let WebhookState::Disabled(disabled) = &rows.webhooks[0].state else {
        panic!("it is off")
    };
    assert_eq!(
        (disabled.since, disabled.reason),
        (at(4), DisableReason::Gone)
    );
}

fn audit(fixture: &Fixture<'_>) -> usize {
    fixture
        .store
        .audit_entries(fixture.organizer, 0, 1)
        .unwrap()
        .0
}

pub(super) fn pages_are_ordered_and_continue_after_a_cursor(fixture: &Fixture<'_>) {
    let webhook = fixture.add_webhook();
    // Deliveries that are due at the same time are ordered by id.
    let ids = fixture.publish(&[webhook], &[5, 1, 3, 3, 100]);
    let order = [ids[1], ids[2], ids[3], ids[0]];
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = fixture
            .store
            .due_deliveries(webhook, at(10), after, 1)
            .unwrap();
        let Some(last) = page.deliveries.last() else {
            assert_eq!(page.next_due_at, Some(at(100)), "not due yet");
            break;
        };
        assert!(page.next_due_at.is_some());
        after = Some((last.progress.due_at, last.notification.id));
        seen.push(last.notification.id);
    }
    assert_eq!(seen, order);
    assert_eq!(fixture.due(webhook, 10), order);
    assert_eq!(fixture.due(webhook, 0), []);
}

pub(super) fn a_page_is_bounded_in_bytes(fixture: &Fixture<'_>) {
    let webhook = fixture.add_webhook();
    let publications = (0..9)
        .map(|second| {
            let mut large = publication(&[webhook], second);
            large.body =
                sonnette::domain::BodyTemplate::Complete(vec![b' '; MAX_PAGE_BYTES / 3].into());
            large
        })
        .collect();
    fixture.commit(vec![fixture.group(publications)]);
    let page = fixture
        .store
        .due_deliveries(webhook, at(10), None, 9)
        .unwrap();
    assert!(
        (1..=4).contains(&page.deliveries.len()),
        "{} on a page",
        page.deliveries.len()
    );
    assert!(
        page.next_due_at.is_some_and(|due| due <= at(10)),
        "there is more"
    );
}

pub(super) fn lanes_with_pending_deliveries_are_listed(fixture: &Fixture<'_>) {
    let webhooks: Vec<_> = (0..4).map(|_| fixture.add_webhook()).collect();
    let id = fixture.publish(&[webhooks[0], webhooks[2], webhooks[3]], &[1])[0];
    fixture.settle_delivery(webhooks[2], id, SettlementKind::Delivered, 2);
    assert_eq!(
        fixture.store.lanes_with_pending_deliveries().unwrap(),
        [webhooks[0], webhooks[3]]
    );
}

pub(super) fn a_resent_delivery_is_not_settled_by_an_earlier_attempt(fixture: &Fixture<'_>) {
    let webhook = fixture.add_webhook();
    let id = fixture.publish(&[webhook], &[1])[0];
    let before = DeliveryUpdate::Settle {
        end: SettlementKind::Delivered,
        attempts: 1,
        started_at: fixture.started_at(webhook, id),
    };
    fixture.store.replay(id, &[webhook], at(2)).unwrap();
    fixture.settle(vec![settlement(webhook, id, 3, Some(before))], at(3));
    assert_eq!(fixture.state(webhook, id), "scheduled");
    fixture.settle_delivery(webhook, id, SettlementKind::Delivered, 4);
    assert_eq!(fixture.state(webhook, id), "delivered");
}
