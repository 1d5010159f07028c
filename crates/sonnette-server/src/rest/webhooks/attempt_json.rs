//! An attempt as the API shows it.

use serde::Serialize;
use serde_json::{Map, Value};
use sonnette::domain::{Attempt, EventSlug, Outcome};
use utoipa::ToSchema;

use crate::edge::response;

/// A request to a receiver and its outcome.
#[derive(Serialize, ToSchema)]
pub(crate) struct AttemptJson {
    /// Rising within its webhook.
    #[schema(example = 1_795_284_000_000_000_i64)]
    id: i64,
    /// When it ended.
    #[schema(example = "2026-11-21T18:00:00.000000Z")]
    datetime: String,
    /// The concrete action type.
    #[schema(example = "pretix.event.order.placed")]
    action_type: String,
    /// The notification. A test has a number that no stored notification has.
    #[schema(example = 123_455)]
    notification_id: i64,
    /// The event it belongs to, if any.
    #[schema(example = "democon")]
    event: Option<String>,
    /// The URL without credentials.
    #[schema(example = "https://receiver.example/hook")]
    target_url: String,
    /// Whether it is not the first attempt of its delivery.
    #[schema(example = false)]
    is_retry: bool,
    /// The number within its delivery, from 1.
    #[schema(example = 1)]
    attempt: u32,
    /// Whether it is a test.
    #[schema(example = false)]
    test: bool,
    /// Seconds.
    #[schema(example = 0.042)]
    execution_time: f64,
    /// The HTTP status; 0 without a response.
    #[schema(example = 200)]
    return_code: u16,
    /// Whether the status is 200 to 299.
    #[schema(example = true)]
    success: bool,
    /// Why it failed.
    #[schema(example = json!(null))]
    error: Option<String>,
}

impl AttemptJson {
    /// The attempt without request and response.
    pub(crate) fn of(attempt: &Attempt) -> Self {
        let outcome = &attempt.exchange.outcome;
        Self {
            id: attempt.id.0,
            datetime: ended_at(attempt),
            action_type: attempt.action_type.to_string(),
            notification_id: attempt.notification.0,
            event: attempt.event.as_ref().map(EventSlug::to_string),
            target_url: attempt.target_url.clone(),
            is_retry: attempt.number > 1,
            attempt: attempt.number,
            test: attempt.is_test,
            execution_time: attempt.exchange.duration.as_secs_f64(),
            return_code: outcome.return_code(),
            success: outcome.is_success(),
            error: error_text(outcome),
        }
    }
}

/// When an attempt ended.
pub(crate) fn ended_at(attempt: &Attempt) -> String {
    let exchange = &attempt.exchange;
    let end = jiff::Timestamp::from_microsecond(attempt.id.0);
    response::format_time(end.unwrap_or(exchange.started_at))
}

/// Why an attempt failed.
pub(crate) fn error_text(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Failed(failure) => Some(failure.to_string()),
        Outcome::Answered {
            status: 200..=299, ..
        } => None,
        Outcome::Answered { status: 410, .. } => {
            Some("The receiver answered 410: it is gone for good.".to_owned())
        }
        Outcome::Answered {
            status: status @ 300..=399,
            ..
        } => Some(format!(
            "The receiver answered {status}; redirects are not followed."
        )),
        Outcome::Answered { status, .. } => {
            Some(format!("The receiver answered {status}, not 200 to 299."))
        }
    }
}

/// An attempt in the list of all webhooks.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookAttemptJson {
    #[serde(flatten)]
    attempt: AttemptJson,
    /// The webhook.
    #[schema(example = 1)]
    webhook: i64,
}

impl WebhookAttemptJson {
    /// The attempt with its webhook.
    pub(crate) fn of(attempt: &Attempt) -> Self {
        Self {
            attempt: AttemptJson::of(attempt),
            webhook: attempt.webhook.0,
        }
    }
}

/// An attempt in full.
#[derive(Serialize, ToSchema)]
pub(crate) struct AttemptDetail {
    #[serde(flatten)]
    attempt: AttemptJson,
    /// The body as it was sent.
    #[schema(example = "{\"notification_id\":123455,\"organizer\":\"acmecorp\"}")]
    payload: String,
    /// The response body, truncated at the server's limit.
    #[schema(example = "ok")]
    response_body: String,
    /// The request headers with secrets masked.
    #[schema(value_type = std::collections::BTreeMap<String, String>, example = json!({"content-type": "application/json"}))]
    request_headers: Map<String, Value>,
    /// The response headers.
    #[schema(value_type = std::collections::BTreeMap<String, String>, example = json!({"content-length": "2"}))]
    response_headers: Map<String, Value>,
}

impl AttemptDetail {
    /// The attempt with request and response.
    pub(crate) fn of(attempt: &Attempt) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            attempt: AttemptJson::of(attempt),
            payload: attempt.sent_body.as_deref().map(text).unwrap_or_default(),
            response_body: attempt.exchange.response_text().into_owned(),
            request_headers: parse_headers(&attempt.exchange.request_headers),
            response_headers: parse_headers(&attempt.exchange.response_headers),
        }
    }
}

/// Parses header lines; lines with the same name are joined by commas.
fn parse_headers(lines: &str) -> Map<String, Value> {
    let mut headers = Map::new();
    for (name, value) in lines.lines().filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        match headers.get_mut(name) {
            Some(Value::String(known)) => {
                known.push_str(", ");
                known.push_str(value);
            }
            _ => {
                headers.insert(name.to_owned(), value.into());
            }
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_header_lines() {
        let headers = parse_headers("host: a:1\nset-cookie: x\nset-cookie: y\n");
        assert_eq!(
            serde_json::to_string(&headers).unwrap(),
            "{\"host\":\"a:1\",\"set-cookie\":\"x, y\"}"
        );
    }

    #[test]
    fn error_texts() {
        let answered = |status| {
            error_text(&Outcome::Answered {
                status,
                retry_after: None,
            })
        };
        assert_eq!(answered(204), None);
        assert_eq!(
            answered(302).as_deref(),
            Some("The receiver answered 302; redirects are not followed.")
        );
        assert_eq!(
            answered(500).as_deref(),
            Some("The receiver answered 500, not 200 to 299.")
        );
    }
}
