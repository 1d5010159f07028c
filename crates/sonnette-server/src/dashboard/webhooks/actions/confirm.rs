//! A webhook mended: tested, sent again, switched on and off, its secret changed.

use askama::Template;
use axum::response::Response;
use serde_json::Value;
use sonnette::domain::Webhook;
use sonnette::store::ChangeResult;

use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::layout::{Layout, LayoutUser, render};
use crate::dashboard::webhooks::page::WebhookPage;
use crate::edge::AppState;

/// Which webhook a page is about, above its heading.
pub(crate) struct Breadcrumbs {
    pub(crate) list: String,
    pub(crate) url: String,
    pub(crate) target: String,
}

impl Breadcrumbs {
    pub(crate) fn of(at: &WebhookPage) -> Self {
        Self {
            list: at.page.url("/webhooks/"),
            url: at.url(""),
            target: at.webhook.target.place(),
        }
    }
}

/// A question before something is done.
#[derive(Template)]
#[template(path = "webhooks/actions/confirm.html")]
struct AskTemplate {
    layout: Layout,
    crumbs: Breadcrumbs,
    title: String,
    /// What will happen.
    says: Vec<String>,
    /// What the button says.
    button: String,
    /// Whether it cannot be undone.
    danger: bool,
    action: String,
    /// Where one goes instead.
    back: String,
}

/// Asks before what is done by a POST to this very page.
pub(crate) fn ask(
    at: WebhookPage,
    below: &str,
    title: &str,
    says: Vec<String>,
    danger: bool,
) -> Result<Response, PageError> {
    let texts = at.page.layout.texts;
    render(&AskTemplate {
        crumbs: Breadcrumbs::of(&at),
        title: texts.get(title).into_owned(),
        says,
        button: texts.get(title).into_owned(),
        danger,
        action: at.url(below),
        back: at.url(""),
        layout: at.page.layout,
    })
}

/// Changes a webhook with a line in the audit log; answers it as it is now.
pub(crate) async fn change(
    state: &AppState,
    at: &WebhookPage,
    note: (&'static str, Value),
    mut change: impl FnMut(&mut Webhook) + Send + 'static,
) -> Result<Webhook, PageError> {
    let (organizer, id) = (at.webhook.organizer, at.webhook.id);
    let note = at.page.current_user.note(note.0, note.1, state.now());
    let changed = state
        .store(move |store| {
            let mut change = |webhook: &mut Webhook| {
                change(webhook);
                true
            };
            store.change_webhook(organizer, id, &mut change, note)
        })
        .await?;
    state.announced(&at.page.tenant.organizer).await?;
    match changed {
        ChangeResult::Done(webhook) => Ok(webhook),
        ChangeResult::Missing | ChangeResult::Taken | ChangeResult::Refused => {
            Err(PageError::NotFound)
        }
    }
}

/// A line in the audit log.
pub(crate) async fn note(
    state: &AppState,
    at: &WebhookPage,
    action: &'static str,
    data: Value,
) -> Result<(), PageError> {
    let organizer = at.webhook.organizer;
    let note = at.page.current_user.note(action, data, state.now());
    Ok(state
        .store(move |store| store.note(organizer, note))
        .await?)
}
