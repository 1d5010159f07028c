//! A webhook switched on or off.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use serde_json::json;
use sonnette::domain::WebhookState;
use sonnette::store::{ChangeResult, TimeRange};

use super::at::At;
use super::waiting::dropped;
use super::{Crumbs, ask, change, note};
use crate::admin::webhooks::change::send_waiting_now;
use crate::admin::webhooks::fields::state_after;
use crate::dashboard::error::PageError;
use crate::dashboard::frame::{Frame, Who, page};
use crate::dashboard::posted::Posted;
use crate::dashboard::said;
use crate::dashboard::when::When;
use crate::edge::AppState;

#[derive(Template)]
#[template(path = "mending/enable.html")]
struct EnablePage {
    f: Frame,
    crumbs: Crumbs,
    /// How many wait.
    waiting: u64,
    /// Since when it is off.
    since: When,
    action: String,
    back: String,
}

fn off_since(at: &At) -> Option<Timestamp> {
    match &at.webhook.state {
        WebhookState::Enabled => None,
        WebhookState::Disabled(disabled) => Some(disabled.since),
    }
}

/// Asks what shall become of what waits.
pub(crate) async fn ask_to_enable(
    State(state): State<AppState>,
    at: At,
) -> Result<Response, PageError> {
    let Some(since) = off_since(&at) else {
        return Ok(said::go(&at.url(""), "enabled-already"));
    };
    let lane = state.sonnette.lane(at.webhook.id).await?;
    page(&EnablePage {
        crumbs: Crumbs::of(&at),
        waiting: lane.backlog,
        since: When(since),
        action: at.url("enable/"),
        back: at.url(""),
        f: at.desk.frame,
    })
}

/// Switches it on; what waits is sent now, or dropped before.
pub(crate) async fn enable(
    State(state): State<AppState>,
    at: At,
    posted: Posted,
) -> Result<Response, PageError> {
    let Some(since) = off_since(&at) else {
        return Ok(said::go(&at.url(""), "enabled-already"));
    };
    let id = at.webhook.id;
    let drops = posted.get("waiting") == "drop";
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
        send_waiting_now(&state.sonnette, id);
    }
    if !posted.has("missed") {
        return Ok(said::go(&at.url(""), "enabled"));
    }
    let span = TimeRange {
        since: Some(since),
        until: None,
    };
    let count = state.sonnette.resend_missed(id, span, false).await?;
    let data = json!({"webhook": id, "count": count});
    note(&state, &at, "sonnette.webhook.retried", data).await?;
    Ok(said::go_counted(&at.url(""), "enabled-missed", count))
}

/// Asks before it is switched off.
pub(crate) async fn ask_to_disable(at: At) -> Result<Response, PageError> {
    let w = at.desk.frame.w;
    let says = ["disable-holds", "disable-misses"];
    let says = says.map(|key| w.t(key).into_owned()).to_vec();
    ask(at, "disable/", "disable", says, false)
}

/// Switches it off; what waits is held.
pub(crate) async fn disable(
    State(state): State<AppState>,
    at: At,
    _: Posted,
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
    Ok(said::go(&at.url(""), "disabled"))
}

/// Asks before it is switched off for good.
pub(crate) async fn ask_to_delete(
    State(state): State<AppState>,
    at: At,
) -> Result<Response, PageError> {
    let w = at.desk.frame.w;
    let lane = state.sonnette.lane(at.webhook.id).await?;
    let says = vec![
        w.t("delete-stops").into_owned(),
        w.n("delete-waiting", lane.backlog),
        w.t("delete-stays").into_owned(),
    ];
    ask(at, "delete/", "delete", says, true)
}

/// What REST's DELETE does: off, and what waits is dropped.
pub(crate) async fn delete(
    State(state): State<AppState>,
    at: At,
    _: Posted,
) -> Result<Response, PageError> {
    let (organizer, id) = (at.webhook.organizer, at.webhook.id);
    let data = json!({"enabled": false, "id": id});
    let note = at
        .desk
        .visitor
        .note("pretix.webhook.changed", data, state.now());
    let changed = state
        .store(move |store| store.mark_webhook_deleted(organizer, id, note))
        .await?;
    state.refresh().await?;
    if changed == ChangeResult::Missing {
        return Err(PageError::NotFound);
    }
    state.sonnette.drop_waiting(id).await?;
    state
        .wait_until_published(&at.desk.tenant.organizer)
        .await?;
    Ok(said::go(&at.url(""), "deleted"))
}
