//! One notification: what was published, and to whom it is owed.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use sonnette::domain::{Delivery, DeliveryState, EventSlug, Permission, SettlementKind, WebhookId};

use super::{find, need};
use crate::admin::hold_reason::{self, Waiting};
use crate::dashboard::catalogue;
use crate::dashboard::error::PageError;
use crate::dashboard::frame::{Frame, Who, page};
use crate::dashboard::json::pretty;
use crate::dashboard::visitor::Desk;
use crate::dashboard::when::When;
use crate::edge::AppState;

struct Row {
    /// The webhook without its credentials; none: it is not the organizer's any more.
    target: String,
    comment: String,
    /// Its page, for those who may see it.
    url: Option<String>,
    /// The log of this notification there.
    log: Option<String>,
    /// How its state looks.
    class: &'static str,
    /// The key of its state.
    state: &'static str,
    /// When it is due, or was settled.
    at: Option<When>,
    /// The key of why it waits, or was not delivered.
    why: Option<&'static str>,
    /// The same in the store's words, where there is no key.
    reason: Option<String>,
    attempts: u32,
}

#[derive(Template)]
#[template(path = "notifications/one.html")]
struct OnePage {
    f: Frame,
    list: String,
    id: i64,
    at: When,
    action_type: String,
    /// Its page in the catalogue.
    catalogue: Option<String>,
    event: Option<String>,
    subject: Option<String>,
    /// How many webhooks matched when it was published.
    matched: usize,
    data: Option<String>,
    rows: Vec<Row>,
    /// Where it is replayed, by those who may.
    replay: Option<String>,
}

/// The page.
pub(in crate::dashboard) async fn show(
    State(state): State<AppState>,
    desk: Desk,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, PageError> {
    need(&state, &desk).await?;
    let entry = find(&state, &desk, &id).await?;
    let notification = entry.notification.clone();
    let (id, erased) = (notification.id, notification.body.is_empty());
    let webhooks: Vec<WebhookId> = desk.tenant.webhooks.keys().copied().collect();
    let deliveries = state
        .store(move |store| store.deliveries_of_notification(id, &webhooks))
        .await?;
    let mut rows = Vec::with_capacity(deliveries.len());
    for delivery in deliveries {
        let waits = Waiting::at(&state, &desk.tenant, delivery.webhook).await?;
        rows.push(row(&desk, &delivery, waits));
    }
    let list = desk.url("/notifications/");
    let may_replay = desk.may(Permission::Publish) && !erased;
    let known = desk
        .tenant
        .catalogue
        .resolve(notification.action_type.as_str());
    page(&OnePage {
        replay: may_replay.then(|| format!("{list}{id}/replay/")),
        list,
        id: id.0,
        at: When(notification.published_at),
        action_type: notification.action_type.to_string(),
        catalogue: known.map(|spec| catalogue::url(&desk, spec.name.as_str())),
        event: notification.event.as_ref().map(EventSlug::to_string),
        data: (!erased).then(|| pretty(hold_reason::data(&entry).get().as_bytes())),
        subject: entry.subject,
        matched: entry.delivery_count,
        rows,
        f: desk.frame,
    })
}

fn row(desk: &Desk, delivery: &Delivery, waits: Waiting) -> Row {
    let webhook = desk.tenant.webhooks.get(&delivery.webhook);
    let may_look = desk.may(Permission::Webhooks);
    let url = may_look.then(|| desk.url(format_args!("/webhooks/{}/", delivery.webhook)));
    let row = Row {
        target: webhook.map_or_else(
            || delivery.webhook.to_string(),
            |webhook| webhook.target.redacted(),
        ),
        comment: webhook
            .and_then(|webhook| webhook.comment.clone())
            .unwrap_or_default(),
        log: url
            .as_ref()
            .map(|url| format!("{url}?notification_id={}", delivery.notification)),
        url,
        class: "warn",
        state: "notified-held",
        at: None,
        why: None,
        reason: None,
        attempts: delivery.attempts,
    };
    match &delivery.state {
        DeliveryState::Scheduled { due_at } if waits == Waiting::Time => Row {
            class: "off",
            state: "notified-scheduled",
            at: Some(When(*due_at)),
            ..row
        },
        DeliveryState::Scheduled { .. } | DeliveryState::Held => Row {
            why: Some(match waits {
                Waiting::Webhook => "notified-held-webhook",
                Waiting::Receiver | Waiting::Time => "notified-held-receiver",
            }),
            ..row
        },
        DeliveryState::Settled { at, how, reason } => {
            let (class, state) = match how {
                SettlementKind::Delivered => ("good", "notified-delivered"),
                SettlementKind::GivenUp => ("bad", "notified-given-up"),
                SettlementKind::Dropped => ("off", "notified-dropped"),
            };
            let why = reason.as_deref().and_then(why);
            Row {
                class,
                state,
                at: Some(When(*at)),
                reason: reason.clone().filter(|_| why.is_none()),
                why,
                ..row
            }
        }
    }
}

/// The key of a reason that the store gives.
fn why(reason: &str) -> Option<&'static str> {
    Some(match reason {
        "its twelve tries are used up" => "notified-tries-used-up",
        "its three days are over" => "notified-days-over",
        "dropped by hand" => "notified-by-hand",
        "the person's data was erased" => "notified-erased",
        _ => return None,
    })
}
