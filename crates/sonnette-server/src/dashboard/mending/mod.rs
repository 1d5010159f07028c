//! A webhook mended: tested, sent again, switched on and off, its secret changed.

pub(super) mod at;
pub(super) mod resend;
pub(super) mod secret;
pub(super) mod switch;
pub(super) mod test;
pub(super) mod told;
pub(super) mod waiting;

use askama::Template;
use axum::response::Response;
use serde_json::Value;
use sonnette::domain::Webhook;
use sonnette::store::ChangeResult;

use super::error::PageError;
use super::frame::{Frame, Who, page};
use crate::edge::AppState;
use at::At;

/// Which webhook a page is about, above its heading.
struct Crumbs {
    list: String,
    url: String,
    target: String,
}

impl Crumbs {
    fn of(at: &At) -> Self {
        Self {
            list: at.desk.url("/webhooks/"),
            url: at.url(""),
            target: at.webhook.target.redacted_without_query(),
        }
    }
}

/// A question before something is done.
#[derive(Template)]
#[template(path = "mending/ask.html")]
struct AskPage {
    f: Frame,
    crumbs: Crumbs,
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
fn ask(
    at: At,
    below: &str,
    title: &str,
    says: Vec<String>,
    danger: bool,
) -> Result<Response, PageError> {
    let w = at.desk.frame.w;
    page(&AskPage {
        crumbs: Crumbs::of(&at),
        title: w.t(title).into_owned(),
        says,
        button: w.t(title).into_owned(),
        danger,
        action: at.url(below),
        back: at.url(""),
        f: at.desk.frame,
    })
}

/// Changes a webhook with a line in the audit log; answers it as it is now.
async fn change(
    state: &AppState,
    at: &At,
    note: (&'static str, Value),
    mut change: impl FnMut(&mut Webhook) + Send + 'static,
) -> Result<Webhook, PageError> {
    let (organizer, id) = (at.webhook.organizer, at.webhook.id);
    let note = at.desk.visitor.note(note.0, note.1, state.now());
    let changed = state
        .store(move |store| {
            let mut change = |webhook: &mut Webhook| {
                change(webhook);
                true
            };
            store.change_webhook(organizer, id, &mut change, note)
        })
        .await?;
    state.announced(&at.desk.tenant.organizer).await?;
    match changed {
        ChangeResult::Done(webhook) => Ok(webhook),
        ChangeResult::Missing | ChangeResult::Taken | ChangeResult::Refused => {
            Err(PageError::NotFound)
        }
    }
}

/// A line in the audit log.
async fn note(
    state: &AppState,
    at: &At,
    action: &'static str,
    data: Value,
) -> Result<(), PageError> {
    let organizer = at.webhook.organizer;
    let note = at.desk.visitor.note(action, data, state.now());
    Ok(state
        .store(move |store| store.add_audit_entry(organizer, note))
        .await?)
}
