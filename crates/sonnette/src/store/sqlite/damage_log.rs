//! Rows that were found damaged and left out.

use std::collections::BTreeMap;

use parking_lot::Mutex;

use super::StoreError;
use crate::store::DamagedRow;

/// The number of damaged rows that are remembered. Others are left out all the same, and logged each time.
const MAX_REMEMBERED_ROWS: usize = 1_000;

/// The damaged rows that were found since the store was opened, by table and id.
#[derive(Default)]
pub(super) struct DamageLog {
    rows: Mutex<BTreeMap<(String, String), DamagedRow>>,
}

impl DamageLog {
    /// The value of a row, or `None` for a damaged row. A damaged row is logged when it is found first.
    pub(super) fn skip_damaged<T>(
        &self,
        read: Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        match read {
            Ok(value) => Ok(Some(value)),
            Err(error) => {
                let row = DamagedRow::from_error(&error).ok_or(error)?;
                self.record(row);
                Ok(None)
            }
        }
    }

    /// Logs a row that was damaged and that the store has repaired.
    pub(super) fn record_repaired(&self, table: &str, row: &str, column: &str, reason: &str) {
        self.record(DamagedRow {
            table: table.to_owned(),
            row: row.to_owned(),
            column: column.to_owned(),
            reason: reason.to_owned(),
        });
        let key = (table.to_owned(), row.to_owned());
        self.rows.lock().remove(&key);
    }

    fn record(&self, row: DamagedRow) {
        let key = (row.table.clone(), row.row.clone());
        let mut rows = self.rows.lock();
        if rows.get(&key) == Some(&row) {
            return;
        }
        tracing::error!(
            table = row.table,
            row = row.row,
            column = row.column,
            reason = row.reason,
            "{row}; it is left out until it is repaired"
        );
        if rows.len() < MAX_REMEMBERED_ROWS || rows.contains_key(&key) {
            rows.insert(key, row);
        }
    }

    /// Forgets the rows of a table, before the whole table is read.
    pub(super) fn forget_table(&self, table: &str) {
        self.rows.lock().retain(|(known, _), _| known != table);
    }

    /// The ids of the known damaged rows of a table.
    pub(super) fn ids(&self, table: &str) -> Vec<i64> {
        let rows = self.rows.lock();
        let of_table = rows.keys().filter(|(known, _)| known == table);
        of_table.filter_map(|(_, id)| id.parse().ok()).collect()
    }

    /// Forgets a row that was repaired.
    pub(super) fn forget(&self, table: &str, id: i64) {
        let key = (table.to_owned(), id.to_string());
        self.rows.lock().remove(&key);
    }

    pub(super) fn rows(&self) -> Vec<DamagedRow> {
        self.rows.lock().values().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn damaged(id: i64) -> StoreError {
        StoreError::Inconsistent {
            table: "webhooks",
            column: "secret",
            row: id.to_string(),
            reason: "not a secret".into(),
        }
    }

    #[test]
    fn a_damaged_row_is_remembered_once_until_it_is_repaired() {
        let log = DamageLog::default();
        for _ in 0..3 {
            assert_eq!(log.skip_damaged::<()>(Err(damaged(5))).unwrap(), None);
        }
        assert_eq!(
            log.rows()[0].to_string(),
            "row 5 of webhooks is damaged: secret: not a secret"
        );
        assert_eq!(log.ids("webhooks"), [5]);
        log.forget("webhooks", 5);
        assert!(log.rows().is_empty());
        assert_eq!(log.skip_damaged(Ok(3)).unwrap(), Some(3));
        let unavailable = Err::<(), _>(StoreError::Unavailable("locked".into()));
        assert!(log.skip_damaged(unavailable).is_err());
    }

    #[test]
    fn only_so_many_rows_are_remembered() {
        let log = DamageLog::default();
        for id in 0..2_000 {
            log.skip_damaged::<()>(Err(damaged(id))).unwrap();
        }
        assert_eq!(log.rows().len(), MAX_REMEMBERED_ROWS);
    }
}
