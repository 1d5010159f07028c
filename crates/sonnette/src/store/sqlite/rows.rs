//! Rows to domain values and back, in one place.

use std::fmt::Display;
use std::str::FromStr;

use jiff::Timestamp;
use rusqlite::Row;
use rusqlite::types::FromSql;
use serde::de::DeserializeOwned;

use super::StoreError;

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
    pub(super) fn at<T: FromSql>(
        self,
        place: usize,
        column: &'static str,
    ) -> Result<T, StoreError> {
        self.row.get(place).map_err(|e| self.wrong(column, e))
    }

    /// A text that a domain type reads, found by its place, and not copied.
    pub(super) fn parse_at<T: FromStr<Err: Display>>(
        self,
        place: usize,
        column: &'static str,
    ) -> Result<T, StoreError> {
        let text = self.row.get_ref(place)?.as_str();
        text.map_err(|e| self.wrong(column, e))?
            .parse()
            .map_err(|e| self.wrong(column, e))
    }

    pub(super) fn time_at(
        self,
        place: usize,
        column: &'static str,
    ) -> Result<Timestamp, StoreError> {
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
