//! Attempts as rows.

use std::collections::HashSet;
use std::time::Duration;

use rusqlite::{OptionalExtension, Transaction, params};

use super::StoreError;
use super::damage_log::DamageLog;
use super::header_templates::HeaderTemplateCache;
use super::log_segments::{self, LogSegment};
use super::table_row::{TableRow, to_micros};
use crate::domain::{
    Attempt, AttemptId, FailureKind, HttpExchange, NotificationId, Outcome, SendFailure, WebhookId,
};
use crate::store::header_template::{HeaderContext, SplitHeaders};

/// An attempt that was made late may be stored longer than its notification; it is not returned then.
pub(super) const HAS_ACTION_TYPE_SQL: &str = "coalesce(a.action_type, n.action_type) IS NOT NULL";

/// An attempt that ended at most so long after its segment was created may be a repeated one that is in the previous segment.
const MAX_SETTLEMENT_REPEAT_MICROS: i64 = 120_000_000;

/// Selects the columns that [`attempt_from_row`] reads, and `bodies`. The action type and the event are those of the notification,
/// except for a test. A start that is not after 1970 is the distance from the end.
pub(super) fn select_attempt(segment: &LogSegment, bodies: &str) -> String {
    format!(
        "SELECT a.id, a.webhook, a.notification, coalesce(a.action_type, n.action_type) AS action_type,
           coalesce(a.event, n.event) AS event, coalesce(q.target_url, a.target_url) AS target_url, a.number,
           iif(a.started_at <= 0, a.id + a.started_at, a.started_at) AS started_at, a.duration_us, a.return_code, a.failure,
           a.reason, a.failure_detail, a.request_headers, a.response_headers, a.action_type IS NOT NULL AS test,
           q.headers AS request_template, r.headers AS response_template{bodies}
         FROM {} a LEFT JOIN notifications n ON n.id = a.notification
           LEFT JOIN header_templates q ON q.id = a.request_template
           LEFT JOIN header_templates r ON r.id = a.response_template",
        segment.table()
    )
}

pub(super) fn attempt_from_row(cells: TableRow<'_>) -> Result<Attempt, StoreError> {
    let outcome = match cells.parse_optional("failure")? {
        None => Outcome::Answered {
            status: cells.get("return_code")?,
            retry_after: None,
        },
        Some(kind) => Outcome::Failed(failure_from_row(cells, kind)?),
    };
    let context = HeaderContext {
        notification: NotificationId(cells.get("notification")?),
        started_at: cells.time("started_at")?,
    };
    Ok(Attempt {
        id: AttemptId(cells.get("id")?),
        webhook: WebhookId(cells.get("webhook")?),
        notification: context.notification,
        action_type: cells.parse("action_type")?,
        event: cells.parse_optional("event")?,
        target_url: cells.get("target_url")?,
        number: cells.get("number")?,
        is_test: cells.get("test")?,
        sent_body: None,
        exchange: HttpExchange {
            started_at: context.started_at,
            duration: Duration::from_micros(cells.get("duration_us")?),
            outcome,
            request_headers: headers_from_row(
                cells,
                context,
                "request_template",
                "request_headers",
            )?,
            response_headers: headers_from_row(
                cells,
                context,
                "response_template",
                "response_headers",
            )?,
            response_body: bytes::Bytes::new(),
        },
    })
}

/// Rows of earlier versions have no detail, and rows of later ones may have one that is unknown here: both keep their kind
/// and their text.
fn failure_from_row(cells: TableRow<'_>, kind: FailureKind) -> Result<SendFailure, StoreError> {
    let detail: Option<String> = cells.get("failure_detail")?;
    let known = detail.and_then(|detail| serde_json::from_str::<SendFailure>(&detail).ok());
    match known.filter(|failure| failure.kind() == kind) {
        Some(failure) => Ok(failure),
        None => Ok(SendFailure::Undetailed {
            kind,
            text: cells.get("reason")?,
        }),
    }
}

/// Headers that are a text, or the values of a template.
fn headers_from_row(
    cells: TableRow<'_>,
    context: HeaderContext,
    template_column: &'static str,
    column: &'static str,
) -> Result<String, StoreError> {
    let Some(template) = cells.get::<Option<String>>(template_column)? else {
        return cells.get(column);
    };
    context
        .join(&template, &cells.get::<Vec<u8>>(column)?)
        .ok_or_else(|| cells.invalid(column, "not values of its template"))
}

/// Adds attempts to the newest segment, in one transaction.
pub(super) struct AttemptWriter<'a> {
    segment: LogSegment,
    previous: Option<LogSegment>,
    insert_sql: String,
    templates: &'a mut HeaderTemplateCache,
    erased: &'a HashSet<NotificationId>,
}

impl<'a> AttemptWriter<'a> {
    /// The payload of and the responses to the notifications in `erased` are not stored.
    pub(super) fn open(
        t: &Transaction<'_>,
        damage: &DamageLog,
        templates: &'a mut HeaderTemplateCache,
        erased: &'a HashSet<NotificationId>,
    ) -> Result<Self, StoreError> {
        let (newest, previous) = log_segments::newest(t, damage)?;
        let segment = match newest {
            Some(segment) => segment,
            None => log_segments::create(t, 0, (i64::MIN, i64::MAX))?,
        };
        let insert_sql = format!(
            "INSERT OR IGNORE INTO {} (webhook, id, notification, action_type, event, target_url, number, started_at,
               duration_us, return_code, failure, reason, request_headers, response_headers, payload, response_body,
               failure_detail, request_template, response_template)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)",
            segment.table()
        );
        Ok(Self {
            segment,
            previous,
            insert_sql,
            templates,
            erased,
        })
    }

    /// Adds an attempt and returns whether it is new: a repeated settlement changes nothing. If the notification was erased
    /// while the attempt was in flight, the payload and the response are left out.
    pub(super) fn insert(
        &mut self,
        t: &Transaction<'_>,
        attempt: &Attempt,
    ) -> Result<bool, StoreError> {
        if self.is_in_previous_segment(t, attempt)? {
            return Ok(false);
        }
        self.segment.extend_bounds(t, attempt.id.0)?;
        let erased = self.erased.contains(&attempt.notification);
        let exchange = &attempt.exchange;
        let failure = match &exchange.outcome {
            Outcome::Answered { .. } => None,
            Outcome::Failed(failure) => Some(failure),
        };
        let if_test = |text: &'_ str| attempt.is_test.then(|| text.to_owned());
        let (request, response) = self.store_headers(t, attempt, erased)?;
        // The URL of a request is part of its template.
        let target_url = match request {
            StoredHeaders::Full(_) => attempt.target_url.as_str(),
            StoredHeaders::Split { .. } => "",
        };
        let started_at = to_micros(exchange.started_at);
        let until_end = attempt.id.0.saturating_sub(started_at);
        let new = t.prepare_cached(&self.insert_sql)?.execute(params![
            attempt.webhook.0,
            attempt.id.0,
            attempt.notification.0,
            if_test(attempt.action_type.as_str()),
            attempt.event.as_ref().and_then(|e| if_test(e.as_str())),
            target_url,
            attempt.number,
            if until_end >= 0 {
                -until_end
            } else {
                started_at
            },
            i64::try_from(exchange.duration.as_micros()).unwrap_or(i64::MAX),
            exchange.outcome.return_code(),
            failure.map(|failure| failure.kind().as_str()),
            failure.map(ToString::to_string),
            request.cell(),
            response.cell(),
            attempt.sent_body.as_deref().filter(|_| !erased),
            Some(&exchange.response_body[..]).filter(|b| !b.is_empty() && !erased),
            failure.and_then(failure_detail),
            request.template(),
            response.template(),
        ])?;
        Ok(new > 0)
    }

    /// Whether the settlement of an attempt is repeated after a segment was added.
    fn is_in_previous_segment(
        &self,
        t: &Transaction<'_>,
        attempt: &Attempt,
    ) -> Result<bool, StoreError> {
        let id = attempt.id.0;
        let Some(previous) = &self.previous else {
            return Ok(false);
        };
        if id
            > self
                .segment
                .created_at
                .saturating_add(MAX_SETTLEMENT_REPEAT_MICROS)
            || id > previous.last_id
        {
            return Ok(false);
        }
        let sql = format!(
            "SELECT 1 FROM {} WHERE webhook = ?1 AND id = ?2",
            previous.table()
        );
        let found = t
            .prepare_cached(&sql)?
            .query_row([attempt.webhook.0, id], |_| Ok(()))
            .optional()?;
        Ok(found.is_some())
    }

    fn store_headers<'h>(
        &mut self,
        t: &Transaction<'_>,
        attempt: &'h Attempt,
        erased: bool,
    ) -> Result<(StoredHeaders<'h>, StoredHeaders<'h>), StoreError> {
        let exchange = &attempt.exchange;
        let context = HeaderContext {
            notification: attempt.notification,
            started_at: exchange.started_at,
        };
        let mut stored = |headers: &'h str, target_url, split: Option<SplitHeaders>| {
            let Some(split) = split.filter(|_| !headers.is_empty()) else {
                return Ok(StoredHeaders::Full(headers));
            };
            let (webhook, segment) = (attempt.webhook.0, self.segment.number);
            let template =
                self.templates
                    .find_or_insert(t, webhook, target_url, &split.template, segment)?;
            Ok::<_, StoreError>(match template {
                Some(template) => StoredHeaders::Split {
                    template,
                    values: split.values,
                },
                None => StoredHeaders::Full(headers),
            })
        };
        let request = &exchange.request_headers;
        let response = if erased {
            ""
        } else {
            &exchange.response_headers
        };
        Ok((
            stored(
                request,
                Some(attempt.target_url.as_str()),
                context.split_request(request),
            )?,
            stored(response, None, context.split_response(response))?,
        ))
    }
}

/// The JSON that [`attempt_from_row`] reads the failure from; a failure without details has only its kind and text.
fn failure_detail(failure: &SendFailure) -> Option<String> {
    match failure {
        SendFailure::Undetailed { .. } => None,
        detailed => serde_json::to_string(detailed).ok(),
    }
}

/// Headers as a row has them.
enum StoredHeaders<'a> {
    Full(&'a str),
    Split { template: i64, values: Vec<u8> },
}

impl StoredHeaders<'_> {
    fn cell(&self) -> rusqlite::types::ToSqlOutput<'_> {
        match self {
            Self::Full(headers) => (*headers).into(),
            Self::Split { values, .. } => values.as_slice().into(),
        }
    }

    fn template(&self) -> Option<i64> {
        match self {
            Self::Full(_) => None,
            Self::Split { template, .. } => Some(*template),
        }
    }
}
