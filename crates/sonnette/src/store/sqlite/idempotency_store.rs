//! Answers kept for repeated requests.

use jiff::Timestamp;
use rusqlite::params;

use super::rows::{Cells, micros, to_json};
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
            let mut rows = statement.query(params![&key[..], micros(now) - 86_400_000_000])?;
            let Some(row) = rows.next()? else {
                return Ok(None);
            };
            let cells = Cells::new(row, "kept_answers");
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
        answer: &StoredResponse,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(|t| {
            t.execute(
                "INSERT OR REPLACE INTO kept_answers (key, status, headers, body, kept_at) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![&key[..], answer.status, to_json(&answer.headers), answer.body, micros(now)],
            )?;
            Ok(())
        })
    }
}
