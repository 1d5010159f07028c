//! The health of a webhook.

use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use serde::Serialize;
use sonnette::domain::{
    Attempt, DisableReason, LatencyHistogram, Webhook, WebhookId, WebhookState,
};
use sonnette::engine::LaneStatus;
use sonnette::store::{AttemptQuery, AttemptStats, AttemptTiming, MAX_ATTEMPT_TIMINGS};
use utoipa::ToSchema;

use super::attempt_json::{ended_at, error_text};
use super::lookup::webhook_of;
use crate::edge::AppState;
use crate::edge::authorize::Caller;
use crate::edge::error::ApiError;
use crate::edge::response;
use crate::rest::path_params::PathParams;

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
const HALF_HOUR: Duration = Duration::from_mins(30);

/// The health of a webhook.
#[derive(Serialize, ToSchema)]
pub(crate) struct HealthJson {
    /// `healthy`, `failing` or `disabled`.
    #[schema(example = "healthy")]
    state: &'static str,
    /// Since when the webhook is in this state; null if it was never in another.
    #[schema(example = json!(null))]
    since: Option<String>,
    /// Why it is not healthy, or why its deliveries are held.
    #[schema(example = json!(null))]
    reason: Option<String>,
    /// Failed attempts since the last success.
    #[schema(example = 0)]
    consecutive_failures: u32,
    /// The action types that the receiver refuses (400 to 499, but 401, 403, 408, 410, 425, 429) while it accepts others.
    #[schema(example = json!([]))]
    refused_action_types: Vec<String>,
    /// The attempts of the last hour.
    last_hour: Statistics,
    /// Attempts of the last day.
    last_day: Statistics,
    /// The number of waiting deliveries.
    #[schema(example = 0)]
    backlog: u64,
    /// Since when the oldest of them waits.
    #[schema(example = json!(null))]
    oldest_waiting: Option<String>,
    /// When the next attempt may begin, if a delivery waits.
    #[schema(example = json!(null))]
    next_attempt: Option<String>,
    /// The newest response.
    last_response: Option<LastResponse>,
}

/// Statistics of attempts; tests do not count. Of 1,000 attempts and more they are computed from the counts of each half
/// hour: the first half hour counts in part, and a duration may be a fifth off.
#[derive(Debug, Serialize, ToSchema, PartialEq)]
pub(crate) struct Statistics {
    /// The number of attempts.
    #[schema(example = 12)]
    attempts: u64,
    /// From 0 to 1; null without attempts.
    #[schema(example = 1.0)]
    success_rate: Option<f64>,
    /// The median duration in milliseconds.
    #[schema(example = 42.0)]
    p50_ms: Option<f64>,
    /// The 95th percentile of the duration in milliseconds.
    #[schema(example = 120.5)]
    p95_ms: Option<f64>,
}

/// The newest response, in short.
#[derive(Serialize, ToSchema)]
pub(crate) struct LastResponse {
    /// When the attempt ended.
    #[schema(example = "2026-11-21T18:00:00.000000Z")]
    datetime: String,
    /// The HTTP status; 0 without a response.
    #[schema(example = 200)]
    return_code: u16,
    /// In plain words.
    #[schema(example = json!(null))]
    error: Option<String>,
}

impl Statistics {
    /// The statistics since a time: from `newest`, the newest attempts, if these are all, else from `half_hours`.
    fn since(since: Timestamp, newest: &[AttemptTiming], half_hours: &[AttemptStats]) -> Self {
        let begins_before = newest.last().is_some_and(|timing| timing.ended_at < since);
        if begins_before || newest.len() < MAX_ATTEMPT_TIMINGS {
            let samples = newest.iter().filter(|timing| timing.ended_at >= since);
            return Self::of(samples.map(|timing| (timing.success, timing.duration)));
        }
        Self::of_half_hours(since, half_hours)
    }

    #[expect(clippy::cast_precision_loss, reason = "there are at most 1,000")]
    fn of(samples: impl Iterator<Item = (bool, Duration)>) -> Self {
        let (successes, mut times): (Vec<bool>, Vec<Duration>) = samples.unzip();
        times.sort_unstable();
        let good = successes.iter().filter(|success| **success).count();
        let rate = (!times.is_empty()).then(|| good as f64 / times.len() as f64);
        Self {
            attempts: times.len() as u64,
            success_rate: rate,
            p50_ms: percentile(&times, 50),
            p95_ms: percentile(&times, 95),
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a rate needs no more than 15 digits"
    )]
    fn of_half_hours(since: Timestamp, half_hours: &[AttemptStats]) -> Self {
        let (mut succeeded, mut attempts) = (0, 0);
        let mut times = LatencyHistogram::default();
        for half_hour in half_hours {
            let before = Duration::try_from(since.duration_since(half_hour.start));
            let within = HALF_HOUR.saturating_sub(before.unwrap_or_default());
            let part = |count: u64| {
                let share = u128::from(count) * within.as_millis() / HALF_HOUR.as_millis();
                u64::try_from(share).unwrap_or(count)
            };
            if within.is_zero() {
                continue;
            }
            succeeded += part(half_hour.succeeded);
            attempts += part(half_hour.succeeded + half_hour.failed);
            times.merge(&half_hour.latencies);
        }
        let quantile = |percent| {
            let time = times.quantile(percent)?;
            Some(time.as_micros() as f64 / 1_000.0)
        };
        Self {
            attempts,
            success_rate: (attempts > 0).then(|| succeeded as f64 / attempts as f64),
            p50_ms: quantile(50),
            p95_ms: quantile(95),
        }
    }
}

/// The smallest value that `percent` of 100 values do not exceed, in milliseconds.
#[expect(
    clippy::cast_precision_loss,
    reason = "an attempt takes less than a day"
)]
fn percentile(sorted: &[Duration], percent: usize) -> Option<f64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    let value = sorted.get(rank - 1)?;
    Some(value.as_micros() as f64 / 1_000.0)
}

fn state_of(
    webhook: &Webhook,
    lane: &LaneStatus,
    last: Option<&Attempt>,
) -> (&'static str, Option<Timestamp>, Option<String>) {
    if let WebhookState::Disabled(disabled) = webhook.state {
        let reason = match disabled.reason {
            DisableReason::User => "It was disabled by hand.",
            DisableReason::Gone => "The receiver answered 410: it is gone for good.",
            DisableReason::Failures => "It was disabled after too many failures in a row.",
        };
        return ("disabled", Some(disabled.since), Some(reason.to_owned()));
    }
    let hold =
        "The server was restored from a backup. Its operator has not resumed deliveries yet.";
    let hold = lane.is_held.then(|| hold.to_owned());
    match lane.health.probe_schedule {
        Some(schedule) => {
            let reason = last.and_then(|attempt| error_text(&attempt.exchange.outcome));
            let reason = reason.unwrap_or_else(|| "The receiver keeps failing.".to_owned());
            ("failing", Some(schedule.since), hold.or(Some(reason)))
        }
        None => ("healthy", None, hold),
    }
}

/// Get a webhook's health
///
/// Its state, what waits, and statistics of the last hour and the last day.
#[utoipa::path(
    get,
    path = "/organizers/{organizer}/webhooks/{id}/health/",
    responses((status = 200, description = "Its health.", body = HealthJson))
)]
pub(crate) async fn get_webhook_health(
    State(state): State<AppState>,
    caller: Caller,
    PathParams((_, id)): PathParams<(String, WebhookId)>,
) -> Result<Response, ApiError> {
    let webhook = webhook_of(&caller, id)?;
    let lane = state.sonnette.lane_status(id).await?;
    let now = state.now();
    let ago = move |time: Duration| now.saturating_sub(time).unwrap_or(Timestamp::MIN);
    let (timings, half_hours, newest) = state
        .read(move |store| {
            let query = AttemptQuery {
                limit: 20,
                ..AttemptQuery::default()
            };
            Ok((
                store.attempt_timings(id, ago(DAY))?,
                store.attempt_stats(&[id], ago(DAY))?,
                store.attempts(&[id], &query)?,
            ))
        })
        .await?;
    let last = newest.iter().find(|attempt| !attempt.is_test);
    let (word, since, reason) = state_of(webhook, &lane, last);
    Ok(response::ok(&HealthJson {
        state: word,
        since: since.map(response::format_time),
        reason,
        consecutive_failures: lane.health.consecutive_failures(),
        refused_action_types: lane
            .refused_action_types
            .iter()
            .map(ToString::to_string)
            .collect(),
        last_hour: Statistics::since(ago(HOUR), &timings, &half_hours),
        last_day: Statistics::since(ago(DAY), &timings, &half_hours),
        backlog: lane.pending_count,
        oldest_waiting: lane.oldest_pending_at.map(response::format_time),
        next_attempt: lane.next_attempt.map(response::format_time),
        last_response: last.map(|attempt| LastResponse {
            datetime: ended_at(attempt),
            return_code: attempt.exchange.outcome.return_code(),
            error: error_text(&attempt.exchange.outcome),
        }),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_attempts_are_counted_by_half_hours() {
        let start = Timestamp::UNIX_EPOCH;
        let mut times = LatencyHistogram::default();
        (0..2_000).for_each(|_| times.add(Duration::from_millis(40)));
        let half_hour = |number: u64| AttemptStats {
            webhook: WebhookId(1),
            start: start + HALF_HOUR * u32::try_from(number).unwrap(),
            succeeded: 1_500,
            failed: 500,
            latencies: times.clone(),
        };
        let half_hours = [half_hour(0), half_hour(1), half_hour(2)];
        let timing = AttemptTiming {
            ended_at: start + HOUR * 2,
            success: true,
            duration: Duration::ZERO,
        };
        let newest = vec![timing; MAX_ATTEMPT_TIMINGS];
        let found = Statistics::since(start + HALF_HOUR / 2, &newest, &half_hours);
        assert_eq!((found.attempts, found.success_rate), (5_000, Some(0.75)));
        let p50 = found.p50_ms.unwrap();
        assert!((32.0..48.0).contains(&p50), "{p50}");
    }

    #[test]
    fn statistics_are_exact() {
        let samples = (1..=100).map(|ms| (ms > 10, Duration::from_millis(ms)));
        let expected = Statistics {
            attempts: 100,
            success_rate: Some(0.9),
            p50_ms: Some(50.0),
            p95_ms: Some(95.0),
        };
        assert_eq!(Statistics::of(samples), expected);
        let none = Statistics {
            attempts: 0,
            success_rate: None,
            p50_ms: None,
            p95_ms: None,
        };
        assert_eq!(Statistics::of(std::iter::empty()), none);
    }
}
