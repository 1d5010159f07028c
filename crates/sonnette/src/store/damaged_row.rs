//! Rows that cannot be read.

use std::fmt;

use super::StoreError;

/// A row that cannot be read. The store leaves it out and works on with all others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DamagedRow {
    /// The table.
    pub table: String,
    /// The row's first column, usually its id.
    pub row: String,
    /// The first column that cannot be read.
    pub column: String,
    /// Why its value cannot be read.
    pub reason: String,
}

impl DamagedRow {
    /// The row that an error names; `None` for other errors.
    pub(super) fn from_error(error: &StoreError) -> Option<Self> {
        match error {
            StoreError::Inconsistent {
                table,
                column,
                row,
                reason,
            } => Some(Self {
                table: (*table).to_owned(),
                row: row.clone(),
                column: (*column).to_owned(),
                reason: reason.to_string(),
            }),
            StoreError::Unavailable(_) | StoreError::Refused(_) => None,
        }
    }
}

impl fmt::Display for DamagedRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            table,
            row,
            column,
            reason,
        } = self;
        write!(f, "row {row} of {table} is damaged: {column}: {reason}")
    }
}
