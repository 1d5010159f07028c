//! Responses stored for requests that are repeated with the same `X-Idempotency-Key`.

use jiff::Timestamp;

use super::StoreError;

/// The response to the first request with an `X-Idempotency-Key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredResponse {
    /// The HTTP status.
    pub status: u16,
    /// Name and value of each header.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Responses stored for requests that are repeated with the same `X-Idempotency-Key`.
pub trait IdempotencyStore {
    /// The response stored under this hash of the caller and the key, if it is not older than a day.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn stored_response(
        &self,
        key: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<StoredResponse>, StoreError>;

    /// Stores a response.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn store_response(
        &self,
        key: &[u8; 32],
        response: &StoredResponse,
        now: Timestamp,
    ) -> Result<(), StoreError>;
}
