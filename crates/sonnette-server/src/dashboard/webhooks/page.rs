//! Somebody at the pages of a webhook.

use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use sonnette::domain::{Permission, Webhook, WebhookId};

use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::page::OrganizerPage;
use crate::edge::AppState;

/// Somebody who may look after an organizer's webhooks, at the pages of one.
pub(crate) struct WebhookPage {
    /// At whose pages.
    pub(crate) page: OrganizerPage,
    /// The webhook as it is.
    pub(crate) webhook: Arc<Webhook>,
}

impl WebhookPage {
    /// The page of the webhook, or one below it.
    pub(crate) fn url(&self, below: &str) -> String {
        let id = self.webhook.id;
        self.page.url(format_args!("/webhooks/{id}/{below}"))
    }
}

impl FromRequestParts<AppState> for WebhookPage {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, PageError> {
        let page = OrganizerPage::from_request_parts(parts, state).await?;
        page.require(state, Permission::Webhooks).await?;
        let params = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| PageError::NotFound)?;
        let id = params.iter().find(|(name, _)| *name == "id");
        let id = id.and_then(|(_, id)| id.parse().ok());
        let webhook = page
            .webhook(WebhookId(id.ok_or(PageError::NotFound)?))?
            .clone();
        Ok(Self { page, webhook })
    }
}
