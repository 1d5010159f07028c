//! Enables, disables and deletes a webhook.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use serde_json::json;
use sonnette::domain::WebhookState;
use sonnette::store::TimeRange;

use super::change::change_webhook;
use super::confirm::confirm;
use super::queue::drop_pending;
use crate::admin::webhooks::change::{self, expedite_in_background};
use crate::admin::webhooks::fields::state_after;
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::flash;
use crate::dashboard::shell::form_data::FormData;
use crate::dashboard::shell::layout::{Layout, LayoutUser, render};
use crate::dashboard::shell::time_element::TimeElement;
use crate::dashboard::webhooks::page::{Breadcrumbs, WebhookPage};
use crate::edge::AppState;

#[derive(Template)]
#[template(path = "webhooks/actions/enable.html")]
struct EnableTemplate {
    layout: Layout,
    breadcrumbs: Breadcrumbs,
    /// The number of waiting deliveries.
    waiting: u64,
    disabled_since: TimeElement,
    action: String,
    back: String,
}

fn disabled_since(page: &WebhookPage) -> Option<Timestamp> {
    match &page.webhook.state {
        WebhookState::Enabled => None,
        WebhookState::Disabled(disabled) => Some(disabled.since),
    }
}

/// Asks what to do with waiting and missed deliveries before the webhook is enabled.
pub(crate) async fn confirm_enable(
    State(state): State<AppState>,
    page: WebhookPage,
) -> Result<Response, PageError> {
    let Some(since) = disabled_since(&page) else {
        return Ok(flash::redirect(&page.url(""), "enabled-already"));
    };
    let lane = state.sonnette.lane_status(page.webhook.id).await?;
    render(&EnableTemplate {
        breadcrumbs: Breadcrumbs::new(&page),
        waiting: lane.pending_count,
        disabled_since: TimeElement(since),
        action: page.url("enable/"),
        back: page.url(""),
        layout: page.organizer_page.layout,
    })
}

/// Enables the webhook. Waiting deliveries are sent now, or dropped before.
pub(crate) async fn enable(
    State(state): State<AppState>,
    page: WebhookPage,
    form: FormData,
) -> Result<Response, PageError> {
    let Some(since) = disabled_since(&page) else {
        return Ok(flash::redirect(&page.url(""), "enabled-already"));
    };
    let id = page.webhook.id;
    let drop = form.get("waiting") == "drop";
    if drop {
        drop_pending(&state, &page).await?;
    }
    set_enabled(&state, &page, true).await?;
    if !drop {
        expedite_in_background(&state.sonnette, id);
    }
    if !form.contains("missed") {
        return Ok(flash::redirect(&page.url(""), "enabled"));
    }
    let span = TimeRange {
        since: Some(since),
        until: None,
    };
    let author = page.organizer_page.author();
    let data = json!({ "webhook": id });
    let entry = author.audit_entry("sonnette.webhook.retried", data, state.now());
    let count = state
        .sonnette
        .resend_missed(id, span, Some(&mut entry.into()))
        .await?;
    Ok(flash::redirect_with_count(
        &page.url(""),
        "enabled-missed",
        count,
    ))
}

/// Asks for confirmation before the webhook is disabled.
pub(crate) async fn confirm_disable(page: WebhookPage) -> Result<Response, PageError> {
    let texts = page.organizer_page.layout.texts;
    let consequences = vec![
        texts.get("disable-holds").into_owned(),
        texts.get("disable-misses").into_owned(),
    ];
    confirm(page, "disable/", "disable", consequences, false)
}

/// Disables the webhook. Waiting deliveries are held.
pub(crate) async fn disable(
    State(state): State<AppState>,
    page: WebhookPage,
    _: FormData,
) -> Result<Response, PageError> {
    if page.webhook.is_enabled() {
        set_enabled(&state, &page, false).await?;
    }
    Ok(flash::redirect(&page.url(""), "disabled"))
}

async fn set_enabled(state: &AppState, page: &WebhookPage, enabled: bool) -> Result<(), PageError> {
    let (now, id) = (state.now(), page.webhook.id);
    let entry = (
        "pretix.webhook.changed",
        json!({"enabled": enabled, "id": id}),
    );
    change_webhook(state, page, entry, move |webhook| {
        webhook.state = state_after(&webhook.state, enabled, now);
        Ok(())
    })
    .await?;
    Ok(())
}

/// Asks for confirmation before the webhook is deleted.
pub(crate) async fn confirm_delete(
    State(state): State<AppState>,
    page: WebhookPage,
) -> Result<Response, PageError> {
    let texts = page.organizer_page.layout.texts;
    let lane = state.sonnette.lane_status(page.webhook.id).await?;
    let consequences = vec![
        texts.get("delete-stops").into_owned(),
        texts.get_count("delete-waiting", lane.pending_count),
        texts.get("delete-stays").into_owned(),
    ];
    confirm(page, "delete/", "delete", consequences, true)
}

/// Deletes the webhook as the API does: disables it and drops waiting deliveries.
pub(crate) async fn delete(
    State(state): State<AppState>,
    page: WebhookPage,
    _: FormData,
) -> Result<Response, PageError> {
    let (organizer, id) = (page.webhook.organizer, page.webhook.id);
    let author = page.organizer_page.author();
    state
        .change(move |store, now| change::delete(store, &author, organizer, id, now))
        .await??;
    state.sonnette.drop_pending(id, None).await?;
    state
        .wait_until_published(&page.organizer_page.organizer.organizer)
        .await?;
    Ok(flash::redirect(&page.url(""), "deleted"))
}
