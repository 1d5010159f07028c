//! A webhook switched on or off.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use serde_json::json;
use sonnette::domain::WebhookState;
use sonnette::store::{ChangeResult, TimeRange};

use super::confirm::{Breadcrumbs, ask, change, note};
use super::queue::dropped;
use crate::admin::webhooks::{send_what_waits, state_after};
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::flash;
use crate::dashboard::shell::form_data::FormData;
use crate::dashboard::shell::layout::{Layout, LayoutUser, render};
use crate::dashboard::shell::time_element::TimeElement;
use crate::dashboard::webhooks::page::WebhookPage;
use crate::edge::AppState;

#[derive(Template)]
#[template(path = "webhooks/actions/enable.html")]
struct EnableTemplate {
    layout: Layout,
    crumbs: Breadcrumbs,
    /// How many wait.
    waiting: u64,
    /// Since when it is off.
    since: TimeElement,
    action: String,
    back: String,
}

fn off_since(at: &WebhookPage) -> Option<Timestamp> {
    match &at.webhook.state {
        WebhookState::Enabled => None,
        WebhookState::Disabled(disabled) => Some(disabled.since),
    }
}

/// Asks what shall become of what waits.
pub(crate) async fn ask_to_enable(
    State(state): State<AppState>,
    at: WebhookPage,
) -> Result<Response, PageError> {
    let Some(since) = off_since(&at) else {
        return Ok(flash::redirect(&at.url(""), "enabled-already"));
    };
    let lane = state.sonnette.lane(at.webhook.id).await?;
    render(&EnableTemplate {
        crumbs: Breadcrumbs::of(&at),
        waiting: lane.backlog,
        since: TimeElement(since),
        action: at.url("enable/"),
        back: at.url(""),
        layout: at.page.layout,
    })
}

/// Switches it on; what waits is sent now, or dropped before.
pub(crate) async fn enable(
    State(state): State<AppState>,
    at: WebhookPage,
    form: FormData,
) -> Result<Response, PageError> {
    let Some(since) = off_since(&at) else {
        return Ok(flash::redirect(&at.url(""), "enabled-already"));
    };
    let id = at.webhook.id;
    let drops = form.get("waiting") == "drop";
    if drops {
        dropped(&state, &at).await?;
    }
    let (now, data) = (state.now(), json!({"enabled": true, "id": id}));
    change(
        &state,
        &at,
        ("pretix.webhook.changed", data),
        move |webhook| {
            webhook.state = state_after(&webhook.state, true, now);
        },
    )
    .await?;
    if !drops {
        send_what_waits(&state, id);
    }
    if !form.contains("missed") {
        return Ok(flash::redirect(&at.url(""), "enabled"));
    }
    let span = TimeRange {
        since: Some(since),
        until: None,
    };
    let count = state.sonnette.resend_missed(id, span, false).await?;
    let data = json!({"webhook": id, "count": count});
    note(&state, &at, "sonnette.webhook.retried", data).await?;
    Ok(flash::redirect_with_count(
        &at.url(""),
        "enabled-missed",
        count,
    ))
}

/// Asks before it is switched off.
pub(crate) async fn ask_to_disable(at: WebhookPage) -> Result<Response, PageError> {
    let texts = at.page.layout.texts;
    let says = ["disable-holds", "disable-misses"];
    let says = says.map(|key| texts.get(key).into_owned()).to_vec();
    ask(at, "disable/", "disable", says, false)
}

/// Switches it off; what waits is held.
pub(crate) async fn disable(
    State(state): State<AppState>,
    at: WebhookPage,
    _: FormData,
) -> Result<Response, PageError> {
    if at.webhook.is_enabled() {
        let data = json!({"enabled": false, "id": at.webhook.id});
        let now = state.now();
        change(
            &state,
            &at,
            ("pretix.webhook.changed", data),
            move |webhook| {
                webhook.state = state_after(&webhook.state, false, now);
            },
        )
        .await?;
    }
    Ok(flash::redirect(&at.url(""), "disabled"))
}

/// Asks before it is switched off for good.
pub(crate) async fn ask_to_delete(
    State(state): State<AppState>,
    at: WebhookPage,
) -> Result<Response, PageError> {
    let texts = at.page.layout.texts;
    let lane = state.sonnette.lane(at.webhook.id).await?;
    let says = vec![
        texts.get("delete-stops").into_owned(),
        texts.get_count("delete-waiting", lane.backlog),
        texts.get("delete-stays").into_owned(),
    ];
    ask(at, "delete/", "delete", says, true)
}

/// What REST's DELETE does: off, and what waits is dropped.
pub(crate) async fn delete(
    State(state): State<AppState>,
    at: WebhookPage,
    _: FormData,
) -> Result<Response, PageError> {
    let (organizer, id) = (at.webhook.organizer, at.webhook.id);
    let data = json!({"enabled": false, "id": id});
    let note = at
        .page
        .current_user
        .note("pretix.webhook.changed", data, state.now());
    let changed = state
        .store(move |store| store.retire_webhook(organizer, id, note))
        .await?;
    state.refresh()?;
    if changed == ChangeResult::Missing {
        return Err(PageError::NotFound);
    }
    state.sonnette.drop_waiting(id).await?;
    state.announced(&at.page.tenant.organizer).await?;
    Ok(flash::redirect(&at.url(""), "deleted"))
}
