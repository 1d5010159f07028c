//! The page of one attempt: request, response, and the other attempts of the delivery.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use sonnette::domain::{
    Attempt, AttemptId, Delivery, DeliveryState, Permission, Webhook, WebhookId,
};
use sonnette::store::{AttemptQuery, TimeRange};

use super::body::Body;
use super::log::AttemptRow;
use super::{curl, outcome};
use crate::admin::webhooks::hold_reason::HoldReason;
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::layout::{Layout, LayoutUser, render};
use crate::dashboard::shell::page::OrganizerPage;
use crate::dashboard::shell::time_element::TimeElement;
use crate::dashboard::webhooks::delivery_status::{hold_reason_key, state_word};
use crate::edge::AppState;

/// Attempts of the delivery that are listed.
const MAX_DELIVERY_ATTEMPTS: usize = 50;

#[derive(Template)]
#[template(path = "webhooks/attempts/show.html")]
struct AttemptTemplate {
    layout: Layout,
    webhook_url: String,
    webhook_target: String,
    row: AttemptRow,
    notification_url: String,
    /// What happened, as a clause.
    outcome: String,
    advice: Option<String>,
    /// The technical reason of a failure, in English.
    reason: Option<String>,
    started_at: TimeElement,
    target: String,
    status: String,
    request: Message,
    response: Message,
    /// Whether the response body may have been longer than what is kept.
    is_truncated: bool,
    curl: String,
    delivery: Option<DeliveryView>,
    live: String,
}

/// Headers and body of a request or response.
struct Message {
    headers: Vec<(String, String)>,
    body: Body,
}

/// The delivery of the attempt.
struct DeliveryView {
    state: String,
    next: Option<TimeElement>,
    /// The key of the text that says why it is held, if it is.
    hold_reason_key: Option<&'static str>,
    reason: Option<String>,
    attempts: Vec<AttemptRow>,
    /// The URL that sends it again.
    retry: String,
    /// Whether the webhook is enabled.
    is_enabled: bool,
}

impl Message {
    fn new(headers: &str, body: &[u8]) -> Self {
        let headers: Vec<_> = headers
            .lines()
            .map(|line| line.split_once(": ").unwrap_or((line, "")))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let content_type = headers.iter().find(|(name, _)| name == "content-type");
        let body = Body::new(body, content_type.map_or("", |(_, value)| value));
        Self { headers, body }
    }
}

/// An attempt, its delivery (none for a test), and the attempts of the delivery.
struct LoadedAttempt {
    attempt: Attempt,
    delivery: Option<Delivery>,
    delivery_attempts: Vec<Attempt>,
}

async fn load(
    state: &AppState,
    webhook: WebhookId,
    id: AttemptId,
) -> Result<LoadedAttempt, PageError> {
    let found = state
        .read(move |store| {
            let Some(attempt) = store.attempt(webhook, id)? else {
                return Ok(None);
            };
            let deliveries = if attempt.is_test {
                Vec::new()
            } else {
                store.deliveries_of_notification(attempt.notification, &[webhook])?
            };
            let delivery = deliveries.into_iter().next();
            let delivery_attempts = match &delivery {
                Some(delivery) => store.attempts(&[webhook], &attempts_of(delivery))?,
                None => Vec::new(),
            };
            Ok(Some(LoadedAttempt {
                attempt,
                delivery,
                delivery_attempts,
            }))
        })
        .await?;
    found.ok_or(PageError::NotFound)
}

/// The query for the attempts of a delivery. Their number and the time of the last one are known, so that the store reads
/// no more of the log than needed.
fn attempts_of(delivery: &Delivery) -> AttemptQuery {
    let until = match delivery.state {
        DeliveryState::Settled { at, .. } => Some(at),
        DeliveryState::Scheduled { .. } | DeliveryState::Held => None,
    };
    AttemptQuery {
        notification: Some(delivery.notification),
        range: TimeRange { since: None, until },
        limit: usize::try_from(delivery.attempts).map_or(MAX_DELIVERY_ATTEMPTS, |count| {
            count.clamp(1, MAX_DELIVERY_ATTEMPTS)
        }),
        ..AttemptQuery::default()
    }
}

async fn delivery_view(
    state: &AppState,
    page: &OrganizerPage,
    webhook: &Webhook,
    delivery: &Delivery,
    delivery_attempts: &[Attempt],
) -> Result<DeliveryView, PageError> {
    let texts = page.layout.texts;
    let hold_reason = HoldReason::of(&state.sonnette, Some(webhook)).await?;
    let state = state_word(hold_reason, &delivery.state);
    let next = match delivery.state {
        DeliveryState::Scheduled { due_at } if state == "scheduled" => Some(texts.time(due_at)),
        _ => None,
    };
    let reason = match &delivery.state {
        DeliveryState::Settled { reason, .. } => {
            reason.as_ref().map(|reason| reason.as_str().to_owned())
        }
        _ => None,
    };
    let (id, notification) = (webhook.id, delivery.notification);
    Ok(DeliveryView {
        state: texts.get(&format!("delivery-{state}")).into_owned(),
        next,
        hold_reason_key: (state == DeliveryState::Held.as_str())
            .then(|| hold_reason_key(hold_reason)),
        reason,
        attempts: delivery_attempts
            .iter()
            .map(|attempt| AttemptRow::new(texts, page, attempt))
            .collect(),
        retry: page.url(format_args!(
            "/webhooks/{id}/deliveries/{notification}/retry/"
        )),
        is_enabled: webhook.is_enabled(),
    })
}

/// Shows an attempt.
pub(crate) async fn show(
    State(state): State<AppState>,
    page: OrganizerPage,
    Path((_, id, attempt)): Path<(String, WebhookId, AttemptId)>,
) -> Result<Response, PageError> {
    page.require(&state, Permission::Webhooks).await?;
    let webhook = page.webhook(id)?;
    let LoadedAttempt {
        attempt,
        delivery,
        delivery_attempts,
    } = load(&state, id, attempt).await?;
    let delivery = match &delivery {
        Some(found) => {
            Some(delivery_view(&state, &page, webhook, found, &delivery_attempts).await?)
        }
        None => None,
    };
    let texts = page.layout.texts;
    let exchange = &attempt.exchange;
    let row = AttemptRow::new(texts, &page, &attempt);
    render(&AttemptTemplate {
        webhook_url: page.url(format_args!("/webhooks/{id}/")),
        webhook_target: webhook.target.redacted(),
        notification_url: page.url(format_args!("/notifications/{}/", attempt.notification)),
        outcome: outcome::clause(texts, &attempt),
        advice: exchange
            .outcome
            .failure()
            .map(|failure| outcome::advice(texts, &failure)),
        reason: outcome::reason(&exchange.outcome),
        started_at: texts.time(exchange.started_at),
        target: attempt.target_url.clone(),
        status: outcome::short_text(texts, &exchange.outcome),
        request: Message::new(
            &exchange.request_headers,
            attempt.sent_body.as_deref().unwrap_or_default(),
        ),
        response: Message::new(
            &exchange.response_headers,
            exchange.response_text().as_bytes(),
        ),
        // A body is cut between characters, which are at most 4 bytes long.
        is_truncated: exchange.response_body.len() + 3 >= state.settings.response_limit,
        curl: curl::command(&attempt),
        live: page.url(format_args!("/live/?webhook={id}")),
        delivery,
        row,
        layout: page.layout,
    })
}
