//! Changes of a webhook with their audit entries.

use serde_json::Value;
use sonnette::domain::Webhook;

use crate::admin::error::AdminError;
use crate::admin::webhooks::change::{self, WebhookEdit};
use crate::dashboard::shell::error::PageError;
use crate::dashboard::webhooks::page::WebhookPage;
use crate::edge::AppState;

/// Changes the webhook and adds an entry to the audit log. Returns when the change is published.
pub(crate) async fn change_webhook(
    state: &AppState,
    page: &WebhookPage,
    (action, data): (&'static str, Value),
    mut apply: impl FnMut(&mut Webhook) -> Result<(), AdminError> + Send + 'static,
) -> Result<Webhook, PageError> {
    let author = page.organizer_page.author();
    let edit = WebhookEdit {
        organizer: page.webhook.organizer,
        id: page.webhook.id,
        action,
        data,
        settings: Vec::new(),
    };
    let changed = state
        .change(move |store, now| change::change(store, &author, edit, now, &mut apply))
        .await??;
    let organizer = &page.organizer_page.organizer.organizer;
    state.wait_until_published(organizer).await?;
    Ok(changed)
}
