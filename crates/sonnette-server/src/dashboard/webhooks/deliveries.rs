//! The deliveries of a webhook in one state.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use sonnette::domain::{
    Delivery, DeliveryState, NotificationId, Permission, SettlementKind, Webhook, WebhookId,
};
use sonnette::store::{DeliveryQuery, DeliveryStateFilter};
use url::form_urlencoded;

use crate::admin::webhooks::hold_reason::HoldReason;
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::layout::{Layout, LayoutUser, render};
use crate::dashboard::shell::page::OrganizerPage;
use crate::dashboard::shell::time_element::TimeElement;
use crate::dashboard::webhooks::delivery_status::state_word;
use crate::edge::AppState;

const ROWS_PER_PAGE: usize = 50;

/// The states to choose from: the word in the query, and the key of the text.
const STATES: [(&str, &str); 4] = [
    ("waiting", "deliveries-waiting"),
    ("delivered", "deliveries-delivered"),
    ("given_up", "deliveries-given-up"),
    ("dropped", "deliveries-dropped"),
];

#[derive(Template)]
#[template(path = "webhooks/deliveries.html")]
struct DeliveriesTemplate {
    layout: Layout,
    webhook_url: String,
    webhook_target: String,
    /// The states to choose from: the key of the text, the URL, and whether the state is chosen.
    states: Vec<(&'static str, String, bool)>,
    rows: Vec<Row>,
    is_enabled: bool,
    older: Option<String>,
    newest: Option<String>,
}

struct Row {
    notification: NotificationId,
    url: String,
    attempts_url: String,
    action_type: String,
    event: String,
    attempts: u32,
    state: String,
    class: &'static str,
    at: Option<TimeElement>,
    reason: Option<String>,
    retry: String,
}

/// Which deliveries are listed.
struct DeliveryFilter {
    word: &'static str,
    after: Option<NotificationId>,
}

impl DeliveryFilter {
    /// The filter of a query. Without a known state, it is the first one.
    fn from_query(query: Option<&str>) -> Self {
        let mut filter = Self {
            word: STATES[0].0,
            after: None,
        };
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let state = || STATES.iter().find(|(word, _)| *word == value);
            match &*name {
                "state" => filter.word = state().map_or(filter.word, |(word, _)| word),
                "after" => filter.after = value.parse().ok(),
                _ => {}
            }
        }
        filter
    }

    fn query(&self) -> DeliveryQuery {
        let settled = self.word.parse::<SettlementKind>().ok();
        DeliveryQuery {
            state: Some(settled.map_or(DeliveryStateFilter::Pending, DeliveryStateFilter::Settled)),
            after: self.after,
            limit: ROWS_PER_PAGE + 1,
        }
    }
}

fn row(
    page: &OrganizerPage,
    webhook: &Webhook,
    hold_reason: HoldReason,
    delivery: &Delivery,
) -> Row {
    let texts = page.layout.texts;
    let notification = delivery.notification;
    let (class, at, reason) = match &delivery.state {
        DeliveryState::Scheduled { due_at } if hold_reason == HoldReason::NotDue => {
            ("warn", Some(texts.time(*due_at)), None)
        }
        DeliveryState::Scheduled { .. } | DeliveryState::Held => ("warn", None, None),
        DeliveryState::Settled { at, kind, reason } => {
            let class = match kind {
                SettlementKind::Delivered => "good",
                SettlementKind::GivenUp => "bad",
                SettlementKind::Dropped => "off",
            };
            (
                class,
                Some(texts.time(*at)),
                reason.as_ref().map(|reason| reason.as_str().to_owned()),
            )
        }
    };
    let base = page.url(format_args!("/webhooks/{}/", webhook.id));
    Row {
        notification,
        url: page.url(format_args!("/notifications/{notification}/")),
        attempts_url: format!("{base}?notification_id={notification}#filters"),
        action_type: delivery.action_type.to_string(),
        event: delivery
            .event
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        attempts: delivery.attempts,
        state: texts
            .get(&format!(
                "delivery-{}",
                state_word(hold_reason, &delivery.state)
            ))
            .into_owned(),
        class,
        at,
        reason,
        retry: format!("{base}deliveries/{notification}/retry/"),
    }
}

/// Shows the deliveries.
pub(crate) async fn show(
    State(state): State<AppState>,
    page: OrganizerPage,
    Path((_, id)): Path<(String, WebhookId)>,
    RawQuery(raw_query): RawQuery,
) -> Result<Response, PageError> {
    page.require(&state, Permission::Webhooks).await?;
    let webhook = page.webhook(id)?;
    let filter = DeliveryFilter::from_query(raw_query.as_deref());
    let query = filter.query();
    let mut found = state.read(move |store| store.deliveries(id, query)).await?;
    let has_more = found.len() > ROWS_PER_PAGE;
    found.truncate(ROWS_PER_PAGE);
    let hold_reason = HoldReason::of(&state.sonnette, Some(webhook)).await?;
    let base = page.url(format_args!("/webhooks/{id}/"));
    let link = |word: &str| format!("{base}deliveries/?state={word}");
    let url = link(filter.word);
    let last = found.last().filter(|_| has_more);
    render(&DeliveriesTemplate {
        states: STATES
            .map(|(word, key)| (key, link(word), word == filter.word))
            .to_vec(),
        rows: found
            .iter()
            .map(|delivery| row(&page, webhook, hold_reason, delivery))
            .collect(),
        is_enabled: webhook.is_enabled(),
        older: last.map(|last| format!("{url}&after={}", last.notification)),
        newest: filter.after.map(|_| url.clone()),
        webhook_url: base,
        webhook_target: webhook.target.redacted(),
        layout: page.layout,
    })
}
