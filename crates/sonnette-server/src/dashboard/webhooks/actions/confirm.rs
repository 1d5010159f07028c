//! The page that asks for confirmation before an action.

use askama::Template;
use axum::response::Response;

use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::layout::{Layout, LayoutUser, render};
use crate::dashboard::webhooks::page::{Breadcrumbs, WebhookPage};

#[derive(Template)]
#[template(path = "webhooks/actions/confirm.html")]
struct ConfirmTemplate {
    layout: Layout,
    breadcrumbs: Breadcrumbs,
    /// The heading, and the label of the button.
    title: String,
    /// What the action will do, one paragraph each.
    consequences: Vec<String>,
    /// Whether the action loses something.
    is_destructive: bool,
    /// The URL that the form is sent to.
    action: String,
    /// The URL of the page to return to.
    back: String,
}

/// Asks for confirmation of an action that a POST to `path` below the webhook performs.
pub(crate) fn confirm(
    page: WebhookPage,
    path: &str,
    title_key: &str,
    consequences: Vec<String>,
    is_destructive: bool,
) -> Result<Response, PageError> {
    let texts = page.organizer_page.layout.texts;
    render(&ConfirmTemplate {
        breadcrumbs: Breadcrumbs::new(&page),
        title: texts.get(title_key).into_owned(),
        consequences,
        is_destructive,
        action: page.url(path),
        back: page.url(""),
        layout: page.organizer_page.layout,
    })
}
