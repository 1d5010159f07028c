//! The bounds of the HTTP server that can be set. `docs/limits.md` lists all bounds.

use std::time::Duration;

/// Which limit leaves no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LimitExceeded {
    /// That of the server.
    Total,
    /// The share of one client.
    Client,
}

/// The bounds of the HTTP server that can be set.
#[derive(Debug, Clone)]
pub(crate) struct EdgeLimits {
    /// Open connections.
    pub(crate) max_connections: usize,
    /// Open connections of one token, or of one network whose clients have sent no token.
    pub(crate) max_client_connections: usize,
    /// Requests of one client that are answered at the same time.
    pub(crate) max_client_requests: usize,
    /// Bytes of request bodies in memory.
    pub(crate) max_body_memory_bytes: usize,
    /// How long a client may take to send a request header; also how long a connection may be idle.
    pub(crate) header_timeout: Duration,
    /// How long a client may take to send or to read [`EdgeLimits::min_bytes_per_second`] of this time.
    pub(crate) transfer_timeout: Duration,
    /// The least rate at which a client sends a body and reads an answer, while the server waits for it.
    pub(crate) min_bytes_per_second: u64,
    /// Open event streams of the API.
    pub(crate) max_streams: usize,
    /// Open event streams of one token.
    pub(crate) max_client_streams: usize,
}

impl EdgeLimits {
    /// Bytes that a client must transfer in each [`EdgeLimits::transfer_timeout`].
    pub(crate) fn min_bytes_per_timeout(&self) -> u64 {
        let bytes =
            u128::from(self.min_bytes_per_second) * self.transfer_timeout.as_millis() / 1000;
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }

    /// Bytes of request bodies of one client in memory: half of all.
    pub(crate) fn max_client_body_memory_bytes(&self) -> usize {
        self.max_body_memory_bytes / 2
    }
}

impl Default for EdgeLimits {
    fn default() -> Self {
        Self {
            max_connections: 4_096,
            max_client_connections: 1_024,
            max_client_requests: 256,
            max_body_memory_bytes: 64 << 20,
            header_timeout: Duration::from_secs(10),
            transfer_timeout: Duration::from_secs(10),
            min_bytes_per_second: 8_192,
            max_streams: 200,
            max_client_streams: 10,
        }
    }
}
