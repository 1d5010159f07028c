//! Rows to domain values and back, in one place.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Row;
use rusqlite::types::{FromSql, ValueRef};
use serde::de::DeserializeOwned;

use super::StoreError;
use crate::domain::{
    Audience, FailureStreak, LaneHealth, Notification, NotificationId, OrganizerId, ProbeSchedule,
    Progress, WebhookId,
};
use crate::store::PendingDelivery;

/// A row with the name of its table, for errors.
#[derive(Clone, Copy)]
pub(super) struct Cells<'a> {
    row: &'a Row<'a>,
    table: &'static str,
}

impl<'a> Cells<'a> {
    pub(super) fn new(row: &'a Row<'a>, table: &'static str) -> Self {
        Self { row, table }
    }

    pub(super) fn wrong(self, column: &'static str, reason: impl Display) -> StoreError {
        let row = self
            .row
            .get::<_, i64>(0)
            .map_or_else(|_| "a row".to_owned(), |id| id.to_string());
        StoreError::Inconsistent {
            table: self.table,
            column,
            row,
            reason: reason.to_string(),
        }
    }

    /// A value as `SQLite` has it.
    pub(super) fn get<T: FromSql>(self, column: &'static str) -> Result<T, StoreError> {
        self.row.get(column).map_err(|e| self.wrong(column, e))
    }

    /// The same, found by its place.
    fn at<T: FromSql>(self, place: usize, column: &'static str) -> Result<T, StoreError> {
        self.row.get(place).map_err(|e| self.wrong(column, e))
    }

    /// A text that a domain type reads, found by its place, and not copied.
    fn parse_at<T: FromStr<Err: Display>>(
        self,
        place: usize,
        column: &'static str,
    ) -> Result<T, StoreError> {
        let text = self.row.get_ref(place)?.as_str();
        text.map_err(|e| self.wrong(column, e))?
            .parse()
            .map_err(|e| self.wrong(column, e))
    }

    fn time_at(self, place: usize, column: &'static str) -> Result<Timestamp, StoreError> {
        let micros = self.at(place, column)?;
        Timestamp::from_microsecond(micros).map_err(|e| self.wrong(column, e))
    }

    /// A text that a domain type reads.
    pub(super) fn parse<T: FromStr<Err: Display>>(
        self,
        column: &'static str,
    ) -> Result<T, StoreError> {
        self.get::<String>(column)?
            .parse()
            .map_err(|e| self.wrong(column, e))
    }

    /// The same, where there may be none.
    pub(super) fn parse_some<T: FromStr<Err: Display>>(
        self,
        column: &'static str,
    ) -> Result<Option<T>, StoreError> {
        let text: Option<String> = self.get(column)?;
        text.map(|t| t.parse().map_err(|e| self.wrong(column, e)))
            .transpose()
    }

    /// A JSON text.
    pub(super) fn json<T: DeserializeOwned>(self, column: &'static str) -> Result<T, StoreError> {
        serde_json::from_str(&self.get::<String>(column)?).map_err(|e| self.wrong(column, e))
    }

    pub(super) fn time(self, column: &'static str) -> Result<Timestamp, StoreError> {
        let micros = self.get(column)?;
        Timestamp::from_microsecond(micros).map_err(|e| self.wrong(column, e))
    }

    pub(super) fn time_some(self, column: &'static str) -> Result<Option<Timestamp>, StoreError> {
        let micros: Option<i64> = self.get(column)?;
        micros
            .map(|m| Timestamp::from_microsecond(m).map_err(|e| self.wrong(column, e)))
            .transpose()
    }
}

/// Microseconds since 1970.
pub(super) fn micros(time: Timestamp) -> i64 {
    time.as_microsecond()
}

/// JSON of a value whose serialisation cannot fail: lists of texts and the like.
pub(super) fn to_json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Columns: id, organizer, `action_type`, event, `published_at`, shape, body.
pub(super) fn notification(cells: Cells<'_>) -> Result<Arc<Notification>, StoreError> {
    Ok(Arc::new(Notification {
        id: NotificationId(cells.get("id")?),
        organizer: OrganizerId(cells.get("organizer")?),
        action_type: cells.parse("action_type")?,
        event: cells.parse_some("event")?,
        published_at: cells.time("published_at")?,
        shape: cells.parse("shape")?,
        body: cells.get::<Vec<u8>>("body")?.into(),
    }))
}

/// Column audience: null for everyone, 0 for nobody, else the webhook that is not told.
pub(super) fn audience(cells: Cells<'_>) -> Result<Audience, StoreError> {
    Ok(match cells.get::<Option<i64>>("audience")? {
        None => Audience::Everyone,
        Some(0) => Audience::Nobody,
        Some(about) => Audience::Others(WebhookId(about)),
    })
}

/// As it is stored.
pub(super) fn audience_cell(audience: Audience) -> Option<i64> {
    match audience {
        Audience::Everyone => None,
        Audience::Nobody => Some(0),
        Audience::Others(about) => Some(about.0),
    }
}

/// The columns of [`waiting`], of `notifications` as n and `deliveries` as d.
pub(super) const WAITING: &str =
    "n.id, n.organizer, n.action_type, n.event, n.published_at, n.shape, n.body,
    d.attempts, d.tries, d.started_at, d.due_at";

/// Columns: [`WAITING`]. Lanes read whole pages of these, so columns are found by place and not by name.
pub(super) fn waiting(row: &Row<'_>) -> Result<PendingDelivery, StoreError> {
    let published = Cells::new(row, "notifications");
    let notification = Notification {
        id: NotificationId(published.at(0, "id")?),
        organizer: OrganizerId(published.at(1, "organizer")?),
        action_type: published.parse_at(2, "action_type")?,
        event: match row.get_ref(3)? {
            ValueRef::Null => None,
            _ => Some(published.parse_at(3, "event")?),
        },
        published_at: published.time_at(4, "published_at")?,
        shape: published.parse_at(5, "shape")?,
        body: published.at::<Vec<u8>>(6, "body")?.into(),
    };
    let owed = Cells::new(row, "deliveries");
    let progress = Progress {
        attempts: owed.at(7, "attempts")?,
        tries: owed.at(8, "tries")?,
        started_at: owed.time_at(9, "started_at")?,
        due_at: owed.time_at(10, "due_at")?,
    };
    Ok(PendingDelivery {
        notification: Arc::new(notification),
        progress,
    })
}

/// Columns of `lanes`.
pub(super) fn health(cells: Cells<'_>) -> Result<LaneHealth, StoreError> {
    let streak = match cells.time_some("failing_since")? {
        None => None,
        Some(since) => Some(FailureStreak {
            failures: cells.get("failures")?,
            since,
            first: NotificationId(
                cells
                    .get::<Option<i64>>("first_failed")?
                    .unwrap_or_default(),
            ),
            several: cells.get("several")?,
        }),
    };
    let probing = match cells.time_some("probing_since")? {
        None => None,
        Some(since) => Some(ProbeSchedule {
            since,
            next_at: cells.time("probe_at")?,
            wait: Duration::from_millis(cells.get::<u32>("probe_wait_ms")?.into()),
        }),
    };
    Ok(LaneHealth {
        streak,
        probing,
        paused_until: cells.time_some("paused_until")?,
        last_success_at: cells.time_some("last_success_at")?,
    })
}
