//! Live pages: server-sent events tell an open page that something has changed, and the page reloads itself. The events
//! carry no data.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Path, RawQuery, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use sonnette::domain::{OrganizerId, Permission, TokenHash, WebhookId};
use sonnette::engine::{Activity, Permit};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use url::form_urlencoded;

use super::session::SessionKey;
use crate::edge::AppState;
use crate::edge::activity_broadcast::{ActivityQueue, NextActivity};
use crate::edge::error::ApiError;
use crate::edge::limits::LimitExceeded;

/// A page gets at most one event in this time.
const MIN_EVENT_INTERVAL: Duration = Duration::from_secs(1);
/// A page gets an event at least this often, since the times it shows grow old and its session may have expired.
const MAX_EVENT_INTERVAL: Duration = Duration::from_mins(1);
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// A page that is open.
struct StreamClient {
    session: SessionKey,
    shown: ShownObjects,
}

/// What a page shows.
#[derive(Clone, Copy)]
struct ShownObjects {
    organizer: OrganizerId,
    /// `None`: the page shows all webhooks of the organizer.
    webhook: Option<WebhookId>,
}

impl ShownObjects {
    /// Whether the activity may change what the page shows.
    fn is_affected_by(&self, activity: &Activity) -> bool {
        let shows = |webhook| self.webhook.is_none_or(|shown| shown == webhook);
        match activity {
            Activity::Published {
                organizer,
                published,
                ..
            } => *organizer == self.organizer && published.deliveries > 0,
            Activity::Attempted { organizer, attempt } => {
                *organizer == self.organizer && shows(attempt.webhook)
            }
            Activity::Lane {
                organizer, webhook, ..
            } => *organizer == self.organizer && shows(*webhook),
        }
    }
}

impl StreamClient {
    async fn is_still_allowed(&self, state: &AppState) -> bool {
        let is_allowed = self
            .session
            .is_allowed(state, self.shown.organizer, Permission::Webhooks);
        // If the store cannot be read, the page keeps its stream until the next check.
        is_allowed.await.unwrap_or(true)
    }
}

/// The event stream of an organizer's pages, or of one webhook's pages with `?webhook=`.
///
/// Its events are `changed`, and `closed` when the session has expired. Errors are bare statuses without a page: the
/// browser then retries with growing delays.
pub(crate) async fn stream(
    State(state): State<AppState>,
    Path(organizer): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let registry = state.sonnette.registry();
    let Some(organizer) = registry.organizer(&organizer) else {
        return StatusCode::FORBIDDEN.into_response();
    };
    let Some(session) = SessionKey::from_headers(&headers, uri.path()) else {
        return StatusCode::FORBIDDEN.into_response();
    };
    let client = StreamClient {
        session,
        shown: ShownObjects {
            organizer: organizer.organizer.id,
            webhook: webhook_param(query.as_deref()),
        },
    };
    match client
        .session
        .is_allowed(&state, client.shown.organizer, Permission::Webhooks)
        .await
    {
        Ok(true) => {}
        Ok(false) => return StatusCode::FORBIDDEN.into_response(),
        Err(error) => return error.status().into_response(),
    }
    let Some(permit) = state.live_pages.try_acquire(client.session.hash()) else {
        return ApiError::Overloaded(LimitExceeded::Client).into_response();
    };
    let shown = client.shown;
    let is_affected = move |activity: &Activity| shown.is_affected_by(activity);
    let changes = state
        .activity_broadcast
        .watch_number(&state.sonnette, is_affected);
    let (outgoing, events) = mpsc::channel(1);
    tokio::spawn(send_events(state, client, changes, outgoing, permit));
    let stream = Sse::new(ReceiverStream::new(events));
    let mut response = stream
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE_INTERVAL))
        .into_response();
    // Without this, nginx buffers the response and delays the events.
    response.headers_mut().insert(
        HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    );
    response
}

fn webhook_param(query: Option<&str>) -> Option<WebhookId> {
    let mut pairs = form_urlencoded::parse(query?.as_bytes());
    let param = pairs.find(|(name, _)| name == "webhook");
    param.and_then(|(_, id)| id.parse().ok())
}

/// Sends events until the page is closed, its session expires, or the server stops. The first event is sent at once, since
/// something may have changed between the request of the page and that of the stream.
async fn send_events(
    state: AppState,
    client: StreamClient,
    changes: ActivityQueue,
    outgoing: mpsc::Sender<Result<Event, Infallible>>,
    _permit: Permit<TokenHash>,
) {
    loop {
        if !client.is_still_allowed(&state).await {
            // If the page is closed, the event is not needed.
            let _ = outgoing
                .send(Ok(Event::default().event("closed").data("-")))
                .await;
            return;
        }
        let event = Event::default().event("changed").data("-");
        if outgoing.send(Ok(event)).await.is_err() {
            return;
        }
        tokio::select! {
            has_next = wait_for_next_event(changes.next()) => if !has_next { return },
            () = outgoing.closed() => return,
        }
    }
}

/// Waits until the page gets its next event: for a change, but not too long, and not so short that events come too often.
/// Returns false if the server stops.
async fn wait_for_next_event(change: impl Future<Output = Option<NextActivity>>) -> bool {
    let interval = tokio::time::sleep(MIN_EVENT_INTERVAL);
    let is_running = tokio::time::timeout(MAX_EVENT_INTERVAL, change).await;
    if matches!(is_running, Ok(None)) {
        return false;
    }
    interval.await;
    true
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    #[expect(
        clippy::disallowed_methods,
        reason = "the paused clock of the runtime is what is tested"
    )]
    async fn a_page_gets_one_event_a_second_and_one_a_minute_at_least() {
        let start = Instant::now();
        let change = || Some(NextActivity::Missed(1));
        assert!(wait_for_next_event(ready(change())).await);
        assert_eq!(start.elapsed(), Duration::from_secs(1));
        // A change that comes later is shown at once.
        let later = async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            change()
        };
        assert!(wait_for_next_event(later).await);
        assert_eq!(start.elapsed(), Duration::from_secs(6));
        assert!(wait_for_next_event(pending()).await);
        assert_eq!(start.elapsed(), Duration::from_secs(66));
        assert!(!wait_for_next_event(ready(None)).await);
        assert_eq!(start.elapsed(), Duration::from_secs(66));
    }
}
