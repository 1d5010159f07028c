//! `sonnette webhook create`.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use clap::Args;
use serde_json::json;
use sonnette::dialect::Catalogue;
use sonnette::domain::{
    ActionName, EventFilter, EventSlug, OrganizerSlug, Secrets, TargetUrl, Webhook, WebhookId,
    WebhookSettings, WebhookState,
};
use sonnette::store::sqlite::SqliteStore;
use sonnette::store::{RegistryStore as _, StoredOrganizer, WebhookStore as _};

use super::to_json;
use crate::cli::{audit, local_store, output};
use crate::config::Settings;
use crate::credentials::random_secret;

/// The arguments of the command.
#[derive(Args)]
pub(in crate::cli) struct Create {
    /// Organizer of the webhook
    organizer: OrganizerSlug,
    /// URL that receives the notifications
    target_url: TargetUrl,
    /// Action type to receive, such as pretix.event.order.placed; repeatable
    #[arg(long = "action-type", value_name = "ACTION_TYPE", required = true)]
    action_types: Vec<ActionName>,
    /// Event to receive notifications of; repeatable [default: all events]
    #[arg(long = "event", value_name = "SLUG")]
    events: Vec<EventSlug>,
    /// Comment
    #[arg(long)]
    comment: Option<String>,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

impl Create {
    pub(super) fn run(self, settings: &Settings) -> Result<()> {
        let store = local_store::open(settings)?;
        let rows = local_store::organizer(&store, &self.organizer)?;
        self.check(&store, &rows)?;
        let action_types: BTreeSet<ActionName> = self.action_types.into_iter().collect();
        let events = if self.events.is_empty() {
            EventFilter::All
        } else {
            EventFilter::Only(self.events.into_iter().collect())
        };
        let webhook = Webhook {
            id: WebhookId(0),
            organizer: rows.organizer.id,
            state: WebhookState::Enabled,
            target: self.target_url,
            events,
            action_types: action_types.into_iter().collect(),
            comment: self.comment,
            secrets: Secrets {
                current: random_secret()?,
                previous: None,
            },
            settings: WebhookSettings::default(),
        };
        let slug = self.organizer.as_str();
        let entry = audit::new_entry("pretix.webhook.created", to_json(slug, &webhook));
        let made = store.add_webhook(&webhook, entry)?;
        let secret = made.secrets.current.text();
        if self.json {
            let mut object = to_json(slug, &made);
            object["secret"] = json!(secret);
            return output::line(serde_json::to_string_pretty(&object)?);
        }
        output::line(format_args!("created webhook {}", made.id))?;
        output::line(format_args!("secret {secret}"))
    }

    /// Checks that the action types and events exist, as the REST API does.
    fn check(&self, store: &SqliteStore, rows: &StoredOrganizer) -> Result<()> {
        let catalogue = Catalogue::new(&rows.organizer.dialects, &rows.action_types);
        if let Some(unknown) = self
            .action_types
            .iter()
            .find(|name| !catalogue.is_selectable(name.as_str()))
        {
            bail!("{} has no action type {unknown}", self.organizer);
        }
        let events = store.events(rows.organizer.id)?;
        if let Some(unknown) = self
            .events
            .iter()
            .find(|slug| !events.iter().any(|e| e.slug == **slug))
        {
            bail!(
                "{} has no event {unknown}; create it with `sonnette event create`",
                self.organizer
            );
        }
        Ok(())
    }
}
