//! The extractor for pages of one webhook.

use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use sonnette::domain::{Permission, Webhook, WebhookId};

use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::page::OrganizerPage;
use crate::edge::AppState;

/// A page of one webhook. The current user holds the permission `webhooks`.
pub(crate) struct WebhookPage {
    pub(crate) organizer_page: OrganizerPage,
    /// The stored webhook.
    pub(crate) webhook: Arc<Webhook>,
}

impl WebhookPage {
    /// The URL of a page below the webhook's page; the webhook's page for an empty `path`.
    pub(crate) fn url(&self, path: &str) -> String {
        let id = self.webhook.id;
        self.organizer_page
            .url(format_args!("/webhooks/{id}/{path}"))
    }
}

impl FromRequestParts<AppState> for WebhookPage {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, PageError> {
        let organizer_page = OrganizerPage::from_request_parts(parts, state).await?;
        organizer_page.require(state, Permission::Webhooks).await?;
        let params = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| PageError::NotFound)?;
        let id = params.iter().find(|(name, _)| *name == "id");
        let id = id.and_then(|(_, id)| id.parse().ok());
        let id = WebhookId(id.ok_or(PageError::NotFound)?);
        let webhook = organizer_page.webhook(id)?.clone();
        Ok(Self {
            organizer_page,
            webhook,
        })
    }
}

/// Links above the heading of a page of a webhook.
pub(crate) struct Breadcrumbs {
    /// The URL of the list of webhooks.
    pub(crate) list: String,
    /// The URL of the webhook's page.
    pub(crate) url: String,
    /// Host and path of the target.
    pub(crate) target: String,
}

impl Breadcrumbs {
    /// The links to the list and to the webhook.
    pub(crate) fn new(page: &WebhookPage) -> Self {
        Self {
            list: page.organizer_page.url("/webhooks/"),
            url: page.url(""),
            target: page.webhook.target.redacted_without_query(),
        }
    }
}
