//! Reading attempts, deliveries and notifications.

use std::sync::Arc;
use std::time::Duration;

use sonnette::domain::{
    Audience, DeliveryState, FailureKind, NotificationId, Outcome, SendFailure, SettlementKind,
    WebhookId,
};
use sonnette::store::{
    AttemptQuery, AttemptTiming, DeliveryQuery, DeliveryStateFilter, NotificationQuery, Settlement,
    SettlementCause, TimeRange,
};

use super::fixture::{Fixture, at, attempt, publication, stored};

fn record(fixture: &Fixture<'_>, attempt: sonnette::domain::Attempt) {
    let settlement = Settlement {
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
    };
    fixture.settle(vec![settlement], at(0));
}

/// The seconds of the attempts found, newest first.
fn seconds(fixture: &Fixture<'_>, webhooks: &[WebhookId], query: &AttemptQuery) -> Vec<i64> {
    let found = fixture.store.attempts(webhooks, query).unwrap();
    found
        .iter()
        .map(|a| a.exchange.started_at.duration_since(at(0)).as_secs())
        .collect()
}

/// Three attempts of one webhook, the last of which failed, and one of another; with their notifications.
fn four_attempts(fixture: &Fixture<'_>) -> (WebhookId, WebhookId, Vec<NotificationId>) {
    let (webhook, other) = (fixture.add_webhook(), fixture.add_webhook());
    let mut of_event = publication(&[webhook], 0);
    of_event.event = Some("democon".parse().unwrap());
    of_event.action_type = "test.other".parse().unwrap();
    let answers = fixture.commit(vec![
        fixture.group(vec![publication(&[webhook], 0), of_event]),
    ]);
    let ids: Vec<_> = stored(&answers[0]).iter().map(|a| a.id).collect();
    record(fixture, attempt(webhook, ids[0], 1));
    record(fixture, attempt(webhook, ids[1], 2));
    let mut failed = attempt(webhook, ids[0], 3);
    failed.exchange.outcome = Outcome::Failed(SendFailure::Undetailed {
        kind: FailureKind::Timeout,
        text: "too slow".to_owned(),
    });
    record(fixture, failed);
    record(fixture, attempt(other, ids[0], 4));
    (webhook, other, ids)
}

pub(super) fn attempts_are_filtered_by_each_field(fixture: &Fixture<'_>) {
    let (webhook, other, ids) = four_attempts(fixture);
    let all = || AttemptQuery {
        limit: 9,
        ..AttemptQuery::default()
    };
    let of = |query| seconds(fixture, &[webhook], &query);
    assert_eq!(of(all()), [3, 2, 1]);
    let both = [webhook, other];
    assert_eq!(seconds(fixture, &both, &all()), [4, 3, 2, 1]);
    assert_eq!(
        seconds(fixture, &both, &AttemptQuery { limit: 2, ..all() }),
        [4, 3]
    );
    for (success, expected) in [(true, &[2, 1][..]), (false, &[3])] {
        let success = Some(success);
        assert_eq!(of(AttemptQuery { success, ..all() }), expected);
    }
    let action_type = Some("test.other".to_owned());
    assert_eq!(
        of(AttemptQuery {
            action_type,
            ..all()
        }),
        [2]
    );
    let event = Some("democon".to_owned());
    assert_eq!(of(AttemptQuery { event, ..all() }), [2]);
    let notification = Some(ids[0]);
    assert_eq!(
        of(AttemptQuery {
            notification,
            ..all()
        }),
        [3, 1]
    );
    let range = TimeRange {
        since: Some(at(2)),
        until: Some(at(2)),
    };
    assert_eq!(of(AttemptQuery { range, ..all() }), [2]);
    let newest = AttemptQuery { limit: 1, ..all() };
    let newest = fixture.store.attempts(&[webhook], &newest).unwrap();
    let after = Some(newest[0].id);
    assert_eq!(of(AttemptQuery { after, ..all() }), [2, 1]);
}

pub(super) fn an_attempt_is_read_as_it_was_written(fixture: &Fixture<'_>) {
    let (webhook, other) = (fixture.add_webhook(), fixture.add_webhook());
    let answers = fixture.commit(vec![fixture.group(vec![publication(&[webhook], 0)])]);
    let answered = &stored(&answers[0])[0];
    let mut first = attempt(webhook, answered.id, 1);
    record(fixture, first.clone());
    first.sent_body.clone_from(&answered.body);
    assert_eq!(
        fixture.store.attempt(webhook, first.id).unwrap(),
        Some(first.clone())
    );
    assert_eq!(fixture.store.attempt(other, first.id).unwrap(), None);

    let mut test = attempt(webhook, NotificationId(900), 2);
    test.is_test = true;
    test.event = Some("democon".parse().unwrap());
    test.sent_body = Some("{}".into());
    test.exchange.outcome = Outcome::Failed(SendFailure::TlsAlert {
        alert: "HandshakeFailure".to_owned(),
    });
    test.exchange.response_body = "".into();
    record(fixture, test.clone());
    assert_eq!(fixture.store.attempt(webhook, test.id).unwrap(), Some(test));
}

pub(super) fn timings_exclude_tests(fixture: &Fixture<'_>) {
    let webhook = fixture.add_webhook();
    let id = fixture.publish(&[webhook], &[0])[0];
    let mut refused = attempt(webhook, id, 2);
    refused.exchange.outcome = Outcome::Answered {
        status: 500,
        retry_after: None,
    };
    let mut test = attempt(webhook, NotificationId(900), 3);
    test.is_test = true;
    for attempt in [
        attempt(webhook, id, 0),
        attempt(webhook, id, 1),
        refused,
        test,
    ] {
        record(fixture, attempt);
    }
    let took = Duration::from_millis(12);
    let samples = fixture.store.attempt_timings(webhook, at(1)).unwrap();
    let timing = |second, success| AttemptTiming {
        ended_at: at(second),
        success,
        duration: took,
    };
    assert_eq!(samples, [timing(2, false), timing(1, true)]);
}

pub(super) fn deliveries_are_listed_by_state(fixture: &Fixture<'_>) {
    let (webhook, other) = (fixture.add_webhook(), fixture.add_webhook());
    let ids = fixture.publish(&[webhook, other], &[0, 1, 2, 3, 4]);
    fixture.settle_delivery(webhook, ids[0], SettlementKind::Delivered, 5);
    fixture.settle_delivery(webhook, ids[1], SettlementKind::GivenUp, 5);
    fixture.settle_delivery(webhook, ids[2], SettlementKind::Dropped, 5);
    let list = |state, after, limit| -> Vec<NotificationId> {
        let query = DeliveryQuery {
            state,
            after,
            limit,
        };
        let found = fixture.store.deliveries(webhook, query).unwrap();
        assert!(found.iter().all(|d| d.webhook == webhook));
        found.iter().map(|d| d.notification).collect()
    };
    let settled = |how| Some(DeliveryStateFilter::Settled(how));
    assert_eq!(
        list(None, None, 9),
        [ids[4], ids[3], ids[2], ids[1], ids[0]]
    );
    assert_eq!(list(None, Some(ids[3]), 2), [ids[2], ids[1]]);
    assert_eq!(
        list(Some(DeliveryStateFilter::Pending), None, 9),
        [ids[4], ids[3]]
    );
    assert_eq!(
        list(Some(DeliveryStateFilter::Pending), Some(ids[4]), 9),
        [ids[3]]
    );
    assert_eq!(list(settled(SettlementKind::Delivered), None, 9), [ids[0]]);
    assert_eq!(list(settled(SettlementKind::GivenUp), None, 9), [ids[1]]);
    assert_eq!(
        list(settled(SettlementKind::Dropped), Some(ids[4]), 9),
        [ids[2]]
    );
    let both = fixture
        .store
        .deliveries_of_notification(ids[0], &[webhook, other])
        .unwrap();
    assert!(matches!(both[0].state, DeliveryState::Settled { .. }));
    assert_eq!(both[1].state, DeliveryState::Scheduled { due_at: at(0) });
}

pub(super) fn notifications_are_listed_and_belong_to_one_organizer(fixture: &Fixture<'_>) {
    let mut of_event = publication(&[], 100);
    of_event.event = Some("democon".parse().unwrap());
    of_event.subject = Some("person-7".to_owned());
    let publications = vec![publication(&[], 0), of_event, publication(&[], 200)];
    let answers = fixture.commit(vec![fixture.group(publications)]);
    let ids: Vec<_> = stored(&answers[0]).iter().map(|a| a.id).collect();
    let other = fixture.add_organizer("other");
    let all = || NotificationQuery {
        limit: 9,
        ..NotificationQuery::default()
    };
    let list = |organizer, query| -> Vec<NotificationId> {
        let found = fixture.store.notifications(organizer, &query).unwrap();
        found.iter().map(|n| n.notification.id).collect()
    };
    let own = |query| list(fixture.organizer, query);
    assert_eq!(own(all()), [ids[2], ids[1], ids[0]]);
    assert_eq!(list(other, all()), []);
    assert_eq!(
        own(NotificationQuery {
            event: Some("democon".to_owned()),
            ..all()
        }),
        [ids[1]]
    );
    assert_eq!(
        own(NotificationQuery {
            action_type: Some("no.such".to_owned()),
            ..all()
        }),
        []
    );
    assert_eq!(
        own(NotificationQuery {
            after: Some(ids[2]),
            limit: 1,
            ..all()
        }),
        [ids[1]]
    );
    let range = TimeRange {
        since: Some(at(100)),
        until: Some(at(199)),
    };
    assert_eq!(own(NotificationQuery { range, ..all() }), [ids[1]]);
    let entry = fixture
        .store
        .notification(fixture.organizer, ids[1])
        .unwrap()
        .unwrap();
    assert_eq!(entry.subject.as_deref(), Some("person-7"));
    assert_eq!(entry.notification.published_at, at(100));
    assert_eq!(fixture.store.notification(other, ids[1]).unwrap(), None);
}

pub(super) fn an_audience_and_separate_data_are_read_as_written(fixture: &Fixture<'_>) {
    let audiences = [
        Audience::Everyone,
        Audience::Nobody,
        Audience::Others(WebhookId(7)),
    ];
    for audience in audiences {
        let mut published = publication(&[], 0);
        published.audience = audience;
        published.data = Some(r#"{"id":1}"#.into());
        let answers = fixture.commit(vec![fixture.group(vec![published])]);
        let id = stored(&answers[0])[0].id;
        let found = fixture
            .store
            .notification(fixture.organizer, id)
            .unwrap()
            .unwrap();
        assert_eq!(found.audience, audience);
        assert_eq!(found.data.as_deref(), Some(r#"{"id":1}"#));
    }
}
