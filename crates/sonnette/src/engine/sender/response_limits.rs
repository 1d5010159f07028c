//! The bounds of the head of a response, in both versions of HTTP.

/// The most bytes of a response head, interim responses (1xx) included.
pub(super) const MAX_RESPONSE_HEAD_BYTES: u32 = 64 * 1024;
/// The most headers of a response.
pub(super) const MAX_RESPONSE_HEADERS: usize = 256;
/// The most interim responses (1xx) before a response.
pub(super) const MAX_INTERIM_RESPONSES: usize = 16;
