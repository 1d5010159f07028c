//! Streams the activity of an organizer as server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;
use sonnette::domain::{OrganizerId, Permission, WebhookId};
use sonnette::engine::{Activity, LaneState};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::notifications::publish::PublishedJson;
use super::webhooks::attempt_json::WebhookAttemptJson;
use crate::edge::AppState;
use crate::edge::authorize::Caller;
use crate::edge::error::ApiError;

/// Events that are buffered for a slow client before it misses some.
const MAX_BUFFERED_EVENTS: usize = 256;
/// The pause after which a comment keeps the connection open.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);

#[derive(Serialize)]
struct Publication<'a> {
    #[serde(flatten)]
    published: PublishedJson,
    payload: &'a str,
}

#[derive(Serialize)]
struct Lane {
    webhook: WebhookId,
    state: &'static str,
    reason: Option<&'static str>,
}

/// The event of an activity of this organizer.
fn event(activity: &Activity, organizer_id: OrganizerId) -> Option<Event> {
    let (name, data) = match activity {
        Activity::Published {
            organizer,
            published,
            body,
        } if *organizer == organizer_id => {
            let payload = std::str::from_utf8(body).ok()?;
            (
                "publication",
                serde_json::to_string(&Publication {
                    published: PublishedJson::of(published),
                    payload,
                }),
            )
        }
        Activity::Attempted { organizer, attempt } if *organizer == organizer_id => (
            "attempt",
            serde_json::to_string(&WebhookAttemptJson::of(attempt)),
        ),
        Activity::Lane {
            organizer,
            webhook,
            state,
        } if *organizer == organizer_id => {
            let reason = match state {
                LaneState::Disabled(reason) => Some(reason.as_str()),
                LaneState::Healthy | LaneState::Failing => None,
            };
            (
                "lane",
                serde_json::to_string(&Lane {
                    webhook: *webhook,
                    state: state.as_str(),
                    reason,
                }),
            )
        }
        Activity::Published { .. } | Activity::Attempted { .. } | Activity::Lane { .. } => {
            return None;
        }
    };
    Some(Event::default().event(name).data(data.ok()?))
}

/// Watch what happens
///
/// Server-sent events of the organizer: `publication` (the response to the publisher, with `payload`, the body that
/// receivers get), `attempt` (as in the log, with `webhook`), `lane` (`webhook`, `state`, `reason`). A client that is too
/// slow gets `lagged` with the number of events that it missed.
#[utoipa::path(
    get,
    path = "/organizers/{organizer}/stream/",
    responses((
        status = 200,
        description = "The events.",
        content_type = "text/event-stream",
        body = String,
        example = "event: lane\ndata: {\"webhook\":1,\"state\":\"failing\",\"reason\":null}\n\n",
    ))
)]
pub(crate) async fn watch_organizer(
    State(state): State<AppState>,
    caller: Caller,
) -> Result<Response, ApiError> {
    let organizer = caller.tenant()?.organizer.id;
    let mut activities = state.sonnette.watch();
    let (outgoing, events) = mpsc::channel::<Result<Event, Infallible>>(MAX_BUFFERED_EVENTS);
    let may_watch = move |state: &AppState| {
        let registry = state.sonnette.registry();
        let token = registry.token(&caller.hash);
        token.is_some_and(|token| {
            token.active && token.scope.allows(organizer, Permission::Webhooks)
        })
    };
    tokio::spawn(async move {
        loop {
            let next = tokio::select! {
                next = activities.recv() => next,
                () = outgoing.closed() => return,
            };
            if !may_watch(&state) {
                return;
            }
            let event = match next {
                Ok(activity) => event(&activity, organizer),
                Err(RecvError::Lagged(missed)) => Some(
                    Event::default()
                        .event("lagged")
                        .data(json!({ "missed": missed }).to_string()),
                ),
                Err(RecvError::Closed) => return,
            };
            if let Some(event) = event
                && outgoing.send(Ok(event)).await.is_err()
            {
                return;
            }
        }
    });
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE_INTERVAL);
    Ok(Sse::new(ReceiverStream::new(events))
        .keep_alive(keep_alive)
        .into_response())
}
