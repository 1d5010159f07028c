//! Responses stored for repeated requests.

use jiff::Timestamp;
use rusqlite::params;

use super::table_row::{TableRow, to_json, to_micros};
use super::{SqliteStore, StoreError};
use crate::store::{IdempotencyStore, StoredResponse};

impl IdempotencyStore for SqliteStore {
    fn stored_response(
        &self,
        key: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<StoredResponse>, StoreError> {
        self.read(|c| {
            let mut statement = c.prepare_cached(
                "SELECT status, headers, body FROM kept_answers WHERE key = ?1 AND kept_at > ?2",
            )?;
            let mut rows = statement.query(params![&key[..], to_micros(now) - 86_400_000_000])?;
            let Some(row) = rows.next()? else {
                return Ok(None);
            };
            let cells = TableRow::new(row, "kept_answers");
            Ok(Some(StoredResponse {
                status: cells.get("status")?,
                headers: cells.json("headers")?,
                body: cells.get("body")?,
            }))
        })
    }

    fn store_response(
        &self,
        key: &[u8; 32],
        response: &StoredResponse,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(|t| {
            t.execute(
                // A response that is stored while the clock is behind is kept as long as any other.
                "INSERT OR REPLACE INTO kept_answers (key, status, headers, body, kept_at)
                 VALUES (?1, ?2, ?3, ?4,
                   max(?5, coalesce((SELECT trusted_at FROM clock WHERE typeof(trusted_at) = 'integer'), ?5)))",
                params![&key[..], response.status, to_json(&response.headers), response.body, to_micros(now)],
            )?;
            Ok(())
        })
    }
}
