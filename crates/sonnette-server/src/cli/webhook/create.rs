//! `sonnette webhook create`.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use clap::Args;
use serde_json::json;
use sonnette::domain::{
    ActionName, EventFilter, EventSlug, OrganizerSlug, Secrets, TargetUrl, Webhook, WebhookId,
    WebhookSettings, WebhookState,
};
use sonnette::engine::OrganizerSnapshot;
use sonnette::store::sqlite::SqliteStore;
use sonnette::store::{RegistryStore as _, WebhookStore as _};

use super::entry;
use crate::cli::{audit, output, registry};
use crate::config::Settings;
use crate::credentials::random_secret;

/// The command.
#[derive(Args)]
pub(in crate::cli) struct Create {
    /// Whose notifications it hears
    organizer: OrganizerSlug,
    /// Where it is called
    target_url: TargetUrl,
    /// What it hears, such as pretix.event.order.placed; repeatable
    #[arg(long = "action-type", value_name = "ACTION_TYPE", required = true)]
    action_types: Vec<ActionName>,
    /// Only of these events; repeatable [default: all events]
    #[arg(long = "event", value_name = "SLUG")]
    events: Vec<EventSlug>,
    /// A note of your own
    #[arg(long)]
    comment: Option<String>,
    /// As an object
    #[arg(long)]
    json: bool,
}

impl Create {
    pub(super) fn run(self, settings: &Settings) -> Result<()> {
        let store = registry::open(settings)?;
        let rows = registry::organizer(&store, &self.organizer)?;
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
            generation: 0,
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
        let note = audit::note("pretix.webhook.created", entry(slug, &webhook));
        let made = store.add_webhook(&webhook, note)?;
        let secret = made.secrets.current.text();
        if self.json {
            let mut shown = entry(slug, &made);
            shown["secret"] = json!(secret);
            return output::line(serde_json::to_string_pretty(&shown)?);
        }
        output::line(format_args!("created webhook {}", made.id))?;
        output::line(format_args!("secret {secret}"))
    }

    /// The rules of the API: what is named must be known.
    fn check(&self, store: &SqliteStore, rows: &OrganizerSnapshot) -> Result<()> {
        if let Some(unknown) = self
            .action_types
            .iter()
            .find(|name| !rows.catalogue.is_selectable(name.as_str()))
        {
            bail!("{} knows no action type {unknown}", self.organizer);
        }
        let events = store.events(rows.organizer.id)?;
        if let Some(unknown) = self
            .events
            .iter()
            .find(|slug| !events.iter().any(|e| e.slug == **slug))
        {
            bail!(
                "{} has no event {unknown}; `sonnette event create` makes it",
                self.organizer
            );
        }
        Ok(())
    }
}
