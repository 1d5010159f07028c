//! Answers kept for repeated requests.

use jiff::Timestamp;

use super::StoreError;

/// An answer kept for a repeated `X-Idempotency-Key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredResponse {
    /// The status.
    pub status: u16,
    /// Name and value of each header.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Answers kept for repeated requests.
pub trait IdempotencyStore {
    /// The answer kept for this key hash, not older than a day.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn stored_response(
        &self,
        key: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<StoredResponse>, StoreError>;

    /// Keeps an answer.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn store_response(
        &self,
        key: &[u8; 32],
        answer: &StoredResponse,
        now: Timestamp,
    ) -> Result<(), StoreError>;
}
