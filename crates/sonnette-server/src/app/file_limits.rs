//! The bounds of connections and requests: those of the settings, within the limit of open files.

use std::time::Duration;

use crate::config::Settings;
use crate::edge::limits::EdgeLimits;

/// Open files that are kept for sending, the store and the program itself; at most half of the limit.
const RESERVED_FILES: u64 = 4_096;

/// Open files that are kept for the store and the program itself, at most half of the reserve.
const STORE_FILES: u64 = 64;

/// The requests in flight of each sending thread: those of the settings, within the limit of open files.
pub(super) fn max_in_flight(settings: &Settings, threads: usize) -> usize {
    let limit = open_file_limit();
    let reserve = RESERVED_FILES.min(limit / 2);
    let sending = reserve - STORE_FILES.min(reserve / 2);
    let each = sending / u64::try_from(threads).unwrap_or(u64::MAX).max(1);
    usize::try_from(settings.max_in_flight.min(each.max(1))).unwrap_or(usize::MAX)
}

/// The bounds of the settings. Connections take at most what the limit of open files leaves.
pub(super) fn edge_limits(settings: &Settings) -> EdgeLimits {
    let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let max_connections = max_connections(settings.max_connections, open_file_limit());
    EdgeLimits {
        max_connections: size(max_connections),
        max_client_connections: size(settings.max_client_connections.min(max_connections)),
        max_client_requests: size(settings.max_client_requests),
        max_body_memory_bytes: size(settings.max_body_memory_bytes),
        header_timeout: Duration::from_secs(settings.header_timeout_seconds),
        transfer_timeout: Duration::from_secs(settings.transfer_timeout_seconds),
        min_bytes_per_second: settings.min_bytes_per_second,
        max_streams: size(settings.max_streams),
        max_client_streams: size(settings.max_client_streams),
    }
}

/// The soft limit of open files, raised to the hard limit.
fn open_file_limit() -> u64 {
    rlimit::increase_nofile_limit(rlimit::INFINITY).unwrap_or_else(|error| {
        tracing::warn!(%error, "cannot raise the limit of open files: {error}");
        rlimit::Resource::NOFILE.get_soft().unwrap_or(u64::MAX)
    })
}

fn max_connections(configured: u64, open_file_limit: u64) -> u64 {
    let reserve = RESERVED_FILES.min(open_file_limit / 2);
    let available = open_file_limit - reserve;
    let allowed = configured.min(available);
    if allowed < configured {
        tracing::warn!(
            open_file_limit,
            "max_connections is {configured}, but only {allowed} connections are served: of {open_file_limit} open files \
             {reserve} are kept for sending and for the store; raise the limit of open files (ulimit -n, LimitNOFILE)"
        );
    } else {
        tracing::info!(
            open_file_limit,
            "at most {allowed} connections are served; of {open_file_limit} open files {reserve} are kept for sending and \
             for the store"
        );
    }
    allowed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_kept_for_sending() {
        assert_eq!(max_connections(4_096, 1_048_576), 4_096);
        assert_eq!(max_connections(4_096, 8_192), 4_096);
        assert_eq!(max_connections(4_096, 1_024), 512);
        assert_eq!(max_connections(100, 1_024), 100);
        assert_eq!(max_connections(4_096, 70), 35);
        assert_eq!(max_connections(1_000_000, u64::MAX), 1_000_000);
    }
}
