//! Tells open pages that something has changed, so that they fetch themselves again: server-sent events without anything in
//! them that would have to be kept from whoever looks.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, RawQuery, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use sonnette::domain::{OrganizerId, Permission, TokenHash, WebhookId};
use sonnette::engine::{Activity, Permit};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc};
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use url::form_urlencoded;

use super::session::Pass;
use crate::edge::AppState;

/// Pages that are told at the same time; whoever comes beyond that has to look for himself.
pub(crate) const MOST: usize = 1_000;
/// Those of one session; a browser opens fewer.
pub(crate) const MOST_OF_ONE: usize = 20;
/// A page is not told more often.
const AT_MOST_EVERY: Duration = Duration::from_secs(1);
/// It is told at least so often: what it says of time goes stale, and a visit may have ended.
const BEAT: Duration = Duration::from_mins(1);
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What a page wants to hear of.
struct Viewer {
    pass: Pass,
    organizer: OrganizerId,
    webhook: Option<WebhookId>,
}

impl Viewer {
    /// Whether some news may change the page.
    fn cares(&self, news: &Activity) -> bool {
        let about = |webhook| self.webhook.is_none_or(|own| own == webhook);
        match news {
            Activity::Published {
                organizer,
                published,
                ..
            } => *organizer == self.organizer && published.deliveries > 0,
            Activity::Attempted { organizer, attempt } => {
                *organizer == self.organizer && about(attempt.webhook)
            }
            Activity::Lane {
                organizer, webhook, ..
            } => *organizer == self.organizer && about(*webhook),
        }
    }

    async fn may_still_look(&self, state: &AppState) -> bool {
        let opens = self.pass.opens(state, self.organizer, Permission::Webhooks);
        // A store that cannot be read is no reason to send anybody away: the next look tells.
        opens.await.unwrap_or(true)
    }
}

/// The stream of an organizer's pages; `?webhook=` of one webhook's.
///
/// Its events are `news`, and `over` when there will be no more. No page is answered here: whoever may not look gets a
/// bare status, which makes the browser wait longer and longer before it asks again.
pub(super) async fn watch(
    State(state): State<AppState>,
    Path(organizer): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let registry = state.sonnette.registry();
    let Some(tenant) = registry.organizer(&organizer) else {
        return StatusCode::FORBIDDEN.into_response();
    };
    let Some(pass) = Pass::of(&headers, uri.path()) else {
        return StatusCode::FORBIDDEN.into_response();
    };
    let viewer = Viewer {
        pass,
        organizer: tenant.organizer.id,
        webhook: webhook(query.as_deref()),
    };
    match viewer
        .pass
        .opens(&state, viewer.organizer, Permission::Webhooks)
        .await
    {
        Ok(true) => {}
        Ok(false) => return StatusCode::FORBIDDEN.into_response(),
        Err(error) => return error.status().into_response(),
    }
    let Some(seat) = state.viewers.try_acquire(viewer.pass.session()) else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let news = state.sonnette.watch();
    let (outgoing, events) = mpsc::channel(1);
    tokio::spawn(tell(state, viewer, news, outgoing, seat));
    let stream = Sse::new(ReceiverStream::new(events));
    let mut response = stream
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
        .into_response();
    // A proxy that gathers an answer would keep the news to itself.
    response.headers_mut().insert(
        HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    );
    response
}

fn webhook(query: Option<&str>) -> Option<WebhookId> {
    let mut pairs = form_urlencoded::parse(query?.as_bytes());
    let asked = pairs.find(|(name, _)| name == "webhook");
    asked.and_then(|(_, id)| id.parse().ok())
}

/// Tells a page until it is closed, its visit has ended, or the server stops. The first time is at once: between the page
/// and its stream something may have happened.
async fn tell(
    state: AppState,
    viewer: Viewer,
    mut news: broadcast::Receiver<Arc<Activity>>,
    outgoing: mpsc::Sender<Result<Event, Infallible>>,
    _seat: Permit<TokenHash>,
) {
    loop {
        if !viewer.may_still_look(&state).await {
            // Whoever has gone need not be told.
            let _ = outgoing
                .send(Ok(Event::default().event("over").data("-")))
                .await;
            return;
        }
        let event = Event::default().event("news").data("-");
        if outgoing.send(Ok(event)).await.is_err() {
            return;
        }
        let told = Instant::now();
        tokio::select! {
            open = concerned(&mut news, &viewer) => if !open { return },
            () = tokio::time::sleep(BEAT) => {}
            () = outgoing.closed() => return,
        }
        tokio::select! {
            () = tokio::time::sleep_until(told + AT_MOST_EVERY) => {}
            () = outgoing.closed() => return,
        }
    }
}

/// Waits for news that the viewer cares about; false: there will be none, the server stops.
async fn concerned(news: &mut broadcast::Receiver<Arc<Activity>>, viewer: &Viewer) -> bool {
    loop {
        match news.recv().await {
            Ok(news) if !viewer.cares(&news) => {}
            // Among what was missed there may have been some.
            Ok(_) | Err(RecvError::Lagged(_)) => return true,
            Err(RecvError::Closed) => return false,
        }
    }
}
