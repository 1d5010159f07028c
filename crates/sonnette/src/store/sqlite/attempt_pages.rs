//! Pages of the log of attempts of any number of webhooks, newest first.
//!
//! A row has about a kilobyte, so a filter that few rows pass must not read all of them. Failures have an index, which
//! costs nothing while deliveries succeed; an index for each of the other filters would slow down every settlement. So a
//! page scans a limited number of rows and returns how far it came.

use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, ToSql};

use super::StoreError;
use super::damage_log::DamageLog;
use super::filter::Filter;
use super::table_row::{TableRow, to_micros};
use crate::domain::{
    Attempt, AttemptId, FailureKind, HttpExchange, NotificationId, Outcome, SendFailure, WebhookId,
};
use crate::store::{AttemptPage, AttemptQuery, MAX_SCANNED_ATTEMPTS};

/// All columns but the bodies. The action type and the event are those of the notification, except for a test.
pub(super) const SELECT_ATTEMPT: &str = "SELECT a.id, a.webhook, a.notification, coalesce(a.action_type, n.action_type) AS action_type,
    coalesce(a.event, n.event) AS event, a.target_url, a.number, a.started_at, a.duration_us, a.return_code, a.failure,
    a.reason, a.failure_detail, a.request_headers, a.response_headers, a.action_type IS NOT NULL AS test";

/// An attempt that was made late may be stored longer than its notification; it is not returned then.
pub(super) const HAS_ACTION_TYPE: &str = "coalesce(a.action_type, n.action_type) IS NOT NULL";

/// The number of rows that are read ahead for one webhook.
const MAX_READ_AHEAD_ROWS: usize = 512;

/// The attempts of a delivery end between its publication and its settlement, give or take a minute: for attempts in
/// flight and clocks that were adjusted.
const CLOCK_TOLERANCE_MICROS: i64 = 60_000_000;

/// A page of the log. Damaged rows are left out.
pub(super) fn page(
    c: &Connection,
    damage: &DamageLog,
    webhooks: &[WebhookId],
    query: &AttemptQuery,
) -> Result<AttemptPage, StoreError> {
    let filter = filter(query);
    let from = from_clause(query);
    let ahead = (query.limit / webhooks.len().max(1)).clamp(1, MAX_READ_AHEAD_ROWS);
    let mut sources = Vec::with_capacity(webhooks.len());
    let mut next = BinaryHeap::new();
    for webhook in webhooks {
        let mut source = AttemptIdScan {
            webhook: *webhook,
            range: id_range(c, *webhook, query)?,
            ready: VecDeque::new(),
            ahead,
        };
        if let Some((id, matches)) = source.next(c, &from, &filter)? {
            next.push((id, *webhook, matches, sources.len()));
        }
        sources.push(source);
    }
    let mut page = AttemptPage::default();
    let (mut scanned, mut last) = (0, i64::MAX);
    while page.attempts.len() < query.limit
        && let Some((id, webhook, matches, index)) = next.pop()
    {
        // Attempts of two webhooks may have the same id; they stay on one page.
        if scanned >= MAX_SCANNED_ATTEMPTS && id < last {
            page.scanned_until = Some(AttemptId(last));
            break;
        }
        scanned += 1;
        last = id;
        if matches {
            let read = damage.skip_damaged(without_bodies(c, webhook, id))?;
            page.attempts.extend(read.flatten());
        }
        if let Some((id, matches)) = sources[index].next(c, &from, &filter)? {
            next.push((id, webhook, matches, index));
        }
    }
    Ok(page)
}

/// The ids of one webhook's attempts, newest first, each with whether it passes the filter.
struct AttemptIdScan {
    webhook: WebhookId,
    /// The ids that are not read yet; the second is excluded.
    range: (i64, i64),
    ready: VecDeque<(i64, bool)>,
    /// How many rows to read next: few at first, since of many webhooks most add nothing to a page.
    ahead: usize,
}

impl AttemptIdScan {
    fn next(
        &mut self,
        c: &Connection,
        from: &str,
        filter: &Filter,
    ) -> Result<Option<(i64, bool)>, StoreError> {
        if self.ready.is_empty() && self.range.0 < self.range.1 {
            self.read(c, from, filter)?;
        }
        Ok(self.ready.pop_front())
    }

    fn read(&mut self, c: &Connection, from: &str, filter: &Filter) -> Result<(), StoreError> {
        let mut statement = c.prepare_cached(&statement(from, filter))?;
        let mut values = filter.values();
        let (first, beyond) = self.range;
        let range: [&dyn ToSql; 4] = [&self.webhook.0, &first, &beyond, &self.ahead];
        values.extend(range);
        let rows = statement.query_map(values.as_slice(), |r| Ok((r.get(0)?, r.get(1)?)))?;
        self.ready = rows.collect::<Result<_, _>>()?;
        self.range.1 = match self.ready.back() {
            Some((id, _)) if self.ready.len() == self.ahead => *id,
            _ => first,
        };
        self.ahead = (4 * self.ahead).min(MAX_READ_AHEAD_ROWS);
        Ok(())
    }
}

fn statement(from: &str, filter: &Filter) -> String {
    format!(
        "SELECT a.id, {} FROM {from} AND a.webhook = ? AND a.id >= ? AND a.id < ? ORDER BY a.id DESC LIMIT ?",
        filter.sql()
    )
}

/// The tables and the condition of the rows to scan.
fn from_clause(query: &AttemptQuery) -> String {
    let failed = query.success == Some(false);
    let index = if failed {
        " INDEXED BY attempts_failed"
    } else {
        ""
    };
    // Only these two are columns of the notification.
    let join = if query.action_type.is_some() || query.event.is_some() {
        " LEFT JOIN notifications n ON n.id = a.notification"
    } else {
        ""
    };
    let condition = if failed {
        "a.return_code NOT BETWEEN 200 AND 299"
    } else {
        "1"
    };
    format!("attempts a{index}{join} WHERE {condition}")
}

/// The condition that a scanned row must pass to be returned.
fn filter(query: &AttemptQuery) -> Filter {
    let mut filter = Filter::new(if query.success == Some(true) {
        "a.return_code BETWEEN 200 AND 299"
    } else {
        "1"
    });
    filter.and(
        "coalesce(a.action_type, n.action_type) IS ?",
        query.action_type.clone(),
    );
    filter.and("coalesce(a.event, n.event) IS ?", query.event.clone());
    filter.and("a.notification = ?", query.notification.map(|n| n.0));
    filter
}

/// The range of ids to scan for a webhook.
fn id_range(
    c: &Connection,
    webhook: WebhookId,
    query: &AttemptQuery,
) -> Result<(i64, i64), StoreError> {
    let since = query.range.since.map_or(i64::MIN, to_micros);
    let until = query
        .range
        .until
        .map_or(i64::MAX, |until| to_micros(until) + 1);
    let beyond = query.after.map_or(i64::MAX, |after| after.0).min(until);
    let Some(notification) = query.notification else {
        return Ok((since, beyond));
    };
    Ok(match delivery_times(c, webhook, notification)? {
        None => (since, beyond),
        Some((published_at, settled_at)) => (
            since.max(published_at.saturating_sub(CLOCK_TOLERANCE_MICROS)),
            beyond.min(settled_at.map_or(i64::MAX, |at| at.saturating_add(CLOCK_TOLERANCE_MICROS))),
        ),
    })
}

/// When the notification of a delivery was published, and when the delivery was settled; `None` without a delivery.
fn delivery_times(
    c: &Connection,
    webhook: WebhookId,
    notification: NotificationId,
) -> Result<Option<(i64, Option<i64>)>, StoreError> {
    let mut statement = c.prepare_cached(
        "SELECT n.published_at, d.settled_at FROM deliveries d JOIN notifications n ON n.id = d.notification
         WHERE d.webhook = ?1 AND d.notification = ?2",
    )?;
    // Without a range from a damaged row the whole log of the webhook is scanned.
    let found = statement.query_row([webhook.0, notification.0], |r| {
        Ok(r.get(0).ok().zip(r.get(1).ok()))
    });
    Ok(found.optional()?.flatten())
}

/// An attempt without bodies; `None` if it or its notification was removed.
fn without_bodies(
    c: &Connection,
    webhook: WebhookId,
    id: i64,
) -> Result<Option<Attempt>, StoreError> {
    let mut statement = c.prepare_cached(&format!(
        "{SELECT_ATTEMPT} FROM attempts a LEFT JOIN notifications n ON n.id = a.notification WHERE a.webhook = ?1 AND a.id = ?2
           AND {HAS_ACTION_TYPE}"
    ))?;
    let mut rows = statement.query([webhook.0, id])?;
    rows.next()?
        .map(|row| attempt(TableRow::new(row, "attempts")))
        .transpose()
}

/// The newest attempt that is not a test and whose row is not damaged.
pub(super) fn latest(
    c: &Connection,
    damage: &DamageLog,
    webhook: WebhookId,
) -> Result<Option<Attempt>, StoreError> {
    let mut statement = c.prepare_cached(&format!(
        "{SELECT_ATTEMPT} FROM attempts a LEFT JOIN notifications n ON n.id = a.notification
         WHERE a.webhook = ?1 AND a.action_type IS NULL AND {HAS_ACTION_TYPE} ORDER BY a.id DESC"
    ))?;
    let mut rows = statement.query([webhook.0])?;
    while let Some(row) = rows.next()? {
        let read = damage.skip_damaged(attempt(TableRow::new(row, "attempts")))?;
        if read.is_some() {
            return Ok(read);
        }
    }
    Ok(None)
}

/// An attempt with its payload and its response body.
pub(super) fn read_with_bodies(
    c: &Connection,
    webhook: WebhookId,
    id: AttemptId,
) -> Result<Option<Attempt>, StoreError> {
    let mut statement = c.prepare_cached(&format!(
        "{SELECT_ATTEMPT}, coalesce(a.payload, n.body) AS payload, a.response_body
         FROM attempts a LEFT JOIN notifications n ON n.id = a.notification
         WHERE a.webhook = ?1 AND a.id = ?2 AND {HAS_ACTION_TYPE}"
    ))?;
    let mut rows = statement.query([webhook.0, id.0])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let cells = TableRow::new(row, "attempts");
    let mut attempt = attempt(cells)?;
    attempt.sent_body = cells.get::<Option<Vec<u8>>>("payload")?.map(Bytes::from);
    let body: Option<Vec<u8>> = cells.get("response_body")?;
    attempt.exchange.response_body = body.unwrap_or_default().into();
    Ok(Some(attempt))
}

/// Rows of earlier versions have no detail, and rows of later ones may have one that is unknown here: both keep their kind
/// and their text.
fn failure(cells: TableRow<'_>, kind: FailureKind) -> Result<SendFailure, StoreError> {
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

pub(super) fn attempt(cells: TableRow<'_>) -> Result<Attempt, StoreError> {
    let outcome = match cells.parse_optional("failure")? {
        None => Outcome::Answered {
            status: cells.get("return_code")?,
            retry_after: None,
        },
        Some(kind) => Outcome::Failed(failure(cells, kind)?),
    };
    Ok(Attempt {
        id: AttemptId(cells.get("id")?),
        webhook: WebhookId(cells.get("webhook")?),
        notification: NotificationId(cells.get("notification")?),
        action_type: cells.parse("action_type")?,
        event: cells.parse_optional("event")?,
        target_url: cells.get("target_url")?,
        number: cells.get("number")?,
        is_test: cells.get("test")?,
        sent_body: None,
        exchange: HttpExchange {
            started_at: cells.time("started_at")?,
            duration: Duration::from_micros(cells.get("duration_us")?),
            outcome,
            request_headers: cells.get("request_headers")?,
            response_headers: cells.get("response_headers")?,
            response_body: Bytes::new(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::SqliteStore;

    fn plan(store: &SqliteStore, query: &AttemptQuery) -> Vec<String> {
        let sql = statement(&from_clause(query), &filter(query));
        let steps = store.read(|c| {
            let mut statement = c.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
            let steps = statement.raw_query().mapped(|r| r.get("detail"));
            Ok(steps.collect::<Result<_, _>>()?)
        });
        steps.unwrap()
    }

    #[test]
    fn every_filter_scans_a_range_of_an_index() {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(directory.path()).unwrap();
        let all = AttemptQuery::default;
        let key = "SEARCH a USING PRIMARY KEY (webhook=? AND id>? AND id<?)";
        let failed = "SEARCH a USING INDEX attempts_failed (webhook=? AND id>? AND id<?)";
        let name = || Some("x".to_owned());
        for (query, expected) in [
            (all(), key),
            (
                AttemptQuery {
                    success: Some(true),
                    ..all()
                },
                key,
            ),
            (
                AttemptQuery {
                    success: Some(false),
                    ..all()
                },
                failed,
            ),
            (
                AttemptQuery {
                    success: Some(false),
                    event: name(),
                    ..all()
                },
                failed,
            ),
            (
                AttemptQuery {
                    action_type: name(),
                    ..all()
                },
                key,
            ),
            (
                AttemptQuery {
                    event: name(),
                    ..all()
                },
                key,
            ),
            (
                AttemptQuery {
                    notification: Some(NotificationId(1)),
                    ..all()
                },
                key,
            ),
        ] {
            let plan = plan(&store, &query);
            assert_eq!(plan[0].replace("COVERING ", ""), expected, "{query:?}");
            let rest = &plan[1..];
            let is_key_lookup =
                |step: &String| step.starts_with("SEARCH n USING INTEGER PRIMARY KEY");
            assert!(rest.iter().all(is_key_lookup), "{query:?}: {rest:?}");
        }
    }
}
