//! What is kept in sum, or found without reading all of the log.

use std::sync::Arc;
use std::time::Duration;

use sonnette::domain::{Attempt, Failure, NotificationId, Outcome, Times, WebhookId};
use sonnette::store::{Settlement, Tally, Verdict};

use super::bench::{Bench, at, attempt};

const NOTIFICATION: NotificationId = NotificationId(900);
const HALF_HOUR: i64 = 1_800;

fn settlement(attempt: Attempt) -> Settlement {
    Settlement {
        webhook: attempt.webhook,
        verdict: Verdict::Attempted {
            attempt: Arc::new(attempt),
            follows: None,
        },
        health: None,
        disable: None,
        alert: None,
    }
}

/// In one batch.
fn record(bench: &Bench<'_>, attempts: impl IntoIterator<Item = Attempt>) {
    bench.settle(attempts.into_iter().map(settlement).collect(), at(0));
}

fn failed(webhook: WebhookId, second: i64, failure: Failure) -> Attempt {
    let mut attempt = attempt(webhook, NOTIFICATION, second);
    attempt.exchange.outcome = Outcome::Failed {
        failure,
        reason: "no".to_owned(),
    };
    attempt
}

fn times(millis: &[u64]) -> Times {
    let mut times = Times::default();
    for millis in millis {
        times.add(Duration::from_millis(*millis));
    }
    times
}

pub(super) fn attempts_are_summed_up_by_the_half_hour(bench: &Bench<'_>) {
    let (webhook, other) = (bench.add_webhook(), bench.add_webhook());
    let mut test = attempt(webhook, NOTIFICATION, 3);
    test.test = true;
    let first = attempt(webhook, NOTIFICATION, 0);
    record(
        bench,
        [
            attempt(other, NOTIFICATION, 1),
            first.clone(),
            failed(webhook, 1, Failure::Timeout),
            failed(webhook, 2, Failure::Connect),
            test,
            attempt(webhook, NOTIFICATION, -HALF_HOUR),
        ],
    );
    // A second batch, with one that comes twice.
    let mut slow = attempt(webhook, NOTIFICATION, HALF_HOUR - 1);
    slow.exchange.duration = Duration::from_secs(3);
    record(bench, [first, slow]);
    let tally = |webhook, second, succeeded, failed, millis| Tally {
        webhook,
        start: at(second),
        succeeded,
        failed,
        times: times(millis),
    };
    let before = tally(webhook, -HALF_HOUR, 1, 0, &[12]);
    let now = tally(webhook, 0, 2, 2, &[12, 12, 3_000]);
    let others = tally(other, 0, 1, 0, &[12]);
    let since = |webhooks: &[WebhookId], second| bench.store.tallies(webhooks, at(second)).unwrap();
    assert_eq!(
        since(&[other, webhook], -1),
        [before, now.clone(), others.clone()]
    );
    assert_eq!(since(&[webhook], HALF_HOUR - 1), [now]);
    assert_eq!(since(&[other], 0), [others]);
    assert_eq!(since(&[other], HALF_HOUR), []);
}

pub(super) fn old_sums_are_removed(bench: &Bench<'_>) {
    let webhook = bench.add_webhook();
    record(
        bench,
        [0, HALF_HOUR, 2 * HALF_HOUR].map(|second| attempt(webhook, NOTIFICATION, second)),
    );
    let starts = || -> Vec<_> {
        let found = bench.store.tallies(&[webhook], at(0)).unwrap();
        found.iter().map(|tally| tally.start).collect()
    };
    let prune = |second| assert!(!bench.store.prune(at(second), at(second)).unwrap());
    prune(HALF_HOUR - 1);
    assert_eq!(starts(), [at(0), at(HALF_HOUR), at(2 * HALF_HOUR)]);
    prune(2 * HALF_HOUR);
    assert_eq!(starts(), [at(2 * HALF_HOUR)]);
}
