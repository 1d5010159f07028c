//! The publications that a client of `stream/` missed while it was not connected.

use bytes::Bytes;
use http::HeaderMap;
use sonnette::domain::{NotificationId, OrganizerId};
use sonnette::store::{NotificationEntry, NotificationQuery, Store, StoreError};

/// The most publications that are sent again; older ones are reported as missed.
const MAX_RESUMED_PUBLICATIONS: usize = 1_000;
/// The most bytes of their bodies.
const MAX_RESUMED_BYTES: usize = 2 << 20;
/// The publications that are read at a time.
const PAGE_SIZE: usize = 50;

/// What a stream begins with.
pub(super) struct StreamStart {
    /// The publications that the client missed, oldest first.
    pub(super) missed_entries: Vec<NotificationEntry>,
    /// Whether there were older ones that are not among them.
    pub(super) is_incomplete: bool,
    /// The last publication before the stream, to which the client can resume.
    pub(super) last_notification: NotificationId,
}

/// The id of the last publication that the client has seen.
pub(super) fn last_event_id(headers: &HeaderMap) -> Option<NotificationId> {
    let text = headers.get("last-event-id")?.to_str().ok()?;
    text.trim().parse().ok().map(NotificationId)
}

/// Reads what was published after `seen`; without it, only where the stream begins.
pub(super) fn read_stream_start(
    store: &dyn Store,
    organizer: OrganizerId,
    seen: Option<NotificationId>,
) -> Result<StreamStart, StoreError> {
    let page = |after, limit| {
        let query = NotificationQuery {
            after,
            limit,
            ..NotificationQuery::default()
        };
        store.notifications(organizer, &query)
    };
    let Some(seen) = seen else {
        let newest = page(None, 1)?;
        return Ok(StreamStart {
            missed_entries: Vec::new(),
            is_incomplete: false,
            last_notification: newest.first().map_or(NotificationId(0), id),
        });
    };
    let mut missed: Vec<NotificationEntry> = Vec::new();
    let mut bytes = 0;
    let mut is_incomplete = false;
    'pages: loop {
        let entries = page(missed.last().map(id), PAGE_SIZE)?;
        let is_last_page = entries.len() < PAGE_SIZE;
        for entry in entries {
            if id(&entry) <= seen {
                break 'pages;
            }
            bytes += entry.notification.body.len();
            is_incomplete = missed.len() == MAX_RESUMED_PUBLICATIONS || bytes > MAX_RESUMED_BYTES;
            if is_incomplete {
                break 'pages;
            }
            missed.push(entry);
        }
        if is_last_page {
            break;
        }
    }
    let last = missed.first().map_or(seen, id);
    missed.reverse();
    Ok(StreamStart {
        missed_entries: missed,
        is_incomplete,
        last_notification: last,
    })
}

fn id(entry: &NotificationEntry) -> NotificationId {
    entry.notification.id
}

/// The line that tells a client where it is; it makes no event.
pub(super) fn id_line(last: NotificationId) -> Bytes {
    format!("id: {last}\n\n").into()
}
