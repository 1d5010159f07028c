//! The log of attempts, page by page: newest first, over any number of webhooks.
//!
//! Rows are about a kilobyte, so a filter that few of them pass must not read them all. Failures have an index of their
//! own, which costs nothing when all is well; indexes for the other filters would cost every settlement. So a page looks
//! at so many rows, and says how far it came.

use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, ToSql};

use super::StoreError;
use super::filter::Filter;
use super::rows::{Cells, micros};
use crate::domain::{
    Attempt, AttemptId, FailureKind, HttpExchange, NotificationId, Outcome, SendFailure, WebhookId,
};
use crate::store::{AttemptPage, AttemptQuery, MAX_SCANNED_ATTEMPTS};

/// Everything but bodies; action type and event are those of the notification, but for a test.
const ATTEMPT: &str = "SELECT a.id, a.webhook, a.notification, coalesce(a.action_type, n.action_type) AS action_type,
    coalesce(a.event, n.event) AS event, a.target_url, a.number, a.started_at, a.duration_us, a.return_code, a.failure,
    a.reason, a.failure_detail, a.request_headers, a.response_headers, a.action_type IS NOT NULL AS test";

/// An attempt may outlive its notification, where it was retried at the end of its time: nothing is left to tell of it.
const KNOWN: &str = "coalesce(a.action_type, n.action_type) IS NOT NULL";

/// Rows that one webhook's source reads ahead at most.
const AHEAD: usize = 512;

/// A delivery's attempts end between its publication and its end; what was under way then, and clocks that are not quite
/// even, a minute covers.
const MINUTE: i64 = 60_000_000;

pub(super) fn page(
    c: &Connection,
    webhooks: &[WebhookId],
    query: &AttemptQuery,
) -> Result<AttemptPage, StoreError> {
    let wanted = wanted(query);
    let from = from(query);
    let ahead = (query.limit / webhooks.len().max(1)).clamp(1, AHEAD);
    let mut sources = Vec::with_capacity(webhooks.len());
    let mut next = BinaryHeap::new();
    for webhook in webhooks {
        let mut source = Source {
            webhook: *webhook,
            range: range(c, *webhook, query)?,
            ready: VecDeque::new(),
            ahead,
        };
        if let Some((id, fits)) = source.next(c, &from, &wanted)? {
            next.push((id, *webhook, fits, sources.len()));
        }
        sources.push(source);
    }
    let mut page = AttemptPage::default();
    let (mut looked, mut last) = (0, i64::MAX);
    while page.attempts.len() < query.limit
        && let Some((id, webhook, fits, place)) = next.pop()
    {
        // Two webhooks may have one of the same moment: it is left to no other page.
        if looked >= MAX_SCANNED_ATTEMPTS && id < last {
            page.scanned_until = Some(AttemptId(last));
            break;
        }
        looked += 1;
        last = id;
        if fits {
            page.attempts.extend(without_bodies(c, webhook, id)?);
        }
        if let Some((id, fits)) = sources[place].next(c, &from, &wanted)? {
            next.push((id, webhook, fits, place));
        }
    }
    Ok(page)
}

/// The attempts of one webhook, newest first, each with whether it is wanted.
struct Source {
    webhook: WebhookId,
    /// The ids that are still to be read: from the first up to, not including, the second.
    range: (i64, i64),
    ready: VecDeque<(i64, bool)>,
    /// How many to read the next time: few at first, since most webhooks of many have nothing to add to a page.
    ahead: usize,
}

impl Source {
    fn next(
        &mut self,
        c: &Connection,
        from: &str,
        wanted: &Filter,
    ) -> Result<Option<(i64, bool)>, StoreError> {
        if self.ready.is_empty() && self.range.0 < self.range.1 {
            self.read(c, from, wanted)?;
        }
        Ok(self.ready.pop_front())
    }

    fn read(&mut self, c: &Connection, from: &str, wanted: &Filter) -> Result<(), StoreError> {
        let mut statement = c.prepare_cached(&statement(from, wanted))?;
        let mut values = wanted.values();
        let (first, beyond) = self.range;
        let range: [&dyn ToSql; 4] = [&self.webhook.0, &first, &beyond, &self.ahead];
        values.extend(range);
        let rows = statement.query_map(values.as_slice(), |r| Ok((r.get(0)?, r.get(1)?)))?;
        self.ready = rows.collect::<Result<_, _>>()?;
        self.range.1 = match self.ready.back() {
            Some((id, _)) if self.ready.len() == self.ahead => *id,
            _ => first,
        };
        self.ahead = (4 * self.ahead).min(AHEAD);
        Ok(())
    }
}

fn statement(from: &str, wanted: &Filter) -> String {
    format!(
        "SELECT a.id, {} FROM {from} AND a.webhook = ? AND a.id >= ? AND a.id < ? ORDER BY a.id DESC LIMIT ?",
        wanted.sql()
    )
}

/// Which rows are looked at.
fn from(query: &AttemptQuery) -> String {
    let failed = query.success == Some(false);
    let index = if failed {
        " INDEXED BY attempts_failed"
    } else {
        ""
    };
    // Only these two are the notification's.
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

/// Which of them are wanted.
fn wanted(query: &AttemptQuery) -> Filter {
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

/// The ids that can be wanted of a webhook's.
fn range(
    c: &Connection,
    webhook: WebhookId,
    query: &AttemptQuery,
) -> Result<(i64, i64), StoreError> {
    let since = query.range.since.map_or(i64::MIN, micros);
    let until = query
        .range
        .until
        .map_or(i64::MAX, |until| micros(until) + 1);
    let beyond = query.after.map_or(i64::MAX, |after| after.0).min(until);
    let Some(notification) = query.notification else {
        return Ok((since, beyond));
    };
    Ok(match life(c, webhook, notification)? {
        None => (since, beyond),
        Some((published_at, settled_at)) => (
            since.max(published_at.saturating_sub(MINUTE)),
            beyond.min(settled_at.map_or(i64::MAX, |at| at.saturating_add(MINUTE))),
        ),
    })
}

/// When a delivery's notification was published, and when it was settled, if it was. None: there is no such delivery.
fn life(
    c: &Connection,
    webhook: WebhookId,
    notification: NotificationId,
) -> Result<Option<(i64, Option<i64>)>, StoreError> {
    let mut statement = c.prepare_cached(
        "SELECT n.published_at, d.settled_at FROM deliveries d JOIN notifications n ON n.id = d.notification
         WHERE d.webhook = ?1 AND d.notification = ?2",
    )?;
    let found = statement.query_row([webhook.0, notification.0], |r| Ok((r.get(0)?, r.get(1)?)));
    Ok(found.optional()?)
}

/// None: it or its notification has been removed.
fn without_bodies(
    c: &Connection,
    webhook: WebhookId,
    id: i64,
) -> Result<Option<Attempt>, StoreError> {
    let mut statement = c.prepare_cached(&format!(
        "{ATTEMPT} FROM attempts a LEFT JOIN notifications n ON n.id = a.notification WHERE a.webhook = ?1 AND a.id = ?2
           AND {KNOWN}"
    ))?;
    let mut rows = statement.query([webhook.0, id])?;
    rows.next()?
        .map(|row| attempt(Cells::new(row, "attempts")))
        .transpose()
}

/// The newest attempt that is no test.
pub(super) fn newest(c: &Connection, webhook: WebhookId) -> Result<Option<Attempt>, StoreError> {
    let mut statement = c.prepare_cached(&format!(
        "{ATTEMPT} FROM attempts a LEFT JOIN notifications n ON n.id = a.notification
         WHERE a.webhook = ?1 AND a.action_type IS NULL AND {KNOWN} ORDER BY a.id DESC LIMIT 1"
    ))?;
    let mut rows = statement.query([webhook.0])?;
    rows.next()?
        .map(|row| attempt(Cells::new(row, "attempts")))
        .transpose()
}

/// In full.
pub(super) fn whole(
    c: &Connection,
    webhook: WebhookId,
    id: AttemptId,
) -> Result<Option<Attempt>, StoreError> {
    let mut statement = c.prepare_cached(&format!(
        "{ATTEMPT}, coalesce(a.payload, n.body) AS payload, a.response_body
         FROM attempts a LEFT JOIN notifications n ON n.id = a.notification
         WHERE a.webhook = ?1 AND a.id = ?2 AND {KNOWN}"
    ))?;
    let mut rows = statement.query([webhook.0, id.0])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let cells = Cells::new(row, "attempts");
    let mut attempt = attempt(cells)?;
    attempt.payload = cells.get::<Option<Vec<u8>>>("payload")?.map(Bytes::from);
    let body: Option<Vec<u8>> = cells.get("response_body")?;
    attempt.exchange.response_body = body.unwrap_or_default().into();
    Ok(Some(attempt))
}

/// Rows of earlier versions have no detail, and rows of later ones may have one that is unknown here: both keep their kind
/// and their text.
fn failure(cells: Cells<'_>, kind: FailureKind) -> Result<SendFailure, StoreError> {
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

fn attempt(cells: Cells<'_>) -> Result<Attempt, StoreError> {
    let outcome = match cells.parse_some("failure")? {
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
        event: cells.parse_some("event")?,
        target_url: cells.get("target_url")?,
        number: cells.get("number")?,
        test: cells.get("test")?,
        payload: None,
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
        let sql = statement(&from(query), &wanted(query));
        let steps = store.read(|c| {
            let mut statement = c.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
            let steps = statement.raw_query().mapped(|r| r.get("detail"));
            Ok(steps.collect::<Result<_, _>>()?)
        });
        steps.unwrap()
    }

    #[test]
    fn every_filter_reads_a_stretch_of_a_key() {
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
            let fine = |step: &String| step.starts_with("SEARCH n USING INTEGER PRIMARY KEY");
            assert!(rest.iter().all(fine), "{query:?}: {rest:?}");
        }
    }
}
