//! One attempt: what went, what came back, and its place among those of the same delivery.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use sonnette::domain::{
    Attempt, AttemptId, Delivery, DeliveryState, Permission, Webhook, WebhookId,
};
use sonnette::store::{AttemptQuery, TimeRange};

use super::body::Body;
use super::log::Line;
use super::{curl, outcome};
use crate::admin::hold_reason::Waiting;
use crate::dashboard::error::PageError;
use crate::dashboard::frame::{Frame, Who, page};
use crate::dashboard::visitor::Desk;
use crate::dashboard::when::When;
use crate::edge::AppState;

/// Attempts of the same delivery that are listed.
const SIBLINGS: usize = 50;

#[derive(Template)]
#[template(path = "attempts/show.html")]
struct AttemptPage {
    f: Frame,
    /// The webhook's page, and where it calls.
    webhook: (String, String),
    line: Line,
    notification_url: String,
    told: String,
    advice: Option<String>,
    reason: Option<String>,
    began: When,
    target: String,
    status: String,
    sent: Message,
    came: Message,
    /// Whether the answer is as long as what is kept of one.
    cut: bool,
    curl: String,
    delivery: Option<DeliveryView>,
    live: String,
}

/// Headers and body.
struct Message {
    headers: Vec<(String, String)>,
    body: Body,
}

/// The attempt's delivery.
struct DeliveryView {
    state: String,
    next: Option<When>,
    /// The key of why it is held, if it is.
    held: Option<&'static str>,
    reason: Option<String>,
    attempts: Vec<Line>,
    retry: String,
    enabled: bool,
}

impl Message {
    fn of(headers: &str, body: &[u8]) -> Self {
        let headers: Vec<_> = headers
            .lines()
            .map(|line| line.split_once(": ").unwrap_or((line, "")))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let kind = headers.iter().find(|(name, _)| name == "content-type");
        let body = Body::of(body, kind.map_or("", |(_, value)| value));
        Self { headers, body }
    }
}

/// What the store has of an attempt.
struct Found {
    attempt: Attempt,
    delivery: Option<Delivery>,
    siblings: Vec<Attempt>,
}

async fn find(state: &AppState, webhook: WebhookId, id: AttemptId) -> Result<Found, PageError> {
    let found = state
        .store(move |store| {
            let Some(attempt) = store.attempt(webhook, id)? else {
                return Ok(None);
            };
            let deliveries = if attempt.test {
                Vec::new()
            } else {
                store.deliveries_of_notification(attempt.notification, &[webhook])?
            };
            let delivery = deliveries.into_iter().next();
            let siblings = match &delivery {
                Some(delivery) => store.attempts(&[webhook], &attempts_of(delivery))?,
                None => Vec::new(),
            };
            Ok(Some(Found {
                attempt,
                delivery,
                siblings,
            }))
        })
        .await?;
    found.ok_or(PageError::NotFound)
}

/// Which attempts belong to a delivery: so many, none of them after it was settled. The log is read no further.
fn attempts_of(delivery: &Delivery) -> AttemptQuery {
    let until = match delivery.state {
        DeliveryState::Settled { at, .. } => Some(at),
        DeliveryState::Scheduled { .. } | DeliveryState::Held => None,
    };
    AttemptQuery {
        notification: Some(delivery.notification),
        range: TimeRange { since: None, until },
        limit: usize::try_from(delivery.attempts).map_or(SIBLINGS, |made| made.clamp(1, SIBLINGS)),
        ..AttemptQuery::default()
    }
}

async fn delivery_view(
    state: &AppState,
    desk: &Desk,
    webhook: &Webhook,
    delivery: &Delivery,
    siblings: &[Attempt],
) -> Result<DeliveryView, PageError> {
    let w = desk.frame.w;
    let waits = Waiting::of(state, webhook).await?;
    let state = waits.state_of(&delivery.state);
    let next = match delivery.state {
        DeliveryState::Scheduled { due_at } if state == "scheduled" => Some(w.when(due_at)),
        _ => None,
    };
    let reason = match &delivery.state {
        DeliveryState::Settled { reason, .. } => reason.clone(),
        _ => None,
    };
    let (id, notification) = (webhook.id, delivery.notification);
    Ok(DeliveryView {
        state: w.t(&format!("delivery-{state}")).into_owned(),
        next,
        held: (state == DeliveryState::Held.as_str()).then(|| waits.why_held()),
        reason,
        attempts: siblings.iter().map(|one| Line::of(w, desk, one)).collect(),
        retry: desk.url(format_args!(
            "/webhooks/{id}/deliveries/{notification}/retry/"
        )),
        enabled: webhook.is_enabled(),
    })
}

/// The page.
pub(crate) async fn show(
    State(state): State<AppState>,
    desk: Desk,
    Path((_, id, attempt)): Path<(String, WebhookId, AttemptId)>,
) -> Result<Response, PageError> {
    desk.need(&state, Permission::Webhooks).await?;
    let webhook = desk.webhook(id)?;
    let Found {
        attempt,
        delivery,
        siblings,
    } = find(&state, id, attempt).await?;
    let delivery = match &delivery {
        Some(found) => Some(delivery_view(&state, &desk, webhook, found, &siblings).await?),
        None => None,
    };
    let w = desk.frame.w;
    let exchange = &attempt.exchange;
    let line = Line::of(w, &desk, &attempt);
    page(&AttemptPage {
        webhook: (
            desk.url(format_args!("/webhooks/{id}/")),
            webhook.target.redacted(),
        ),
        notification_url: desk.url(format_args!("/notifications/{}/", attempt.notification)),
        told: outcome::in_words(w, &attempt),
        advice: exchange
            .outcome
            .failure()
            .map(|failure| outcome::advice(w, &failure)),
        reason: outcome::reason(&exchange.outcome),
        began: w.when(exchange.started_at),
        target: attempt.target_url.clone(),
        status: outcome::in_short(w, &exchange.outcome),
        sent: Message::of(
            &exchange.request_headers,
            attempt.payload.as_deref().unwrap_or_default(),
        ),
        came: Message::of(&exchange.response_headers, &exchange.response_body),
        cut: exchange.response_body.len() >= state.settings.response_limit,
        curl: curl::command(&attempt),
        live: desk.url(format_args!("/live/?webhook={id}")),
        delivery,
        line,
        f: desk.frame,
    })
}
