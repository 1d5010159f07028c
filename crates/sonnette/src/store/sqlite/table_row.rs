//! Reads the columns of a row as domain values.

use std::ops::RangeInclusive;
use std::str::FromStr;

use jiff::Timestamp;
use rusqlite::Row;
use rusqlite::types::FromSql;
use serde::de::DeserializeOwned;

use super::StoreError;
use crate::domain::UtcDateTime;
use crate::store::ErrorCause;

/// A row with the name of its table, which errors mention.
#[derive(Clone, Copy)]
pub(super) struct TableRow<'a> {
    row: &'a Row<'a>,
    table: &'static str,
}

impl<'a> TableRow<'a> {
    pub(super) fn new(row: &'a Row<'a>, table: &'static str) -> Self {
        Self { row, table }
    }

    pub(super) fn row(self) -> &'a Row<'a> {
        self.row
    }

    pub(super) fn invalid(self, column: &'static str, reason: impl Into<ErrorCause>) -> StoreError {
        let row = self
            .row
            .get::<_, i64>(0)
            .map_or_else(|_| "a row".to_owned(), |id| id.to_string());
        let row = match self.row.get::<_, i64>("webhook") {
            Ok(webhook) => format!("{row} of webhook {webhook}"),
            Err(_) => row,
        };
        StoreError::Inconsistent {
            table: self.table,
            column,
            row,
            reason: reason.into(),
        }
    }

    /// A value of a type that `SQLite` knows.
    pub(super) fn get<T: FromSql>(self, column: &'static str) -> Result<T, StoreError> {
        self.row.get(column).map_err(|e| self.invalid(column, e))
    }

    /// The same, by the position of the column.
    pub(super) fn at<T: FromSql>(
        self,
        index: usize,
        column: &'static str,
    ) -> Result<T, StoreError> {
        self.row.get(index).map_err(|e| self.invalid(column, e))
    }

    /// A number within `range`, or NULL.
    pub(super) fn in_range(
        self,
        column: &'static str,
        range: RangeInclusive<u32>,
    ) -> Result<Option<u32>, StoreError> {
        let number: Option<u32> = self.get(column)?;
        match number {
            Some(number) if !range.contains(&number) => {
                let reason = format!("{number} is not within {range:?}");
                Err(self.invalid(column, reason))
            }
            number => Ok(number),
        }
    }

    /// A text that is parsed, by the position of the column and without a copy.
    pub(super) fn parse_at<T: FromStr<Err: Into<ErrorCause>>>(
        self,
        index: usize,
        column: &'static str,
    ) -> Result<T, StoreError> {
        let text = self.row.get_ref(index)?.as_str();
        text.map_err(|e| self.invalid(column, e))?
            .parse()
            .map_err(|e| self.invalid(column, e))
    }

    pub(super) fn time_at(
        self,
        index: usize,
        column: &'static str,
    ) -> Result<Timestamp, StoreError> {
        let micros = self.at(index, column)?;
        Timestamp::from_microsecond(micros).map_err(|e| self.invalid(column, e))
    }

    /// A text that is parsed.
    pub(super) fn parse<T: FromStr<Err: Into<ErrorCause>>>(
        self,
        column: &'static str,
    ) -> Result<T, StoreError> {
        self.get::<String>(column)?
            .parse()
            .map_err(|e| self.invalid(column, e))
    }

    /// A text that is parsed, or NULL.
    pub(super) fn parse_optional<T: FromStr<Err: Into<ErrorCause>>>(
        self,
        column: &'static str,
    ) -> Result<Option<T>, StoreError> {
        let text: Option<String> = self.get(column)?;
        text.map(|t| t.parse().map_err(|e| self.invalid(column, e)))
            .transpose()
    }

    /// A JSON text that is deserialized.
    pub(super) fn json<T: DeserializeOwned>(self, column: &'static str) -> Result<T, StoreError> {
        serde_json::from_str(&self.get::<String>(column)?).map_err(|e| self.invalid(column, e))
    }

    pub(super) fn time(self, column: &'static str) -> Result<Timestamp, StoreError> {
        let micros = self.get(column)?;
        Timestamp::from_microsecond(micros).map_err(|e| self.invalid(column, e))
    }

    /// A time that may lie beyond the last [`Timestamp`], or NULL.
    pub(super) fn date_time_optional(
        self,
        column: &'static str,
    ) -> Result<Option<UtcDateTime>, StoreError> {
        let micros: Option<i64> = self.get(column)?;
        micros
            .map(|m| UtcDateTime::from_microsecond(m).map_err(|e| self.invalid(column, e)))
            .transpose()
    }

    pub(super) fn time_optional(
        self,
        column: &'static str,
    ) -> Result<Option<Timestamp>, StoreError> {
        let micros: Option<i64> = self.get(column)?;
        micros
            .map(|m| Timestamp::from_microsecond(m).map_err(|e| self.invalid(column, e)))
            .transpose()
    }
}

/// Microseconds since 1970.
pub(super) fn to_micros(time: Timestamp) -> i64 {
    time.as_microsecond()
}

/// The JSON of a value whose serialization cannot fail, such as a list of texts.
pub(super) fn to_json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
