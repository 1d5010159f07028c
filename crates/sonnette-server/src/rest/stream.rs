//! Streams the activity of an organizer as server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, header};
use serde::Serialize;
use serde_json::json;
use sonnette::domain::{EventSlug, NotificationId, OrganizerId, Permission, TokenId, WebhookId};
use sonnette::engine::{Activity, LaneState, Permit};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::notifications::publish::PublishedJson;
use super::stream_resume::{StreamStart, id_line, last_event_id, read_stream_start};
use super::webhooks::attempt_json::WebhookAttemptJson;
use crate::edge::AppState;
use crate::edge::activity_broadcast::{ActivityQueue, NextActivity};
use crate::edge::authorize::Caller;
use crate::edge::error::ApiError;
use crate::edge::limits::LimitExceeded;
use crate::edge::response;

/// The pause after which a comment keeps the connection open.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);
const KEEP_ALIVE_COMMENT: Bytes = Bytes::from_static(b":\n\n");

#[derive(Serialize)]
struct PublicationJson<'a> {
    #[serde(flatten)]
    published: PublishedJson,
    payload: &'a str,
}

#[derive(Serialize)]
struct LaneJson {
    webhook: WebhookId,
    state: &'static str,
    reason: Option<&'static str>,
}

fn organizer_of(activity: &Activity) -> OrganizerId {
    match activity {
        Activity::Published { organizer, .. }
        | Activity::Attempted { organizer, .. }
        | Activity::Lane { organizer, .. } => *organizer,
    }
}

/// The event of an activity, as it is sent.
fn encode(activity: &Activity) -> Option<Bytes> {
    let (name, data) = match activity {
        Activity::Published {
            published, body, ..
        } => return publication(PublishedJson::of(published), body),
        Activity::Attempted { attempt, .. } => (
            "attempt",
            serde_json::to_string(&WebhookAttemptJson::of(attempt)),
        ),
        Activity::Lane { webhook, state, .. } => {
            let reason = match state {
                LaneState::Disabled(reason) => Some(reason.as_str()),
                LaneState::Healthy | LaneState::Failing => None,
            };
            let lane = LaneJson {
                webhook: *webhook,
                state: state.as_str(),
                reason,
            };
            ("lane", serde_json::to_string(&lane))
        }
    };
    Some(event(name, &data.ok()?))
}

/// The event of a publication. Its id is that of the notification, so that a client can resume after it.
fn publication(published: PublishedJson, body: &[u8]) -> Option<Bytes> {
    let id = published.notification_id;
    let payload = std::str::from_utf8(body).ok()?;
    let json = serde_json::to_string(&PublicationJson { published, payload }).ok()?;
    Some(format!("id: {id}\nevent: publication\ndata: {json}\n\n").into())
}

/// What the stream begins with: the publications that the client missed, or else only where it is.
fn encode_start(start: &StreamStart, is_resumed: bool) -> Vec<Bytes> {
    let mut events = Vec::with_capacity(start.missed_entries.len() + 1);
    if !is_resumed {
        events.push(id_line(start.last_notification));
    }
    if start.is_incomplete {
        events.push(event("lagged", r#"{"missed":null}"#));
    }
    events.extend(start.missed_entries.iter().filter_map(|entry| {
        let notification = &entry.notification;
        let published = PublishedJson {
            notification_id: notification.id.0,
            action_type: notification.action_type.to_string(),
            event: notification.event.as_ref().map(EventSlug::to_string),
            datetime: response::format_time(notification.published_at),
            deliveries: entry.delivery_count,
        };
        publication(published, &notification.body)
    }));
    events
}

/// Compact JSON has no line break, so it is one line of an event.
fn event(name: &str, json: &str) -> Bytes {
    format!("event: {name}\ndata: {json}\n\n").into()
}

/// Watch what happens
///
/// Server-sent events of the organizer: `publication` (the response to the publisher, with `payload`, the body that
/// receivers get), `attempt` (as in the log, with `webhook`), `lane` (`webhook`, `state`, `reason`). A client that is too
/// slow gets `lagged` with the number of events that it missed.
///
/// The `id` of a publication is its `notification_id`. With it in the header `Last-Event-ID`, the stream first sends what
/// was published since: at most 1,000 publications and 2 MiB of payloads. If there were more, it begins with `lagged`, and
/// `missed` is null.
#[utoipa::path(
    get,
    path = "/organizers/{organizer}/stream/",
    params(("Last-Event-ID" = Option<i64>, Header, description = "The id of the last publication that the client has seen.")),
    responses(
        (
            status = 200,
            description = "The events.",
            content_type = "text/event-stream",
            body = String,
            example = "event: lane\ndata: {\"webhook\":1,\"state\":\"failing\",\"reason\":null}\n\n",
        ),
        (status = 429, description = "The token, or the server, has too many open streams."),
    )
)]
pub(crate) async fn watch_organizer(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let organizer = caller.organizer()?.organizer.id;
    let permit = state.streams.try_acquire(caller.token.id);
    let permit = permit.ok_or(ApiError::Overloaded(LimitExceeded::Client))?;
    let is_own = move |activity: &Activity| organizer_of(activity) == organizer;
    let queue = state.activity_broadcast.watch(&state.sonnette, is_own);
    // Read after the watch has begun, so that nothing is published between the two.
    let seen = last_event_id(&headers);
    let start = state
        .read(move |store| read_stream_start(store, organizer, seen))
        .await?;
    let beginning = StreamBeginning {
        events: encode_start(&start, seen.is_some()),
        last_resumed: seen.map(|_| start.last_notification),
    };
    let (outgoing, events) = mpsc::channel::<Result<Bytes, Infallible>>(1);
    tokio::spawn(send_events(
        state, caller, organizer, queue, beginning, outgoing, permit,
    ));
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-cache"),
        // Without this, nginx buffers the response and delays the events.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    let body = Body::from_stream(ReceiverStream::new(events));
    Ok((headers, body).into_response())
}

/// What is sent before the activities of the queue.
struct StreamBeginning {
    events: Vec<Bytes>,
    /// The last publication among them. Publications of the queue up to this one are not sent twice.
    last_resumed: Option<NotificationId>,
}

/// Sends events until the client disconnects, its token may no longer watch, or the server stops.
async fn send_events(
    state: AppState,
    caller: Caller,
    organizer: OrganizerId,
    queue: ActivityQueue,
    beginning: StreamBeginning,
    outgoing: mpsc::Sender<Result<Bytes, Infallible>>,
    _permit: Permit<TokenId>,
) {
    let may_watch = || {
        let registry = state.sonnette.registry();
        let token = registry.token(&caller.hash);
        token.is_some_and(|token| {
            token.active && token.scope.allows(organizer, Permission::Webhooks)
        })
    };
    for bytes in beginning.events {
        if outgoing.send(Ok(bytes)).await.is_err() {
            return;
        }
    }
    let was_resumed = |activity: &Activity| match activity {
        Activity::Published { published, .. } => beginning
            .last_resumed
            .is_some_and(|last| published.id <= last),
        Activity::Attempted { .. } | Activity::Lane { .. } => false,
    };
    loop {
        let bytes = tokio::select! {
            next = queue.next() => match next {
                Some(NextActivity::Activity(shared)) if was_resumed(shared.activity()) => continue,
                Some(NextActivity::Activity(shared)) => shared.encode(encode),
                Some(NextActivity::Missed(missed)) => {
                    Some(event("lagged", &json!({ "missed": missed }).to_string()))
                }
                None => return,
            },
            () = tokio::time::sleep(KEEP_ALIVE_INTERVAL) => Some(KEEP_ALIVE_COMMENT),
            () = outgoing.closed() => return,
        };
        if !may_watch() {
            return;
        }
        if let Some(bytes) = bytes
            && outgoing.send(Ok(bytes)).await.is_err()
        {
            return;
        }
    }
}
