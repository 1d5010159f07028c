//! Statistics of attempts, and queries that must not read the whole log.

use std::sync::Arc;
use std::time::Duration;

use sonnette::domain::{
    Attempt, DisableReason, FailureKind, FailureStreak, LaneHealth, LatencyHistogram,
    NotificationId, Outcome, ProbeSchedule, SendFailure, SettlementKind, WebhookId,
};
use sonnette::store::{
    AttemptPage, AttemptQuery, AttemptStats, MAX_SCANNED_ATTEMPTS, Settlement, SettlementCause,
};

use super::fixture::{Fixture, at, attempt, disabling, with_health};

const NOTIFICATION: NotificationId = NotificationId(900);
const HALF_HOUR: i64 = 1_800;

fn settlement(attempt: Attempt) -> Settlement {
    Settlement {
        webhook: attempt.webhook,
        generation: 0,
        cause: SettlementCause::Attempted {
            attempt: Arc::new(attempt),
            update: None,
        },
        health: None,
        action_type: None,
        disable: None,
        alert: None,
    }
}

/// Records attempts in one batch.
fn record(fixture: &Fixture<'_>, attempts: impl IntoIterator<Item = Attempt>) {
    fixture.settle(attempts.into_iter().map(settlement).collect(), at(0));
}

fn failed(webhook: WebhookId, second: i64, failure: FailureKind) -> Attempt {
    let mut attempt = attempt(webhook, NOTIFICATION, second);
    attempt.exchange.outcome = Outcome::Failed(SendFailure::Undetailed {
        kind: failure,
        text: "no".to_owned(),
    });
    attempt
}

fn times(millis: &[u64]) -> LatencyHistogram {
    let mut times = LatencyHistogram::default();
    for millis in millis {
        times.add(Duration::from_millis(*millis));
    }
    times
}

pub(super) fn attempts_are_counted_per_half_hour(fixture: &Fixture<'_>) {
    let (webhook, other) = (fixture.add_webhook(), fixture.add_webhook());
    let mut test = attempt(webhook, NOTIFICATION, 3);
    test.is_test = true;
    let first = attempt(webhook, NOTIFICATION, 0);
    record(
        fixture,
        [
            attempt(other, NOTIFICATION, 1),
            first.clone(),
            failed(webhook, 1, FailureKind::Timeout),
            failed(webhook, 2, FailureKind::Connect),
            test,
            attempt(webhook, NOTIFICATION, -HALF_HOUR),
        ],
    );
    // A second batch, with a repeated attempt.
    let mut slow = attempt(webhook, NOTIFICATION, HALF_HOUR - 1);
    slow.exchange.duration = Duration::from_secs(3);
    record(fixture, [first, slow]);
    let tally = |webhook, second, succeeded, failed, millis| AttemptStats {
        webhook,
        start: at(second),
        succeeded,
        failed,
        latencies: times(millis),
    };
    let before = tally(webhook, -HALF_HOUR, 1, 0, &[12]);
    let now = tally(webhook, 0, 2, 2, &[12, 12, 3_000]);
    let others = tally(other, 0, 1, 0, &[12]);
    let since =
        |webhooks: &[WebhookId], second| fixture.store.attempt_stats(webhooks, at(second)).unwrap();
    assert_eq!(
        since(&[other, webhook], -1),
        [before, now.clone(), others.clone()]
    );
    assert_eq!(since(&[webhook], HALF_HOUR - 1), [now]);
    assert_eq!(since(&[other], 0), [others]);
    assert_eq!(since(&[other], HALF_HOUR), []);
}

pub(super) fn old_statistics_are_pruned(fixture: &Fixture<'_>) {
    let webhook = fixture.add_webhook();
    record(
        fixture,
        [0, HALF_HOUR, 2 * HALF_HOUR].map(|second| attempt(webhook, NOTIFICATION, second)),
    );
    let starts = || -> Vec<_> {
        let found = fixture.store.attempt_stats(&[webhook], at(0)).unwrap();
        found.iter().map(|tally| tally.start).collect()
    };
    let prune = |second| assert!(!fixture.store.prune(at(second), at(second)).unwrap());
    prune(HALF_HOUR - 1);
    assert_eq!(starts(), [at(0), at(HALF_HOUR), at(2 * HALF_HOUR)]);
    prune(2 * HALF_HOUR);
    assert_eq!(starts(), [at(2 * HALF_HOUR)]);
}

/// Records attempts of the webhooks in turn, one per second, back from second 0.
fn record_many(
    fixture: &Fixture<'_>,
    webhooks: &[WebhookId],
    id: NotificationId,
    count: usize,
) -> Vec<Attempt> {
    let attempts: Vec<_> = (0_i64..)
        .zip(webhooks.iter().cycle())
        .take(count)
        .map(|(back, webhook)| attempt(*webhook, id, -back))
        .collect();
    record(fixture, attempts.iter().cloned());
    attempts
}

pub(super) fn a_page_of_attempts_returns_how_far_it_scanned(fixture: &Fixture<'_>) {
    let webhooks = [fixture.add_webhook(), fixture.add_webhook()];
    let published = fixture.publish(&[webhooks[0]], &[-9_000])[0];
    fixture.settle_delivery(webhooks[0], published, SettlementKind::Delivered, -8_999);
    let id = fixture.publish(&[], &[-20_000])[0];
    let attempts = record_many(fixture, &webhooks, id, MAX_SCANNED_ATTEMPTS + 7);
    let mut oldest = failed(webhooks[1], -20_000, FailureKind::Connect);
    oldest.notification = id;
    // An attempt without its notification is not returned.
    record(
        fixture,
        [oldest.clone(), attempt(webhooks[0], NOTIFICATION, 1)],
    );
    let page = |query: &AttemptQuery| fixture.store.attempt_page(&webhooks, query).unwrap();
    let all = AttemptQuery {
        limit: 3,
        ..AttemptQuery::default()
    };

    // None matches: the first page scans the maximum, the second the rest.
    let mut none_fits = AttemptQuery {
        event: Some("no-such".to_owned()),
        ..all.clone()
    };
    let first = page(&none_fits);
    assert_eq!(first.attempts, []);
    // Two of the scanned attempts were recorded separately.
    assert_eq!(
        first.scanned_until,
        Some(attempts[MAX_SCANNED_ATTEMPTS - 3].id)
    );
    none_fits.after = first.scanned_until;
    assert_eq!(page(&none_fits), AttemptPage::default());

    // A failure is found at any age, and the attempts of one notification within its lifetime.
    let failures = AttemptQuery {
        success: Some(false),
        ..all.clone()
    };
    let found = page(&failures);
    assert_eq!(
        (found.attempts[0].id, found.scanned_until),
        (oldest.id, None)
    );
    let of_one = AttemptQuery {
        notification: Some(published),
        ..all.clone()
    };
    let found = fixture.store.attempt_page(&webhooks[..1], &of_one).unwrap();
    assert_eq!((found.attempts.len(), found.scanned_until), (1, None));

    // `attempts` scans everything.
    let ids = |found: &[Attempt]| found.iter().map(|a| a.id).collect::<Vec<_>>();
    let newest = page(&all);
    assert_eq!(ids(&newest.attempts), ids(&attempts[..3]));
    assert_eq!(newest.scanned_until, None);
    let before_all = AttemptQuery {
        notification: Some(oldest.notification),
        action_type: Some("no.such".to_owned()),
        ..all
    };
    assert_eq!(fixture.store.attempts(&webhooks, &before_all).unwrap(), []);
}

pub(super) fn the_latest_attempts_exclude_tests(fixture: &Fixture<'_>) {
    let (webhook, unused, other) = (
        fixture.add_webhook(),
        fixture.add_webhook(),
        fixture.add_webhook(),
    );
    let id = fixture.publish(&[webhook, other], &[0])[0];
    let mut test = attempt(webhook, NOTIFICATION, 3);
    test.is_test = true;
    record(
        fixture,
        [
            attempt(webhook, id, 1),
            attempt(webhook, id, 2),
            test,
            attempt(other, id, 0),
        ],
    );
    let found = fixture
        .store
        .latest_attempts(&[other, unused, webhook])
        .unwrap();
    let found: Vec<_> = found.iter().map(|a| (a.webhook, a.id)).collect();
    let expected = [attempt(other, id, 0).id, attempt(webhook, id, 2).id];
    assert_eq!(found, [(other, expected[0]), (webhook, expected[1])]);
}

/// The health of a lane with failures since a second; with `probing` it is failing.
fn failing_health(since: i64, probing: bool) -> LaneHealth {
    let streak = FailureStreak {
        failures: 6,
        since: at(since),
        first_notification: NOTIFICATION,
        has_several_notifications: true,
    };
    let probe_schedule = probing.then(|| ProbeSchedule {
        since: at(since),
        next_at: at(since),
        wait: ProbeSchedule::FIRST_WAIT,
    });
    LaneHealth {
        streak: Some(streak),
        probe_schedule,
        ..LaneHealth::default()
    }
}

pub(super) fn unhealthy_webhooks_are_ordered_by_severity(fixture: &Fixture<'_>) {
    let webhooks: Vec<_> = (0..7).map(|_| fixture.add_webhook()).collect();
    let [many, long, short, wobbling, off, busy, well] = webhooks[..] else {
        panic!("seven were made");
    };
    fixture.publish(&[many, well], &[0, 0, 0, 0]);
    fixture.publish(&[wobbling], &[0; 9]);
    fixture.publish(&[busy], &[0]);
    let id = fixture.publish(&[long, short, off], &[0])[0];
    for (webhook, since, probing) in [
        (many, -50, true),
        (long, -150, true),
        (short, -50, true),
        (wobbling, 0, false),
        (off, -999, true),
    ] {
        let settled = settlement(attempt(webhook, id, since));
        fixture.settle(
            vec![with_health(settled, failing_health(since, probing))],
            at(since),
        );
    }
    let settled = settlement(attempt(off, id, 1));
    fixture.settle(vec![disabling(settled, DisableReason::Gone)], at(1));
    assert_eq!(
        fixture.store.drop_pending(well, at(1), "", None).unwrap(),
        4
    );
    let troubled = |limit| fixture.store.unhealthy_webhooks(at(100), limit).unwrap();
    // 4 × 150 s, 1 × 250 s, 1 × 150 s; then those that are not failing, although they have more pending deliveries.
    assert_eq!(troubled(9), [many, long, short, wobbling, busy]);
    assert_eq!(troubled(2), [many, long]);
}
