//! Pages of the log of attempts of any number of webhooks, newest first.
//!
//! A row has hundreds of bytes, so a filter that few rows pass must not read all of them. Failures have an index, which
//! costs nothing while deliveries succeed; an index for each of the other filters would slow down every settlement. So a
//! page scans a limited number of rows and returns how far it came.
//!
//! A segment of the log is read only when all its ids are older than those that were found in the newer ones.

use std::collections::{BTreeSet, BinaryHeap, VecDeque};

use bytes::Bytes;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, ToSql};

use super::StoreError;
use super::attempt_rows::{HAS_ACTION_TYPE_SQL, attempt_from_row, select_attempt};
use super::damage_log::DamageLog;
use super::filter::Filter;
use super::log_segments::{IdRange, LogSegment};
use super::notification_rows::body_from_cell;
use super::table_row::{TableRow, to_json, to_micros};
use crate::domain::{Attempt, AttemptId, NotificationId, WebhookId};
use crate::store::{AttemptPage, AttemptQuery, MAX_SCANNED_ATTEMPTS};

/// The number of rows that are read ahead for one webhook.
const MAX_READ_AHEAD_ROWS: usize = 512;

/// The attempts of a delivery end between its publication and its settlement, give or take a minute: for attempts in
/// flight and clocks that were adjusted.
const CLOCK_TOLERANCE_MICROS: i64 = 60_000_000;

/// A page of the log. Damaged rows are left out.
pub(super) fn page(
    c: &Connection,
    damage: &DamageLog,
    segments: &[LogSegment],
    webhooks: &[WebhookId],
    query: &AttemptQuery,
) -> Result<AttemptPage, StoreError> {
    let mut scan = LogScan::new(c, segments, webhooks, query)?;
    let mut page = AttemptPage::default();
    let (mut scanned, mut last) = (0, i64::MAX);
    while page.attempts.len() < query.limit
        && let Some(found) = scan.next()?
    {
        // Attempts of two webhooks may have the same id; they stay on one page.
        if scanned >= MAX_SCANNED_ATTEMPTS && found.id < last {
            page.scanned_until = Some(AttemptId(last));
            break;
        }
        scanned += 1;
        last = found.id;
        if found.matches {
            let read = damage.skip_damaged(scan.read_without_bodies(&found))?;
            page.attempts.extend(read.flatten());
        }
    }
    Ok(page)
}

/// The ids of the attempts of some webhooks, newest first.
struct LogScan<'a> {
    c: &'a Connection,
    query: &'a AttemptQuery,
    filter: Filter,
    /// The webhooks with the ids to scan.
    ranges: Vec<(WebhookId, IdRange)>,
    /// The segments that are not scanned yet; the last one has the highest bound.
    unread: Vec<&'a LogSegment>,
    /// One for each webhook and segment that is scanned.
    sources: Vec<AttemptIdScan<'a>>,
    /// The next id of each source.
    next: BinaryHeap<FoundAttempt>,
}

/// An attempt that was found, in the order of ids.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct FoundAttempt {
    id: i64,
    webhook: WebhookId,
    source: usize,
    /// Whether it passes the filter.
    matches: bool,
}

impl<'a> LogScan<'a> {
    fn new(
        c: &'a Connection,
        segments: &'a [LogSegment],
        webhooks: &[WebhookId],
        query: &'a AttemptQuery,
    ) -> Result<Self, StoreError> {
        let ranges = webhooks
            .iter()
            .map(|webhook| Ok((*webhook, id_range(c, *webhook, query)?)))
            .collect::<Result<Vec<_>, StoreError>>()?;
        let mut unread: Vec<_> = segments.iter().collect();
        unread.sort_by_key(|segment| segment.last_id);
        Ok(Self {
            c,
            query,
            filter: filter(query),
            ranges,
            unread,
            sources: Vec::new(),
            next: BinaryHeap::new(),
        })
    }

    fn next(&mut self) -> Result<Option<FoundAttempt>, StoreError> {
        while let Some(segment) = self.unread.last()
            && self
                .next
                .peek()
                .is_none_or(|found| segment.last_id >= found.id)
        {
            let segment = *segment;
            self.unread.pop();
            self.add_segment(segment)?;
        }
        let Some(found) = self.next.pop() else {
            return Ok(None);
        };
        self.read_source(found.source)?;
        Ok(Some(found))
    }

    fn add_segment(&mut self, segment: &'a LogSegment) -> Result<(), StoreError> {
        let ahead = (self.query.limit / self.ranges.len().max(1)).clamp(1, MAX_READ_AHEAD_ROWS);
        for (webhook, range) in self.ranges_in(segment)? {
            self.sources.push(AttemptIdScan {
                webhook,
                segment,
                range,
                ready: VecDeque::new(),
                ahead,
            });
            self.read_source(self.sources.len() - 1)?;
        }
        Ok(())
    }

    /// The webhooks that have attempts in a segment. Of many, most may have none.
    fn ranges_in(&self, segment: &LogSegment) -> Result<Vec<(WebhookId, IdRange)>, StoreError> {
        let overlapping = self
            .ranges
            .iter()
            .filter(|(_, range)| segment.overlaps(*range));
        let mut ranges: Vec<_> = overlapping.copied().collect();
        if ranges.len() > 1 {
            let first = ranges.iter().map(|(_, range)| range.0).min();
            let beyond = ranges.iter().map(|(_, range)| range.1).max();
            let webhooks: Vec<i64> = ranges.iter().map(|(webhook, _)| webhook.0).collect();
            let mut statement = self.c.prepare_cached(&format!(
                "SELECT value FROM json_each(?1) WHERE EXISTS (
                   SELECT 1 FROM {} WHERE webhook = value AND id >= ?2 AND id < ?3)",
                segment.table()
            ))?;
            let values = (to_json(&webhooks), first, beyond);
            let found = statement.query_map(values, |r| r.get(0).map(WebhookId))?;
            let found = found.collect::<Result<BTreeSet<_>, _>>()?;
            ranges.retain(|(webhook, _)| found.contains(webhook));
        }
        Ok(ranges)
    }

    fn read_source(&mut self, index: usize) -> Result<(), StoreError> {
        let source = &mut self.sources[index];
        if let Some((id, matches)) = source.next(self.c, self.query, &self.filter)? {
            self.next.push(FoundAttempt {
                id,
                webhook: source.webhook,
                source: index,
                matches,
            });
        }
        Ok(())
    }

    /// An attempt without bodies; `None` if its notification was removed.
    fn read_without_bodies(&self, found: &FoundAttempt) -> Result<Option<Attempt>, StoreError> {
        let mut statement = self.c.prepare_cached(&format!(
            "{} WHERE a.webhook = ?1 AND a.id = ?2 AND {HAS_ACTION_TYPE_SQL}",
            select_attempt(self.sources[found.source].segment, "")
        ))?;
        let mut rows = statement.query([found.webhook.0, found.id])?;
        rows.next()?
            .map(|row| attempt_from_row(TableRow::new(row, "attempts")))
            .transpose()
    }
}

/// The ids of one webhook's attempts in a segment, newest first, each with whether it passes the filter.
struct AttemptIdScan<'a> {
    webhook: WebhookId,
    segment: &'a LogSegment,
    /// The ids that are not read yet.
    range: IdRange,
    ready: VecDeque<(i64, bool)>,
    /// How many rows to read next: few at first, since of many webhooks most add nothing to a page.
    ahead: usize,
}

impl AttemptIdScan<'_> {
    fn next(
        &mut self,
        c: &Connection,
        query: &AttemptQuery,
        filter: &Filter,
    ) -> Result<Option<(i64, bool)>, StoreError> {
        if self.ready.is_empty() && self.range.0 < self.range.1 {
            self.read(c, query, filter)?;
        }
        Ok(self.ready.pop_front())
    }

    fn read(
        &mut self,
        c: &Connection,
        query: &AttemptQuery,
        filter: &Filter,
    ) -> Result<(), StoreError> {
        let mut statement = c.prepare_cached(&statement(self.segment, query, filter))?;
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

fn statement(segment: &LogSegment, query: &AttemptQuery, filter: &Filter) -> String {
    format!(
        "SELECT a.id, {} FROM {} AND a.webhook = ? AND a.id >= ? AND a.id < ? ORDER BY a.id DESC LIMIT ?",
        filter.sql(),
        from_clause(segment, query)
    )
}

/// The tables and the condition of the rows to scan.
fn from_clause(segment: &LogSegment, query: &AttemptQuery) -> String {
    let failed = query.success == Some(false);
    let index = if failed {
        format!(" INDEXED BY {}", segment.failed_index())
    } else {
        String::new()
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
    let table = segment.table();
    format!("{table} a{index}{join} WHERE {condition}")
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
) -> Result<IdRange, StoreError> {
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

/// The newest attempt that is not a test and whose row is not damaged.
pub(super) fn latest(
    c: &Connection,
    damage: &DamageLog,
    segments: &[LogSegment],
    webhook: WebhookId,
) -> Result<Option<Attempt>, StoreError> {
    for segment in segments {
        let mut statement = c.prepare_cached(&format!(
            "{} WHERE a.webhook = ?1 AND a.action_type IS NULL AND {HAS_ACTION_TYPE_SQL} ORDER BY a.id DESC",
            select_attempt(segment, "")
        ))?;
        let mut rows = statement.query([webhook.0])?;
        while let Some(row) = rows.next()? {
            let read = damage.skip_damaged(attempt_from_row(TableRow::new(row, "attempts")))?;
            if read.is_some() {
                return Ok(read);
            }
        }
    }
    Ok(None)
}

/// An attempt with its payload and its response body.
pub(super) fn read_with_bodies(
    c: &Connection,
    segments: &[LogSegment],
    webhook: WebhookId,
    id: AttemptId,
) -> Result<Option<Attempt>, StoreError> {
    for segment in segments
        .iter()
        .filter(|s| (s.first_id..=s.last_id).contains(&id.0))
    {
        let mut statement = c.prepare_cached(&format!(
            "{} WHERE a.webhook = ?1 AND a.id = ?2 AND {HAS_ACTION_TYPE_SQL}",
            select_attempt(
                segment,
                ", a.payload, a.response_body, n.body, n.published_at"
            )
        ))?;
        let mut rows = statement.query([webhook.0, id.0])?;
        let Some(row) = rows.next()? else {
            continue;
        };
        let cells = TableRow::new(row, "attempts");
        let mut attempt = attempt_from_row(cells)?;
        attempt.sent_body = sent_body(cells, &attempt)?;
        let body: Option<Vec<u8>> = cells.get("response_body")?;
        attempt.exchange.response_body = body.unwrap_or_default().into();
        return Ok(Some(attempt));
    }
    Ok(None)
}

/// The payload of an attempt: that of its notification, unless it has its own.
fn sent_body(cells: TableRow<'_>, attempt: &Attempt) -> Result<Option<Bytes>, StoreError> {
    let own: Option<Vec<u8>> = cells.get("payload")?;
    let body = cells.row().get_ref("body")?;
    if own.is_some() || body == ValueRef::Null {
        return Ok(own.map(Bytes::from));
    }
    let published_at = cells.time("published_at")?;
    body_from_cell(body, &attempt.action_type, published_at)
        .map(Some)
        .map_err(|reason| cells.invalid("payload", reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::SqliteStore;

    fn plan(store: &SqliteStore, query: &AttemptQuery) -> Vec<String> {
        let steps = store.read_log(|c, segments| {
            let sql = statement(&segments[0], query, &filter(query));
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
