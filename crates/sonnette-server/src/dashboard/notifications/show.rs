//! The page of one notification: what was published, and its deliveries.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use sonnette::domain::{
    Delivery, DeliveryState, EventSlug, Permission, SettlementKind, SettlementReason, WebhookId,
};

use super::lookup::{load, require_access};
use crate::admin::notifications::published_data;
use crate::admin::webhooks::hold_reason::HoldReason;
use crate::dashboard::action_types::lookup;
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::json::format_text;
use crate::dashboard::shell::layout::{Layout, LayoutUser, render};
use crate::dashboard::shell::page::OrganizerPage;
use crate::dashboard::shell::time_element::TimeElement;
use crate::dashboard::webhooks::delivery_status::hold_reason_key;
use crate::edge::AppState;

struct Row {
    /// The target without credentials, or the id of a webhook that the organizer no longer has.
    target: String,
    comment: String,
    /// The webhook's page, for users who may see it.
    url: Option<String>,
    /// The attempts of this notification.
    log_url: Option<String>,
    /// The CSS class of its state.
    class: &'static str,
    /// The key of the text of its state.
    state_key: &'static str,
    /// When it is due or was settled.
    at: Option<TimeElement>,
    /// The key of the text that says why it is held or was not delivered.
    reason_key: Option<&'static str>,
    /// The reason in English, if there is no such text.
    reason: Option<String>,
    attempts: u32,
}

#[derive(Template)]
#[template(path = "notifications/show.html")]
struct ShowTemplate {
    layout: Layout,
    list: String,
    id: i64,
    at: TimeElement,
    action_type: String,
    /// The page of the action type.
    action_type_url: Option<String>,
    event: Option<String>,
    subject: Option<String>,
    /// The number of webhooks that matched when it was published.
    matched: usize,
    data: Option<String>,
    rows: Vec<Row>,
    /// The page that replays it, for users who may do that.
    replay_url: Option<String>,
}

/// Shows the notification.
pub(crate) async fn show(
    State(state): State<AppState>,
    page: OrganizerPage,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, PageError> {
    require_access(&state, &page).await?;
    let entry = load(&state, &page, &id).await?;
    let notification = entry.notification.clone();
    let (id, erased) = (notification.id, notification.body.is_empty());
    let webhooks: Vec<WebhookId> = page.organizer.webhooks.keys().copied().collect();
    let deliveries = state
        .read(move |store| store.deliveries_of_notification(id, &webhooks))
        .await?;
    let mut rows = Vec::with_capacity(deliveries.len());
    for delivery in deliveries {
        let webhook = page.organizer.webhooks.get(&delivery.webhook);
        let hold_reason = HoldReason::of(&state.sonnette, webhook.map(AsRef::as_ref)).await?;
        rows.push(row(&page, &delivery, hold_reason));
    }
    let list = page.url("/notifications/");
    let may_replay = page.has_permission(Permission::Publish) && !erased;
    let known = page
        .organizer
        .catalogue
        .resolve(notification.action_type.as_str());
    render(&ShowTemplate {
        replay_url: may_replay.then(|| format!("{list}{id}/replay/")),
        list,
        id: id.0,
        at: TimeElement(notification.published_at),
        action_type: notification.action_type.to_string(),
        action_type_url: known
            .map(|catalogue_entry| lookup::url(&page, catalogue_entry.name.as_str())),
        event: notification.event.as_ref().map(EventSlug::to_string),
        data: (!erased).then(|| format_text(published_data(&entry).get().as_bytes())),
        subject: entry.subject,
        matched: entry.delivery_count,
        rows,
        layout: page.layout,
    })
}

fn row(page: &OrganizerPage, delivery: &Delivery, hold_reason: HoldReason) -> Row {
    let webhook = page.organizer.webhooks.get(&delivery.webhook);
    let may_see_webhooks = page.has_permission(Permission::Webhooks);
    let url = may_see_webhooks.then(|| page.url(format_args!("/webhooks/{}/", delivery.webhook)));
    let row = Row {
        target: webhook.map_or_else(
            || delivery.webhook.to_string(),
            |webhook| webhook.target.redacted(),
        ),
        comment: webhook
            .and_then(|webhook| webhook.comment.clone())
            .unwrap_or_default(),
        log_url: url
            .as_ref()
            .map(|url| format!("{url}?notification_id={}", delivery.notification)),
        url,
        class: "warn",
        state_key: "notification-delivery-held",
        at: None,
        reason_key: None,
        reason: None,
        attempts: delivery.attempts,
    };
    match &delivery.state {
        DeliveryState::Scheduled { due_at } if hold_reason == HoldReason::NotDue => Row {
            class: "off",
            state_key: "notification-delivery-scheduled",
            at: Some(TimeElement(*due_at)),
            ..row
        },
        DeliveryState::Scheduled { .. } | DeliveryState::Held => Row {
            reason_key: Some(hold_reason_key(hold_reason)),
            ..row
        },
        DeliveryState::Settled { at, kind, reason } => {
            let (class, state_key) = match kind {
                SettlementKind::Delivered => ("good", "notification-delivery-delivered"),
                SettlementKind::GivenUp => ("bad", "notification-delivery-given-up"),
                SettlementKind::Dropped => ("off", "notification-delivery-dropped"),
            };
            let reason_key = reason.as_ref().and_then(reason_key);
            Row {
                class,
                state_key,
                at: Some(TimeElement(*at)),
                reason: match reason {
                    Some(SettlementReason::Other(text)) => Some(text.clone()),
                    _ => None,
                },
                reason_key,
                ..row
            }
        }
    }
}

/// The key of the text for a reason.
fn reason_key(reason: &SettlementReason) -> Option<&'static str> {
    Some(match reason {
        SettlementReason::TriesUsedUp => "notification-delivery-tries-used-up",
        SettlementReason::LifetimeOver => "notification-delivery-days-over",
        SettlementReason::DroppedByPerson => "notification-delivery-by-hand",
        SettlementReason::DataErased => "notification-delivery-erased",
        SettlementReason::Other(_) => return None,
    })
}
