//! The deliveries of a webhook, by state.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use sonnette::domain::{
    Delivery, DeliveryState, NotificationId, Permission, SettlementKind, Webhook, WebhookId,
};
use sonnette::store::{DeliveryQuery, DeliveryStateFilter};
use url::form_urlencoded;

use crate::admin::hold_reason::Waiting;
use crate::dashboard::error::PageError;
use crate::dashboard::frame::{Frame, Who, page};
use crate::dashboard::visitor::Desk;
use crate::dashboard::when::When;
use crate::edge::AppState;

/// Lines on a page.
const SIZE: usize = 50;

/// States that can be asked for: the word of the query, and the key of its name.
const STATES: [(&str, &str); 4] = [
    ("waiting", "deliveries-waiting"),
    ("delivered", "deliveries-delivered"),
    ("given_up", "deliveries-given-up"),
    ("dropped", "deliveries-dropped"),
];

#[derive(Template)]
#[template(path = "webhooks/deliveries.html")]
struct DeliveriesPage {
    f: Frame,
    webhook: (String, String),
    /// What can be asked for: the key, where it leads, and whether this is it.
    states: Vec<(&'static str, String, bool)>,
    lines: Vec<Line>,
    enabled: bool,
    older: Option<String>,
    newest: Option<String>,
}

struct Line {
    notification: NotificationId,
    url: String,
    attempts_url: String,
    action_type: String,
    event: String,
    attempts: u32,
    state: String,
    class: &'static str,
    at: Option<When>,
    reason: Option<String>,
    retry: String,
}

/// Which deliveries somebody asked for.
struct Asked {
    word: &'static str,
    after: Option<NotificationId>,
}

impl Asked {
    /// What is unknown is taken for the first of the states.
    fn read(query: Option<&str>) -> Self {
        let mut asked = Self {
            word: STATES[0].0,
            after: None,
        };
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let known = || STATES.iter().find(|(word, _)| *word == value);
            match &*name {
                "state" => asked.word = known().map_or(asked.word, |(word, _)| word),
                "after" => asked.after = value.parse().ok(),
                _ => {}
            }
        }
        asked
    }

    fn query(&self) -> DeliveryQuery {
        let settled = self.word.parse::<SettlementKind>().ok();
        DeliveryQuery {
            state: Some(settled.map_or(DeliveryStateFilter::Waiting, DeliveryStateFilter::Settled)),
            after: self.after,
            limit: SIZE + 1,
        }
    }
}

fn line(desk: &Desk, webhook: &Webhook, waits: Waiting, delivery: &Delivery) -> Line {
    let w = desk.frame.w;
    let notification = delivery.notification;
    let (class, at, reason) = match &delivery.state {
        DeliveryState::Scheduled { due_at } if waits == Waiting::Time => {
            ("warn", Some(w.when(*due_at)), None)
        }
        DeliveryState::Scheduled { .. } | DeliveryState::Held => ("warn", None, None),
        DeliveryState::Settled { at, how, reason } => {
            let class = match how {
                SettlementKind::Delivered => "good",
                SettlementKind::GivenUp => "bad",
                SettlementKind::Dropped => "off",
            };
            (class, Some(w.when(*at)), reason.clone())
        }
    };
    let base = desk.url(format_args!("/webhooks/{}/", webhook.id));
    Line {
        notification,
        url: desk.url(format_args!("/notifications/{notification}/")),
        attempts_url: format!("{base}?notification_id={notification}#filters"),
        action_type: delivery.action_type.to_string(),
        event: delivery
            .event
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        attempts: delivery.attempts,
        state: w
            .t(&format!("delivery-{}", waits.state_of(&delivery.state)))
            .into_owned(),
        class,
        at,
        reason,
        retry: format!("{base}deliveries/{notification}/retry/"),
    }
}

/// The page.
pub(crate) async fn show(
    State(state): State<AppState>,
    desk: Desk,
    Path((_, id)): Path<(String, WebhookId)>,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    desk.need(&state, Permission::Webhooks).await?;
    let webhook = desk.webhook(id)?;
    let asked = Asked::read(query.as_deref());
    let rows = asked.query();
    let mut found = state.store(move |store| store.deliveries(id, rows)).await?;
    let more = found.len() > SIZE;
    found.truncate(SIZE);
    let waits = Waiting::of(&state, webhook).await?;
    let base = desk.url(format_args!("/webhooks/{id}/"));
    let link = |word: &str| format!("{base}deliveries/?state={word}");
    let own = link(asked.word);
    let last = found.last().filter(|_| more);
    page(&DeliveriesPage {
        states: STATES
            .map(|(word, key)| (key, link(word), word == asked.word))
            .to_vec(),
        lines: found
            .iter()
            .map(|delivery| line(&desk, webhook, waits, delivery))
            .collect(),
        enabled: webhook.is_enabled(),
        older: last.map(|last| format!("{own}&after={}", last.notification)),
        newest: asked.after.map(|_| own.clone()),
        webhook: (base, webhook.target.redacted()),
        f: desk.frame,
    })
}
